"""What staff change: promotions, shelves and stock, by JSON or as a file, and what the topics hear of it."""

import gzip
import json

import pytest

from endcap.messages import ProductPromotion, StoreProduct
from endcap.testing import a_product
from endcap_backend.match.engine import MatchEngine
from endcap_backend.retail.audit import last
from endcap_backend.retail.feed import Feed

SHELF = {
    "SKU": 9001, "segment": "coffee", "latitude": 60.16952, "longitude": 24.93545, "store": "s1", "section": "coffee",
    "name": "Dark roast 500 g", "price": 6.9, "stock": 12,
}  # fmt: skip
CSV = "SKU,segment,lat,lon,store,price\n9001,coffee,60.16952,24.93545,s1,6.90\n9002,coffee,60.16953,24.93546,s1,4.50\n"


@pytest.fixture
def manager(shop):
    Feed(shop.database, shop.log).drain()
    shop.work_as("manager")
    return shop


def put(shop, path, body=None, **more):
    return shop.call("PUT", f"/v1/{path}", body, **more)


def on_topics(shop):
    """What the topics have heard, as messages."""
    Feed(shop.database, shop.log).drain()
    kinds = {each.TOPIC: each for each in (StoreProduct, ProductPromotion)}
    return [kinds[each.topic].from_text(each.value) for each in shop.records() if each.topic in kinds]


def trail(shop):
    with shop.database.reading() as connection:
        return [(each["who"], each["action"], each["thing"], json.loads(each["detail"])) for each in last(connection)]


def test_a_promotion_is_answered_as_it_counts_told_to_the_topic_and_audited(manager):
    answer = put(manager, "promotions/p1", {"segment": "coffee", "SKU": 9001, "kind": "percent", "value": 20})
    counts = {"pid": "p1", "segment": "coffee", "SKU": 9001, "discount": 20, "kind": "percent", "value": 20}
    assert (answer.status_code, answer.json) == (200, {**counts, "members_only": False})
    assert on_topics(manager) == [ProductPromotion("p1", "coffee", 9001, discount=20.0)]
    assert trail(manager) == [("manager-1", "put", "promotions/p1", answer.json)]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "segment"),
        ({"segment": "coffee", "pid": "p2"}, "pid"),
        ({"segment": "coffee", "kind": "n_for_m", "n": 2, "m": 2}, "m"),
        ({"segment": "coffee", "starts_at": "2026-11-24T12:00:00Z", "ends_at": "2026-11-24T12:00:00Z"}, "ends_at"),
        ({"segment": "coffee", "discount": 101}, "discount"),
    ],
)
def test_a_promotion_that_can_not_be_is_refused_by_its_field(manager, body, field):
    answer = put(manager, "promotions/p1", body)
    assert (answer.status_code, answer.json["field"]) == (422, field)
    assert on_topics(manager) == []
    assert trail(manager) == []


def test_an_ended_promotion_stops_at_once(manager):
    """The match hears of the change before the next fix, and has nothing to tell."""
    match = MatchEngine("product")
    heard = 0

    def tell_match():
        nonlocal heard
        Feed(manager.database, manager.log).drain()
        for each in manager.log.read(heard, 1000):
            heard = each.offset
            match.process(each.topic, each.key, each.value.encode(), each.timestamp_ms)

    def fix_of(uid):
        fix = {"uid": uid, "latitude": 60.16952, "longitude": 24.93545}
        at_ms = round(manager.clock.now().timestamp() * 1000)
        return match.process("customers_locations", uid, json.dumps(fix).encode(), at_ms)

    put(manager, "placements", {"placements": [SHELF]})
    put(manager, "promotions/p1", {"segment": "coffee", "discount": 20})
    tell_match()
    assert len(fix_of("ann")) == 1
    put(manager, "promotions/p1", {"segment": "coffee", "discount": 20, "ends_at": "2026-11-24T12:00:00Z"})
    tell_match()
    assert fix_of("bea") == []


def test_shelves_are_put_all_or_none_and_a_repeat_changes_nothing(manager):
    bad = {**SHELF, "SKU": 9002, "latitude": 95}
    refused = put(manager, "placements", {"placements": [SHELF, bad, "no object", {**SHELF, "price": 1}]})
    assert refused.status_code == 422
    assert [(each["index"], each["field"]) for each in refused.json["errors"]] == [(1, "latitude"), (2, ""), (3, "SKU")]
    assert on_topics(manager) == []
    assert put(manager, "placements", {"placements": [SHELF]}).json["new"] == 1
    assert put(manager, "placements", {"placements": [SHELF]}).json["unchanged"] == 1
    assert on_topics(manager) == [a_product(stock=12)]


