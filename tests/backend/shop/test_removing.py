"""What a manager takes off: shelves and promotions, what the topics hear of it, and what is kept for the books."""

import json
from threading import Thread

import pytest
from sqlalchemy import insert, select

from endcap.messages import ProductPromotion, StoreProduct
from endcap.testing import a_product, a_promotion
from endcap_backend.match.engine import MatchEngine
from endcap_backend.retail.audit import last
from endcap_backend.retail.catalogue import placements_by, promotions_by, put_placements, put_promotions
from endcap_backend.retail.feed import Feed
from endcap_backend.retail.promoted import use
from endcap_backend.retail.removal import remove_promotion
from endcap_backend.retail.schema import Placement, Promotion
from endcap_backend.retail.till_tables import RedeemedOffer, Redemption

FIX = b'{"uid": "ann", "latitude": 60.16952, "longitude": 24.93545, "country": "FIN", "id": "a:%d"}'


@pytest.fixture
def manager(shop):
    """A shop with one promoted product on two shelves, its topics told of it, and its manager."""
    with shop.database.writing() as connection:
        put_placements(connection, [a_product(), a_product(store="s2"), a_product(store=None)], 0)
        put_promotions(connection, [a_promotion()], 0)
    Feed(shop.database, shop.log).drain()
    shop.work_as("manager")
    return shop


@pytest.fixture
def match(manager):
    """What a shopper hears at a fix, once the match has heard what the topics have."""
    engine, heard, fixes = MatchEngine("product"), 0, 0

    def hears():
        nonlocal heard, fixes
        Feed(manager.database, manager.log).drain()
        for each in manager.log.read(heard, 1000):
            heard = each.offset
            engine.process(each.topic, each.key, each.value.encode(), each.timestamp_ms)
        fixes += 1
        at_ms = int(manager.clock.now().timestamp() * 1000)
        found = engine.process("customers_locations", "ann", FIX.replace(b"ann", b"u%d" % fixes) % fixes, at_ms)
        return sorted(json.loads(each.value).get("STORE", "") for each in found)

    return hears


def on_topics(shop):
    """The last record of each topic, as a message."""
    Feed(shop.database, shop.log).drain()
    kinds = {each.TOPIC: each for each in (StoreProduct, ProductPromotion)}
    return {each.topic: kinds[each.topic].from_text(each.value) for each in shop.records() if each.topic in kinds}


def trail(shop):
    with shop.database.reading() as connection:
        return [(each["who"], each["action"], each["thing"]) for each in last(connection)]


def redeem(shop, pid="p1", number="till:1"):
    """A purchase that a promotion was used for."""
    row = {
        "id": number, "nonce": number, "uid": "ann", "asked": "", "at": shop.clock.now(), "store": "s1", "till": "t1",
        "total_cents": 900, "off_cents": 100, "points": 9, "answer": "{}",
    }  # fmt: skip
    with shop.database.writing() as connection:
        assert use(connection, pid, 100)
        connection.execute(insert(Redemption), [row])
        used = {"redemption": number, "source": "promotion", "offer": pid, "off_cents": 100}
        connection.execute(insert(RedeemedOffer), [used])


def test_a_product_that_is_taken_off_its_shelf_is_offered_there_no_more(manager, match):
    assert match() == ["", "s1", "s2"]
    assert manager.call("DELETE", "/v1/placements/s1/9001").status_code == 204
    assert match() == ["", "s2"]
    assert manager.call("DELETE", "/v1/placements/9001").status_code == 204
    assert match() == ["s2"]
    assert trail(manager) == [
        ("manager-1", "removed", "placements//9001"),
        ("manager-1", "removed", "placements/s1/9001"),
    ]


def test_its_last_record_names_the_shelf_and_says_that_it_is_gone(manager):
    manager.call("DELETE", "/v1/placements/s1/9001")
    assert on_topics(manager)[StoreProduct.TOPIC] == a_product(stock=0, removed=True)
    with manager.database.reading() as connection:
        assert set(placements_by(connection, Placement.sku == 9001)) == {(9001, ""), (9001, "s2")}


def test_a_product_that_is_put_back_is_offered_again(manager, match):
    manager.call("DELETE", "/v1/placements/s1/9001")
    assert match() == ["", "s2"]
    body = {"placements": [{"SKU": 9001, "store": "s1", "latitude": 60.16952, "longitude": 24.93545}]}
    assert manager.call("PUT", "/v1/placements", body).json["new"] == 1
    assert match() == ["", "s1", "s2"]


def test_the_search_finds_it_in_the_other_stores_alone(manager):
    def found(store):
        return len(manager.get(f"/v1/products?q=dark&store={store}").json["products"])

    assert (found("s1"), found("s2")) == (1, 1)
    manager.call("DELETE", "/v1/placements/s1/9001")
    assert (found("s1"), found("s2")) == (0, 1)


