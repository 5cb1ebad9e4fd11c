"""Whatever a shopper asks, of every route of the OpenAPI document, she hears nothing of another one."""

import re
from datetime import timedelta

import pytest

from endcap.messages import CustomerAlert
from endcap.testing import NOON, a_product
from endcap_backend.log import NewRecord
from endcap_backend.retail.catalogue import put_placements

CANARY = "canary"


@pytest.fixture
def api(make_api, database):
    """An application where Ann has something of everything; `canaries` are what would give her away."""
    api = make_api(database=database)
    with database.writing() as connection:
        put_placements(connection, [a_product()], 0)
    staff = api.work_as("manager")["token"]
    ann = api.enter()
    item = {"id": "canary-item", "text": CANARY, "changed_at": "2026-11-24T12:00:00Z", "sku": 9001}
    api.call("PUT", "/v1/wishlist", {"items": [item]})
    call = api.post("/v1/help", {"store": "s1", "text": CANARY, "latitude": 12.34567, "longitude": 76.54321}).json
    order = {"store": "s1", "state": "ready", "items": 1, "door": CANARY, "uid": ann["uid"]}
    assert api.call("PUT", "/v1/pickups/canary-order", order, token=staff).status_code == 200
    fix = {"latitude": 12.34567, "longitude": 76.54321, "id": "a:1", "taken_at": "2026-11-24T12:00:00Z"}
    assert api.post("/v1/locations", {"locations": [fix]}).status_code == 202
    alert = CustomerAlert("canary-alert", ann["uid"], "deal", CANARY, CANARY, NOON + timedelta(hours=1))
    api.log.append([NewRecord(alert.TOPIC, alert.uid, alert.to_text(), 1, alert.id)])
    card = api.get("/v1/loyalty").json["card"]["number"]
    api.ids = [ann["uid"], call["id"], "canary-order", "canary-item", card]
    api.canaries = [CANARY, *api.ids, "12.34567", "76.54321"]
    assert all(CANARY in api.get(path).text for path in ("/v1/wishlist", "/v1/pickups", f"/v1/help/{call['id']}"))
    return api


def operations(api):
    for path, methods in api.get("/openapi.json", token="").json["paths"].items():
        for method, described in methods.items():
            if not any("staff" in each and len(described["security"]) == 1 for each in described.get("security", [])):
                yield method.upper(), path


def test_no_answer_to_another_shopper_or_to_nobody_holds_anything_of_hers(api):
    bea = api.enter()["token"]
    asked = sorted(operations(api), key=lambda each: each == ("DELETE", "/v1/me"))  # which ends her session, last
    assert len(asked) > 25
    for method, path in asked:
        for id in api.ids if "{" in path else [""]:
            for token in (bea, "none"):
                body = {} if method in ("POST", "PUT", "PATCH") else None
                answer = api.call(method, re.sub(r"{\w+}", id, path), body, token=token)
                found = [each for each in api.canaries if each in answer.text]
                assert found == [], (method, path, id, answer.text)


def test_what_another_shopper_does_to_hers_changes_nothing(api):
    hers = api.session["token"]
    before = [api.get(path, token=hers).json for path in ("/v1/wishlist", "/v1/pickups", f"/v1/help/{api.ids[1]}")]
    api.enter()
    item = {"id": "canary-item", "text": "mine", "changed_at": "2026-11-24T12:01:00Z", "removed": True}
    api.call("PUT", "/v1/wishlist", {"items": [item]})
    assert api.call("PATCH", f"/v1/help/{api.ids[1]}", {"state": "cancelled"}).status_code == 404
    assert api.call("DELETE", "/v1/me").status_code == 202
    after = [api.get(path, token=hers).json for path in ("/v1/wishlist", "/v1/pickups", f"/v1/help/{api.ids[1]}")]
    assert after == before
