"""Every field of every message that is posted, wrong in every way: named, and its neighbours stored."""

import gzip
import json

import pytest

from endcap.messages import CustomerEvent, CustomerLocation

DEEP = "[" * 100_000
BATCHES = {
    "locations": (CustomerLocation, {"uid": None, "latitude": 60.1, "longitude": 24.9}),
    "events": (CustomerEvent, {"uid": None, "id": "e", "kind": "enter", "occurred_at": "2026-11-24T12:00:00Z"}),
}
FIELDS = [(name, wire) for name, (message, _) in BATCHES.items() for wire in message.wires().values()]
OPTIONAL = [(name, wire) for name, wire in FIELDS if not wire.required or wire.name == "uid"]
REQUIRED = [(name, wire) for name, wire in FIELDS if wire.required and wire.name != "uid"]


def named(case):
    return case.name if hasattr(case, "name") else str(case)[:40]


def posted(api, name, item):
    """Post an item between two good neighbours; returns what became of the three."""
    good = BATCHES[name][1]
    ids = ["n:1", "n:2"] if name == "locations" else ["n-1", "n-2"]
    before, after = ({**good, "id": each} for each in ids)
    text = json.dumps({name: [before, item, after]})
    answer = api.post(f"/v1/{name}", data=text.encode(), content_type="application/json")
    assert answer.status_code == 202, answer.text
    assert {record.id for record in api.records()} >= set(ids)
    return answer.get_json()["results"]


def wrong_values(wire):
    """Values of the right shape of JSON that this field must refuse."""
    wrong = [[], {}, [wire.name], {"$gt": ""}, [[[[[]]]]]]
    if wire.kind in ("number", "integer"):
        wrong += ["1", True, False, float("nan"), float("inf"), float("-inf"), 10**400]
        wrong += [wire.minimum - 0.001] if wire.minimum is not None else []
        wrong += [wire.maximum * 1.001 + 1] if wire.maximum is not None else []
        wrong += [1.5] if wire.kind == "integer" else []
    else:
        wrong += [7, 1.5, True, float("nan"), "x" * 1_000_000, "\x00", "half \ud800", "line\nbreak"]
    if wire.kind == "instant":
        wrong += ["", "yesterday", "2026-11-24", "2026-11-24T12:00:00", "2026-13-24T12:00:00Z", "2026-11-24T25:00:00Z"]
    if wire.choices or wire.pattern:
        wrong += ["", "no such thing", "'; DROP TABLE records; --", "‮", "../../etc/passwd"]
    return wrong


@pytest.mark.parametrize(("name", "wire"), FIELDS, ids=named)
def test_a_field_with_a_wrong_value_is_named_and_its_neighbours_are_stored(api, name, wire):
    for value in wrong_values(wire):
        fresh = {**BATCHES[name][1], wire.name: value}
        _, outcome, _ = posted(api, name, fresh)
        assert (outcome["status"], outcome["field"]) == ("rejected", wire.name), value
        assert outcome["reason"]
        assert "DROP" not in outcome["reason"]


@pytest.mark.parametrize(("name", "wire"), REQUIRED, ids=named)
def test_a_required_field_that_is_missing_or_null_is_named(api, name, wire):
    missing = {key: value for key, value in BATCHES[name][1].items() if key != wire.name}
    for item, reason in ((missing, "is missing"), ({**missing, wire.name: None}, "must not be null")):
        _, outcome, _ = posted(api, name, item)
        assert (outcome["field"], outcome["reason"]) == (wire.name, reason)


@pytest.mark.parametrize(("name", "wire"), OPTIONAL, ids=named)
def test_an_optional_field_may_be_missing_or_null(api, name, wire):
    missing = {key: value for key, value in BATCHES[name][1].items() if key != wire.name}
    for item in (missing, {**missing, wire.name: None}):
        assert posted(api, name, item)[1]["status"] in ("accepted", "duplicate")


@pytest.mark.parametrize("name", BATCHES)
@pytest.mark.parametrize("item", [None, True, 7, "text", [], [[]], float("nan"), {}], ids=named)
def test_an_item_that_is_no_message_is_rejected(api, name, item):
    assert posted(api, name, item)[1]["status"] == "rejected"


@pytest.mark.parametrize("name", BATCHES)
@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        (b"", 400, "the body is not JSON"),
        (b"{", 400, "the body is not JSON"),
        (b'{"locations": [{"latitude": 1, "longitude": 2, "country": "\xff"}]}', 400, "not valid UTF-8 at byte"),
        ('{"locations": []}'.encode("utf-16"), 400, "not valid UTF-8"),
        (b"\xef\xbb\xbf{}", 400, "the body is not JSON"),
        (b'{"locations": ' + DEEP.encode(), 400, "nested too deep"),
        (b'{"locations": ' + b'{"a":' * 100_000, 400, "nested too deep"),
        (b'{"locations": [1' + b"0" * 5000 + b"]}", 400, "the body is not JSON that can be read"),
        (b"'" * 2_000_000, 413, "at most 1048576 bytes"),
    ],
    ids=named,
)
def test_a_body_that_cannot_be_read_is_refused_as_a_whole(api, name, body, status, detail):
    answer = api.post(f"/v1/{name}", data=body, content_type="application/json")
    assert answer.status_code == status
    assert detail in answer.get_json()["detail"]


@pytest.mark.parametrize(
    ("packed", "status", "detail"),
    [
        (b"not gzip", 400, "not valid gzip"),
        (gzip.compress(b'{"locations": []}')[:-4], 400, "not one whole gzip member"),
        (gzip.compress(b"{}") + b"more", 400, "not one whole gzip member"),
        (gzip.compress(b"{}") * 2, 400, "not one whole gzip member"),
        (b"", 400, "not one whole gzip member"),
        (gzip.compress(b" " * 2_000_000), 413, "at most 1048576 bytes"),
        (gzip.compress(b" " * 500_000), 413, "unpacks to more than 200 times"),
        (gzip.compress(gzip.compress(b"{}")), 400, "not valid UTF-8"),
    ],
    ids=["no gzip", "cut", "trailing", "two members", "empty", "bomb", "small bomb", "packed twice"],
)
def test_a_packed_body_that_cannot_be_unpacked_is_refused(api, packed, status, detail):
    answer = api.post(
        "/v1/locations", data=packed, content_type="application/json", headers={"Content-Encoding": "gzip"}
    )
    assert (answer.status_code, detail in answer.get_json()["detail"]) == (status, True), answer.text


@pytest.mark.parametrize(
    ("content_type", "encoding"),
    [
        ("text/plain", None),
        ("application/x-www-form-urlencoded", None),
        ("multipart/form-data", None),
        ("application/json; charset=latin-1", None),
        ("", None),
        ("application/json", "br"),
        ("application/json", "gzip, gzip"),
        ("application/json", "deflate"),
    ],
)
def test_a_body_of_another_kind_is_refused(api, content_type, encoding):
    headers = {"Content-Encoding": encoding} if encoding else {}
    answer = api.post("/v1/locations", data=b"{}", content_type=content_type, headers=headers)
    assert answer.status_code == 415
    assert answer.get_json()["detail"]


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON; charset=UTF-8"])
def test_json_in_utf8_is_taken_however_it_is_named(api, a_location, content_type):
    body = json.dumps({"locations": [a_location(country="Åland")]}, ensure_ascii=False).encode()
    assert api.post("/v1/locations", data=body, content_type=content_type).status_code == 202
    assert "Åland" in api.records()[0].value
