"""A product that was taken off its shelf: neither offered nor found there, until it comes back."""

import pytest

from endcap.testing import NOON, a_location, a_product, a_promotion
from endcap.wire import epoch_ms
from endcap_backend.match.product import ProductMatch
from endcap_backend.match.statements import statements
from endcap_devkit.ksqldb.engine import KsqlEngine

NOON_MS = epoch_ms(NOON)
REMOVED = a_product(stock=0, removed=True)


@pytest.fixture(params=[True, False], ids=["numpy", "python"])
def match(request):
    match = ProductMatch(vectorised=request.param)
    match.place(a_product(), NOON_MS)
    match.place(a_product(store="s2"), NOON_MS)
    match.promote(a_promotion(), NOON_MS)
    return match


def told(match, uid):
    return [each.store for each in match.locate(a_location(uid=uid), NOON_MS)]


def test_it_is_offered_in_the_other_store_alone(match):
    match.place(REMOVED, NOON_MS)
    assert told(match, "u1") == ["s2"]


def test_a_promotion_that_comes_later_does_not_bring_it_back(match):
    match.place(REMOVED, NOON_MS)
    assert match.promote(a_promotion(pid="p2", sku=None), NOON_MS) == []
    assert told(match, "u1") == ["s2", "s2"]


def test_who_seeks_it_finds_it_there_no_more_even_where_she_has_found_it_before(match):
    match.locate(a_location(), NOON_MS)

    def found():
        return [each.store for each in match.shelves_near("u1", [9001], ["coffee"], NOON_MS)]

    assert found() == ["s1", "s2"]
    match.place(REMOVED, NOON_MS)
    assert found() == ["s2"]
    match.place(a_product(), NOON_MS)
    assert found() == ["s1", "s2"]


def test_it_comes_back_with_what_is_promoted_meanwhile_and_is_news(match):
    assert told(match, "u1") == ["s1", "s2"]
    match.place(REMOVED, NOON_MS)
    match.promote(a_promotion(pid="p2", sku=None), NOON_MS)
    rows = match.place(a_product(), NOON_MS)
    assert {(each.store, each.pid) for each in rows} == {("s1", "p1"), ("s1", "p2")}


def test_a_removal_of_what_was_never_there_holds_no_room(match):
    before = match.stats()["placements"]
    assert match.place(a_product(sku=5, stock=0, removed=True), NOON_MS) == []
    assert match.stats()["placements"] == before


def test_the_statements_for_ksqldb_find_it_there_no_more_by_its_stock():
    engine = KsqlEngine(each.sql for each in statements("product"))

    def told(uid):
        engine.put("customers_locations", a_location(uid=uid).to_json(), NOON_MS)
        return [row["STORE"] for row in engine.rows["NEARBY_OFFERS"] if row["UID"] == uid]

    for product in (a_product(), a_product(store="s2")):
        engine.put("stores_products", product.to_json(), NOON_MS)
    engine.put("products_promotions", a_promotion().to_json(), NOON_MS)
    assert sorted(told("ann")) == ["s1", "s2"]
    engine.put("stores_products", REMOVED.to_json(), NOON_MS)
    assert told("bea") == ["s2"]
