import json
import re
from dataclasses import replace
from threading import Thread

import pytest
from sqlalchemy import insert

from endcap.messages import ProductPromotion, StoreProduct
from endcap.testing import an_alert
from endcap.wire import epoch_ms
from endcap_backend.api.roles import Employee, Role
from endcap_backend.console.counter import Counter
from endcap_backend.console.pages.frame import ROWS
from endcap_backend.log import NewRecord
from endcap_backend.retail.catalogue import put_promotions
from endcap_backend.retail.feed import Feed
from endcap_backend.retail.stock import StockLevel, put_stock
from endcap_backend.retail.terms import ShopPromotion
from endcap_backend.retail.till_tables import RedeemedOffer, Redemption

PROMOTION = {"pid": "p1", "segment": "tea", "title": "Tea week", "discount": "10", "ends_at": "2027-01-01T10:00"}
SHELF = {
    "store": "s1", "SKU": "9", "segment": "tea", "name": "Rooibos", "section": "Tea",
    "latitude": "60,16961", "longitude": "24.93581", "price": "3.20", "stock": "7",
}  # fmt: skip


def topic(shop, name):
    """What the topic has heard once the feed has run."""
    feed = Feed(shop.database, shop.log, clock=shop.clock)
    feed.start()
    for _ in range(500):
        if not feed.stats().get("waiting", 0) and shop.log.end():
            break
        shop.log.wait(shop.log.end(), 0.02)
    feed.stop()
    return [json.loads(each.value) for each in shop.records() if each.topic == name]


def test_a_promotion_is_published_to_its_topic_and_noted_in_the_trail(shop, enter):
    visitor = enter("manager", "aino")
    answer = visitor.post("/console/promotions", **PROMOTION)
    assert answer.status_code == 200
    assert "Tea week is published." in answer.text
    assert [each["title"] for each in topic(shop, ProductPromotion.TOPIC)] == ["Tea week"]
    trail = visitor.get("/console/trail").text
    assert "aino, manager" in trail
    assert "promotions/p1" in trail


def test_a_promotion_that_is_over_is_ended_at_once(shop, enter):
    visitor = enter()
    visitor.post("/console/promotions", **PROMOTION, starts_at="2026-01-01T00:00")
    assert "p1 has ended." in visitor.post("/console/promotions/end", pid="p1").text
    last = topic(shop, ProductPromotion.TOPIC)[-1]
    assert last["ends_at"] == shop.clock.now().strftime("%Y-%m-%dT%H:%M:%S.000Z")
    assert visitor.post("/console/promotions/end", pid="none").status_code == 404


def test_of_very_many_promotions_those_that_end_last_are_shown(shop, enter):
    ids = [f"p{number:03}" for number in range(ROWS + 2)]
    with shop.database.writing() as connection:
        many = [ShopPromotion.from_json({"pid": pid, "segment": "tea", "discount": 10}) for pid in ids[1:]]
        over = ShopPromotion.from_json(
            {"pid": "p000", "segment": "tea", "discount": 10, "ends_at": "2020-01-01T00:00:00Z"}
        )
        put_promotions(connection, [over, *many], 0)
    page = enter().get("/console/promotions").text
    assert "2 that end sooner are not shown." in page
    assert 'pid=p002"' in page
    assert 'pid=p000"' not in page


def test_one_that_is_over_keeps_its_end(shop, enter):
    visitor = enter()
    visitor.post("/console/promotions", **PROMOTION, starts_at="2026-01-01T00:00")
    visitor.post("/console/promotions/end", pid="p1")
    over = Counter(shop.database, shop.clock).promotion("p1")
    shop.clock.advance(3600)
    assert visitor.post("/console/promotions/end", pid="p1").status_code == 200
    assert Counter(shop.database, shop.clock).promotion("p1") == over
    assert visitor.get("/console/trail").text.count("<td>ended</td>") == 1


def test_ending_a_promotion_loses_no_change_that_is_being_made(shop, enter):
    visitor = enter("manager", "aino")
    visitor.post("/console/promotions", **PROMOTION)
    counter, by = Counter(shop.database, shop.clock), Employee("aino", Role.MANAGER)
    now_ms = epoch_ms(shop.clock.now())
    with shop.database.writing() as connection:
        ending = Thread(target=counter.end, args=("p1", by))
        ending.start()
        ending.join(0.3)  # it waits for our change
        put_promotions(connection, [replace(counter.promotion("p1"), title="Tea month")], now_ms)
    ending.join(10)
    ended = counter.promotion("p1")
    assert (ended.title, ended.ends_at) == ("Tea month", shop.clock.now())


