import json
from datetime import timedelta

from endcap.messages import CUSTOMERS_LOCATIONS
from endcap.testing import a_product
from endcap.wire import epoch_ms
from endcap_backend.api.erasure import Erasure
from endcap_backend.console.parts import FLOOR_S
from endcap_backend.console.presence import Presence
from endcap_backend.log import NewRecord
from endcap_backend.retail.catalogue import put_placements

IN_STORE = (60.1696, 24.9356)


def test_a_shopper_in_the_store_is_a_dot_without_a_name(enter, walk):
    visitor = enter()
    uid = walk(*IN_STORE)
    answer = visitor.get("/console/live?store=s1")
    (dot,) = answer.get_json()["dots"]
    assert uid not in answer.text
    assert uid[:8] not in visitor.get("/console").text
    assert set(dot) == {"id", "x", "y"}


def test_who_is_elsewhere_is_not_in_the_picture(enter, walk):
    visitor = enter()
    walk(60.2, 24.9356)
    assert visitor.get("/console/live?store=s1").get_json() == {"dots": []}


def test_who_was_not_heard_for_a_minute_is_gone(shop, enter, walk):
    visitor = enter()
    walk(*IN_STORE)
    shop.clock.advance(59)
    assert len(visitor.get("/console/live?store=s1").get_json()["dots"]) == 1
    shop.clock.advance(2)
    assert visitor.get("/console/live?store=s1").get_json()["dots"] == []


def test_who_is_erased_is_gone_at_once(shop, enter, walk):
    visitor = enter()
    walk(*IN_STORE)
    assert len(visitor.get("/console/live?store=s1").get_json()["dots"]) == 1
    shop.call("DELETE", "/v1/me")
    assert visitor.get("/console/live?store=s1").get_json()["dots"] == []


def test_who_is_erased_while_nobody_looks_is_gone_at_the_next_look(shop, enter, walk):
    visitor = enter()
    walk(*IN_STORE)
    assert len(visitor.get("/console/live?store=s1").get_json()["dots"]) == 1
    shop.call("DELETE", "/v1/me")
    assert Erasure(shop.log, shop.database, shop.clock).sweep() == 1  # the tombstone has gone, too
    assert visitor.get("/console/live?store=s1").get_json()["dots"] == []


def test_a_fix_that_slips_in_beside_her_erasure_brings_no_dot_back(shop, enter, walk):
    visitor = enter()
    uid = walk(*IN_STORE)
    shop.call("DELETE", "/v1/me")
    late = {"latitude": IN_STORE[0], "longitude": IN_STORE[1]}
    shop.log.append([NewRecord(CUSTOMERS_LOCATIONS, uid, json.dumps(late), epoch_ms(shop.clock.now()), "i1:2")])
    assert visitor.get("/console/live?store=s1").get_json()["dots"] == []
    erasure = Erasure(shop.log, shop.database, shop.clock)
    assert (erasure.sweep(), erasure.sweep()) == (0, 1)
    assert visitor.get("/console/live?store=s1").get_json()["dots"] == []


def test_dots_stand_in_the_picture_that_the_page_showed_until_it_is_drawn_anew(shop, enter, walk):
    visitor = enter()
    walk(*IN_STORE)

    def place():
        (dot,) = visitor.get("/console/live?store=s1").get_json()["dots"]
        return dot["x"], dot["y"]

    shown = place()
    with shop.database.writing() as connection:
        put_placements(connection, [a_product(sku=9, store="s1", latitude_deg=60.1705, longitude_deg=24.9354)], 0)
    shop.clock.advance(FLOOR_S - 1)
    assert place() == shown
    visitor.get("/console?store=s1")
    assert place()[1] > shown[1]  # the new shelf is further north
    assert visitor.get("/console/live?store=none").get_json() == {"dots": []}


def test_a_dot_keeps_its_id_while_one_looks_and_has_another_the_next_day(shop, walk):
    uid = walk(*IN_STORE)
    presence = Presence(shop.log, shop.clock)
    (first,), (again,) = presence.dots(), presence.dots()
    assert first.id == again.id
    assert first.id not in uid
    assert Presence(shop.log, shop.clock).dots()[0].id != first.id
    shop.clock.advance(timedelta(days=1).total_seconds())
    now_ms = epoch_ms(shop.clock.now())
    shop.log.append(
        [NewRecord(CUSTOMERS_LOCATIONS, uid, '{"latitude": 60.1696, "longitude": 24.9356}', now_ms, "i1:2")]
    )
    assert presence.dots()[0].id != first.id
