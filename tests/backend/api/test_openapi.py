import json

import pytest
from openapi_spec_validator import validate

from endcap.messages import CustomerEvent, CustomerLocation
from endcap.testing import a_product
from endcap_backend.retail.catalogue import put_placements

CACHED = {  # a path of each, and how the document names it
    "/v1/stores": "/v1/stores",
    "/v1/geofences": "/v1/geofences",
    "/v1/stores/s1/plan": "/v1/stores/{store}/plan",
    "/v1/products?q=tea": "/v1/products",
    "/v1/products/1/alternatives": "/v1/products/{sku}/alternatives",
}


@pytest.fixture
def document(api):
    return api.get("/openapi.json", token="").get_json()


def operations(document):
    return [operation for path in document["paths"].values() for operation in path.values()]


def test_the_document_is_openapi_3_1(document):
    assert document["openapi"].startswith("3.1")
    validate(document)


def test_every_route_is_described_and_nothing_else(api, document):
    routes = {
        (rule.rule.replace("<", "{").replace(">", "}"), method.lower())
        for rule in api.app.url_map.iter_rules()
        if not rule.rule.startswith("/console")  # pages for people, no API
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert routes == {(path, method) for path, methods in document["paths"].items() for method in methods}


def test_the_messages_are_as_the_sdk_declares_them_but_for_the_uid(document):
    for message in (CustomerLocation, CustomerEvent):
        described = document["components"]["schemas"][message.__name__]
        assert described["properties"] == json.loads(json.dumps(message.schema()["properties"]))
        assert set(message.schema()["required"]) - set(described["required"]) == {"uid"}


def test_each_operation_has_a_name_of_its_own(document):
    names = [operation["operationId"] for operation in operations(document)]
    assert len(names) == len(set(names))


def test_what_takes_a_token_may_answer_401(document):
    for operation in operations(document):
        if "security" in operation:
            assert "401" in operation["responses"]


def test_what_need_not_be_sent_again_is_described_with_its_etag(make_api, database):
    api = make_api(database=database)
    with database.writing() as connection:
        put_placements(connection, [a_product(sku=1, store="s1")], 0)
    paths = api.get("/openapi.json", token="").get_json()["paths"]
    for path, template in CACHED.items():
        first = api.get(path)
        again = api.get(path, headers={"If-None-Match": first.headers["ETag"]})
        assert (first.status_code, again.status_code) == (200, 304)
        described = paths[template]["get"]
        assert [list(described["responses"][status]["headers"]) for status in ("200", "304")] == [["ETag"], ["ETag"]]
        assert "content" not in described["responses"]["304"]
        assert ("If-None-Match", "header") in [(each["name"], each["in"]) for each in described["parameters"]]


def test_nothing_else_is_described_with_an_etag_of_a_reading(document):
    found = [
        path for path, methods in document["paths"].items() if "304" in methods.get("get", {}).get("responses", {})
    ]
    assert sorted(found) == sorted(CACHED.values())


def test_the_document_is_the_same_every_time(api, document):
    assert api.get("/openapi.json", token="").get_json() == document