@pytest.mark.parametrize(
    ("field", "value"),
    [("pid", ""), ("discount", "much"), ("discount", "300"), ("ends_at", "tomorrow"), ("SKU", "-1"), ("kind", "gift")],
)
def test_a_field_that_is_wrong_is_named_and_what_was_typed_stays(shop, enter, field, value):
    visitor = enter()
    answer = visitor.post("/console/promotions", **{**PROMOTION, field: value})
    assert answer.status_code == 422
    assert f"Not published: {field}" in answer.text
    assert "Tea week" in answer.text
    assert 'value="p1"' in answer.text or field == "pid"
    assert visitor.get("/console/trail").text.count("<tr>") == 2


def test_a_product_is_put_on_a_shelf(shop, enter):
    visitor = enter()
    answer = visitor.post("/console/shelves", **SHELF)
    assert "Rooibos stands there now." in answer.text
    (placed,) = [each for each in topic(shop, StoreProduct.TOPIC) if each["SKU"] == 9]
    assert (placed["latitude"], placed["stock"], placed["section"]) == (60.16961, 7, "Tea")
    edited = visitor.get("/console/shelves?store=s1&sku=9").text
    assert 'value="Rooibos"' in edited


def test_a_shelf_without_a_place_is_refused(enter):
    answer = enter().post("/console/shelves", **{**SHELF, "latitude": "91"})
    assert answer.status_code == 422
    assert "Not put there: latitude" in answer.text
    assert 'aria-invalid="true"' in answer.text


def edit(visitor, pid="p1"):
    return visitor.form(f"/console/promotions?pid={pid}", "/console/promotions")


def shelf_form(visitor, sku):
    return {"store": "s1", **visitor.form(f"/console/shelves?store=s1&sku={sku}", "/console/shelves")}


def test_a_new_promotion_does_not_overwrite_one_that_has_its_id(shop, enter):
    visitor = enter()
    visitor.post("/console/promotions", **PROMOTION)
    answer = visitor.post("/console/promotions", **{**PROMOTION, "title": "Another", "discount": "50"})
    assert answer.status_code == 409
    assert "there is a promotion p1 already" in answer.text
    assert 'href="/console/promotions?store=s1&amp;pid=p1">Open p1 to change it' in answer.text
    assert 'value="Another"' in answer.text
    assert visitor.post("/console/promotions", **{**PROMOTION, "title": "Another"}).status_code == 409  # still
    assert Counter(shop.database, shop.clock).promotion("p1").title == "Tea week"


def test_a_promotion_is_opened_and_changed(shop, enter):
    visitor = enter()
    visitor.post("/console/promotions", **PROMOTION, members_only="on", kind="percent", value="10")
    form = edit(visitor)
    assert (form["members_only"], form["kind"], form["ends_at"]) == ("on", "percent", "2027-01-01T10:00")
    assert visitor.post("/console/promotions", **{**form, "title": "Tea month"}).status_code == 200
    changed = Counter(shop.database, shop.clock).promotion("p1")
    assert (changed.title, changed.members_only, changed.value) == ("Tea month", True, 10.0)


def test_a_promotion_that_was_ended_meanwhile_is_not_begun_again_unseen(shop, enter):
    visitor = enter()
    visitor.post("/console/promotions", **PROMOTION)
    form = edit(visitor)
    visitor.post("/console/promotions/end", pid="p1")
    answer = visitor.post("/console/promotions", **{**form, "title": "Tea month"})
    assert answer.status_code == 409
    assert (
        '<td>Until</td><td class="lines">2027-01-01T10:00</td><td class="lines"><b>2026-11-24T12:00</b>' in answer.text
    )
    assert Counter(shop.database, shop.clock).promotion("p1").ends_at == shop.clock.now()


def test_a_form_opened_for_one_id_may_publish_a_copy_under_another(shop, enter):
    visitor = enter()
    visitor.post("/console/promotions", **PROMOTION)
    assert visitor.post("/console/promotions", **{**edit(visitor), "pid": "p2"}).status_code == 200
    assert {each.pid for each in Counter(shop.database, shop.clock).promotions()} == {"p1", "p2"}


def test_a_promotion_is_deleted_after_a_question(shop, enter):
    visitor = enter("manager", "aino")
    visitor.post("/console/promotions", **PROMOTION)
    assert len(topic(shop, ProductPromotion.TOPIC)) == 1
    assert "<summary>Delete p1…</summary>" in visitor.get("/console/promotions?pid=p1").text
    assert "p1 has ended and is deleted." in visitor.post("/console/promotions/delete", pid="p1").text
    assert topic(shop, ProductPromotion.TOPIC)[-1]["ends_at"] == "2026-11-24T12:00:00.000Z"
    assert "<td>aino, manager</td><td>deleted</td><td>promotions/p1</td>" in visitor.get("/console/trail").text
    assert visitor.post("/console/promotions/delete", pid="p1").status_code == 404