@pytest.mark.parametrize("path", ["s1/9001", "s1/77", "s9/9001", "s1/x", f"s1/{2**70}", "s%20/1", "77", "-1", "s1/%00"])
def test_a_shelf_that_is_not_there_is_told_in_words(manager, path):
    manager.call("DELETE", "/v1/placements/s1/9001")
    before = trail(manager)
    answer = manager.call("DELETE", f"/v1/placements/{path}")
    assert (answer.status_code, answer.json["type"]) == (404, "urn:endcap:problem:not_found")
    assert "no more" in answer.json["detail"] or "such an id" in answer.json["detail"]
    assert trail(manager) == before


def test_a_promotion_that_nobody_redeemed_is_deleted_and_has_ended(manager, match):
    assert match() == ["", "s1", "s2"]
    answer = manager.call("DELETE", "/v1/promotions/p1")
    ended = {"pid": "p1", "ended_at": "2026-11-24T12:00:00.000Z", "archived": False}
    assert (answer.status_code, answer.json) == (200, ended)
    assert match() == []
    assert on_topics(manager)[ProductPromotion.TOPIC].ends_at == manager.clock.now()
    again = manager.call("DELETE", "/v1/promotions/p1")
    assert (again.status_code, "it was deleted" in again.json["detail"]) == (404, True)
    assert trail(manager) == [("manager-1", "deleted", "promotions/p1")]


def test_one_that_was_redeemed_is_kept_for_the_books(manager, match):
    redeem(manager)
    answer = manager.call("DELETE", "/v1/promotions/p1")
    assert answer.json["archived"] is True
    assert match() == []
    with manager.database.reading() as connection:
        row = connection.execute(select(Promotion.spent_cents, Promotion.archived_at)).one()
        assert (row.spent_cents, row.archived_at) == (100, manager.clock.now())
        assert connection.execute(select(RedeemedOffer.offer)).scalar_one() == "p1"
    manager.clock.advance(60)
    manager.work_as("manager")
    assert manager.call("DELETE", "/v1/promotions/p1").json == answer.json
    assert trail(manager) == [("manager-1", "archived", "promotions/p1")]


def test_one_that_was_archived_can_be_published_anew(manager, match):
    redeem(manager)
    manager.call("DELETE", "/v1/promotions/p1")
    assert manager.call("PUT", "/v1/promotions/p1", {"segment": "coffee", "discount": 5}).status_code == 200
    assert match() == ["", "s1", "s2"]
    with manager.database.reading() as connection:
        row = connection.execute(select(Promotion.spent_cents, Promotion.archived_at)).one()
    assert (row.spent_cents, row.archived_at) == (100, None)


def test_one_that_was_over_keeps_its_end(manager):
    body = {"segment": "coffee", "discount": 5, "ends_at": "2026-11-01T00:00:00Z"}
    manager.call("PUT", "/v1/promotions/p1", body)
    heard = len(manager.records())
    answer = manager.call("DELETE", "/v1/promotions/p1")
    assert answer.json["ended_at"] == "2026-11-01T00:00:00.000Z"
    on_topics(manager)
    assert len(manager.records()) == heard + 1  # of the change alone


def test_a_till_that_is_using_a_promotion_comes_before_who_deletes_it(manager):
    gone = []

    def take_off():
        with manager.database.writing() as connection:
            gone.append(remove_promotion(connection, "p1", manager.clock.now()))

    with manager.database.writing() as connection:
        assert use(connection, "p1", 100)
        other = Thread(target=take_off)
        other.start()
        other.join(0.3)  # it waits for the till
        row = {
            "id": "till:1", "nonce": "n1", "asked": "", "at": manager.clock.now(), "store": "s1", "till": "t1",
            "total_cents": 900, "off_cents": 100, "points": 9, "answer": "{}",
        }  # fmt: skip
        connection.execute(insert(Redemption), [row])
        used = {"redemption": "till:1", "source": "promotion", "offer": "p1", "off_cents": 100}
        connection.execute(insert(RedeemedOffer), [used])
    other.join(30)
    assert [each.archived for each in gone] == [True]
    with manager.database.reading() as connection:
        assert set(promotions_by(connection, Promotion.pid == "p1")) == {"p1"}


@pytest.mark.parametrize("pid", ["none", "x" * 65, "%00", "a%0Ab"])
def test_a_promotion_that_is_not_there_is_told_in_words(manager, pid):
    answer = manager.call("DELETE", f"/v1/promotions/{pid}")
    assert (answer.status_code, answer.json["type"]) == (404, "urn:endcap:problem:not_found")
    assert trail(manager) == []


def test_a_file_can_not_say_that_something_is_removed(manager):
    csv = "SKU,segment,lat,lon,store,removed\n9001,coffee,60.16952,24.93545,s1,true\n"
    answer = manager.call("PUT", "/v1/placements", data=csv, content_type="text/csv")
    assert (answer.status_code, answer.json["field"]) == (422, "removed")
