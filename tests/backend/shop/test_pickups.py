"""Pickup orders: staff say how far one is, she sees hers, and is told once when it is ready."""

import json

import pytest
from sqlalchemy import select

from endcap_backend.retail.shop_tables import Notice

ORDER = {"store": "s1", "state": "preparing", "items": 4}


@pytest.fixture
def her(shop):
    """A shopper with a card; the staff's token stands in `tokens`."""
    shop.tokens = {"staff": shop.work_as("staff", "aino")["token"]}
    shop.enter()
    return shop


def put(shop, id="o1", **changes):
    return shop.call("PUT", f"/v1/pickups/{id}", {**ORDER, **changes}, token=shop.tokens["staff"])


def notices(shop):
    with shop.database.reading() as connection:
        return [(row.channel, row.name, json.loads(row.data)) for row in connection.execute(select(Notice.__table__))]


def test_she_sees_her_order_and_is_told_once_when_it_is_ready(her):
    assert put(her, uid=her.uid).json == {"id": "o1", **ORDER}
    her.clock.advance(600)
    ready = put(her, state="ready", door="north").json
    assert ready == {"id": "o1", **ORDER, "state": "ready", "door": "north", "ready_at": "2026-11-24T12:10:00.000Z"}
    assert her.get("/v1/pickups").json == {"orders": [ready]}
    her.clock.advance(60)
    assert put(her, state="ready", door="south").json["ready_at"] == ready["ready_at"]
    assert put(her, state="collected").json["state"] == "collected"
    assert notices(her) == [(f"promotions:{her.uid}", "pickup", {"notice": "pickup", **ready})]


def test_an_order_is_found_by_the_number_of_her_card(her):
    card = her.get("/v1/loyalty").json["card"]["number"]
    assert put(her, card=card).status_code == 200
    assert [each["id"] for each in her.get("/v1/pickups").json["orders"]] == ["o1"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({}, "card"),
        ({"card": "2900000000000"}, "card"),
        ({"card": "7"}, "card"),
        ({"state": "lost"}, "state"),
        ({"items": -1}, "items"),
    ],
)
def test_an_order_that_can_not_be_is_refused_by_its_field(her, changes, field):
    answer = put(her, **changes)
    assert (answer.status_code, answer.json["field"]) == (422, field)
    assert her.get("/v1/pickups").json == {"orders": []}


def test_an_order_never_becomes_another_shoppers_and_she_sees_hers_alone(her):
    put(her, uid=her.uid)
    first = her.session["token"]
    her.enter()
    assert put(her, uid=her.uid).json["field"] == "uid"
    assert her.get("/v1/pickups").json == {"orders": []}
    assert len(her.get("/v1/pickups", token=first).json["orders"]) == 1
    assert put(her, id="a b", uid=her.uid).status_code == 404


def test_collected_orders_are_forgotten_after_a_month_and_erased_with_her(her):
    put(her, uid=her.uid, state="collected")
    her.clock.advance(30 * 86_400 + 1)
    her.tokens["staff"] = her.work_as("staff", "aino")["token"]
    her.enter()
    put(her, id="o2", uid=her.uid, state="ready")
    exported = her.get("/v1/me/export").json["shop"]
    assert ([each["id"] for each in exported["pickups"]], len(exported["notices"])) == (["o2"], 1)
    her.call("DELETE", "/v1/me")
    assert notices(her) == []