@pytest.mark.parametrize(
    ("media", "body"),
    [
        ("text/csv", CSV),
        ("application/jsonl", "\n".join(json.dumps({**SHELF, "SKU": sku}) for sku in (9001, 9002))),
        ("application/x-ndjson", "\n".join(json.dumps({**SHELF, "SKU": sku}) for sku in (9001, 9002))),
        (
            "application/geo+json",
            json.dumps(
                {
                    "type": "FeatureCollection",
                    "features": [
                        {
                            "type": "Feature",
                            "geometry": {"type": "Point", "coordinates": [24.93545, 60.16952]},
                            "properties": {"SKU": sku, "segment": "coffee", "store": "s1"},
                        }
                        for sku in (9001, 9002)
                    ],
                }
            ),
        ),
    ],
)
def test_shelves_come_as_a_file_of_each_kind_packed_or_not(manager, media, body):
    dry = put(manager, "placements?dry_run=true", data=body, content_type=media)
    assert dry.json == {"new": 2, "changed": 0, "unchanged": 0, "dry_run": True}
    assert on_topics(manager) == []
    packed = {"Content-Encoding": "gzip"}
    answer = put(manager, "placements", data=gzip.compress(body.encode()), content_type=media, headers=packed)
    assert answer.json == {"new": 2, "changed": 0, "unchanged": 0, "dry_run": False}
    assert {each.sku for each in on_topics(manager)} == {9001, 9002}


def test_a_fault_in_a_file_is_told_by_its_line(manager):
    answer = put(manager, "placements", data=CSV.replace("4.50", '"4,50"'), content_type="text/csv")
    (fault,) = answer.json["errors"]
    reason = "must be a number with a point, such as 2.49, not a comma"
    assert fault == {"index": 1, "field": "price", "reason": reason, "where": "body.csv line 3"}


@pytest.mark.parametrize(
    ("body", "media", "status"),
    [
        ("", "text/csv", 422),
        ("nothing,of,ours\n1,2,3\n", "text/csv", 422),
        ("[]", "application/geo+json", 422),
        ('{"placements": []}', "application/json", 422),
        ('{"placements": 7}', "application/json", 422),
        ("{}", "application/json", 422),
        ("a: b", "application/yaml", 415),
        ("SKU\n" + "1\n" * 600_000, "text/csv", 413),
    ],
)
def test_a_body_that_holds_no_shelves_is_refused(manager, body, media, status):
    assert put(manager, "placements", data=body, content_type=media).status_code == status


def test_promotions_come_in_bulk_too(manager):
    csv = "pid,segment,title,discount\np1,coffee,Coffee week,20\np2,tea,Tea week,10\n"
    assert put(manager, "promotions", data=csv, content_type="text/csv").json["new"] == 2
    assert [each.pid for each in on_topics(manager)] == ["p1", "p2"]
    assert trail(manager)[0][3] == {"new": 2, "changed": 0, "things": ["p1", "p2"]}


def test_stock_is_counted_by_staff_and_told_as_the_shelf_it_is_on(manager):
    put(manager, "placements", {"placements": [SHELF]})
    manager.work_as("staff")
    assert put(manager, "stock", {"stock": [{"sku": 9001, "store": "s1", "stock": 3}]}).json["changed"] == 1
    assert on_topics(manager)[-1] == a_product(stock=3)
    assert trail(manager)[0][:3] == ("staff-1", "put", "stock")
    assert put(manager, "stock", data="sku,store,stock\n9001,s1,0\n", content_type="text/csv").json["changed"] == 1
    assert on_topics(manager)[-1].stock == 0


def test_stock_of_what_stands_nowhere_is_a_fault_and_none_is_set(manager):
    put(manager, "placements", {"placements": [SHELF]})
    levels = [
        {"sku": 9001, "store": "s1", "stock": 3},
        {"sku": 9001, "store": "s2", "stock": 3},
        {"sku": 1, "stock": 3},
    ]
    answer = put(manager, "stock", {"stock": levels})
    assert (answer.status_code, [each["index"] for each in answer.json["errors"]]) == (422, [1, 2])
    assert [each.stock for each in on_topics(manager)] == [12]


def test_a_dry_run_says_yes_or_no(manager):
    assert put(manager, "stock?dry_run=maybe", {"stock": []}).json["field"] == "dry_run"