def test_one_that_was_redeemed_is_found_among_the_archived(shop, enter):
    visitor = enter()
    visitor.post("/console/promotions", **PROMOTION)
    with shop.database.writing() as connection:
        row = {
            "id": "till:1", "nonce": "n1", "asked": "", "at": shop.clock.now(), "store": "s1", "till": "t1",
            "total_cents": 900, "off_cents": 100, "points": 9, "answer": "{}",
        }  # fmt: skip
        connection.execute(insert(Redemption), [row])
        used = {"redemption": "till:1", "source": "promotion", "offer": "p1", "off_cents": 100}
        connection.execute(insert(RedeemedOffer), [used])
    assert "archived, since it was redeemed" in visitor.post("/console/promotions/delete", pid="p1").text
    assert "Tea week" not in visitor.get("/console/promotions").text
    assert "Tea week" in visitor.get("/console/promotions?archived").text
    later = {**edit(visitor), "ends_at": "2027-02-01T10:00"}
    assert visitor.post("/console/promotions", **later).status_code == 200
    assert "Tea week" in visitor.get("/console/promotions").text


def test_the_shelf_form_does_not_overwrite_newer_stock(shop, enter):
    visitor = enter()
    form = shelf_form(visitor, 1)
    with shop.database.writing() as connection:
        put_stock(connection, [StockLevel(1, 1, "s1")], 0)
    answer = visitor.post("/console/shelves", **{**form, "price": "5.50"})
    assert answer.status_code == 409
    assert '<td>Left on the shelf</td><td class="lines">3</td><td class="lines"><b>1</b></td>' in answer.text
    assert re.search(r'name="stock" type="number" value="1"', answer.text)
    assert re.search(r'name="price" type="number" value="5.50"', answer.text)
    again = {**shelf_form(visitor, 1), "price": "5.50"}
    assert visitor.post("/console/shelves", **again).status_code == 200
    (product,) = [each for each in Counter(shop.database, shop.clock).shelves("s1") if each.sku == 1]
    assert (product.stock, product.price) == (1, 5.5)


def test_a_product_that_has_a_shelf_is_not_put_on_another_unseen(shop, enter):
    visitor = enter()
    answer = visitor.post("/console/shelves", **{**SHELF, "SKU": "1"})
    assert (answer.status_code, "product 1 has a shelf in this store already" in answer.text) == (409, True)
    assert 'href="/console/shelves?store=s1&amp;sku=1">Open product 1' in answer.text


def test_a_product_is_taken_off_its_shelf_after_a_question(shop, enter):
    visitor = enter("manager", "aino")
    assert len(topic(shop, StoreProduct.TOPIC)) == 4
    assert "<summary>Take it off this shelf…</summary>" in visitor.get("/console/shelves?store=s1&sku=1").text
    assert "Dark roast is taken off its shelf." in visitor.post("/console/shelves/remove", store="s1", SKU="1").text
    assert [each["SKU"] for each in topic(shop, StoreProduct.TOPIC) if each.get("removed")] == [1]
    assert "<td>removed</td><td>placements/s1/1</td>" in visitor.get("/console/trail").text
    for sku in ("1", "x", "9" * 30):
        assert visitor.post("/console/shelves/remove", store="s1", SKU=sku).status_code == 404


@pytest.mark.parametrize("path", ["promotions/delete", "shelves/remove"])
def test_only_a_manager_takes_things_off(enter, path):
    assert enter("staff").post(f"/console/{path}", pid="p1", store="s1", SKU="1").status_code == 403


def test_a_hostile_title_is_text(shop, enter):
    visitor = enter()
    visitor.post("/console/promotions", **{**PROMOTION, "title": "<script>alert(1)</script>"})
    alert = an_alert(pid="p1")
    shop.log.append([NewRecord(alert.TOPIC, alert.uid, alert.to_text(), epoch_ms(shop.clock.now()), alert.id)])
    for page in ("/console/promotions", "/console/trail", "/console/funnel"):
        html = visitor.get(page).text
        assert "&lt;script&gt;alert(1)" in html
        assert "<script>alert" not in html


def test_a_click_on_the_plan_is_a_place_on_earth(enter):
    visitor = enter()
    point = visitor.get("/console/point?store=s1&x=6&y=20").get_json()
    assert point["section"] == "Coffee"
    assert 60.169 < point["latitude"] < 60.17
    assert visitor.get("/console/point?store=s1&x=-50&y=1").status_code == 404
    assert visitor.get("/console/point?store=s1&x=nan&y=inf").status_code == 404
