"""The shelves of what a shopper seeks, promoted or not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endcap.geo import FEET_PER_KM, NEAR_FT, haversine_km
from endcap.testing import NOON, SHOP, a_location, a_product, a_promotion
from endcap.wire import epoch_ms
from endcap_backend.match.product import ProductMatch

NOON_MS = epoch_ms(NOON)


def a_shelf(sku, north=0, **more):
    """A product so many 1.1 m north of the shop's middle."""
    return a_product(sku=sku, latitude_deg=SHOP[0] + north * 1e-5, name=f"product {sku}", **more)


@pytest.fixture
def match():
    return ProductMatch()


def near(match, skus=(), segments=(), uid="u1"):
    return {(each.sku, each.store) for each in match.shelves_near(uid, skus, segments, NOON_MS)}


def test_a_sought_product_is_found_without_a_promotion_and_out_of_stock(match):
    match.place(a_shelf(1, 5, stock=0), NOON_MS)
    match.locate(a_location(), NOON_MS)
    (shelf,) = match.shelves_near("u1", [1], (), NOON_MS)
    assert (shelf.sku, shelf.name, shelf.stock, shelf.price, shelf.store) == (1, "product 1", 0, 6.9, "s1")
    assert shelf.promotion is None
    assert shelf.distance_ft == pytest.approx(18.2, abs=0.1)


def test_it_comes_with_the_live_promotion_that_takes_most_off(match):
    match.place(a_shelf(1), NOON_MS)
    for pid, discount in (("p1", 10.0), ("p2", 30.0), ("p3", None)):
        match.promote(a_promotion(pid=pid, sku=1, discount=discount), NOON_MS)
    match.locate(a_location(), NOON_MS)
    assert match.shelves_near("u1", [1], (), NOON_MS)[0].promotion.pid == "p2"


def test_a_segment_is_all_its_products_near_her_in_whatever_store(match):
    for sku, north, store in ((1, 0, "s1"), (2, 20, "s1"), (3, 40, "s1"), (1, 0, "s2")):
        match.place(a_shelf(sku, north, store=store), NOON_MS)
    match.place(a_shelf(4, segment="tea"), NOON_MS)
    match.locate(a_location(), NOON_MS)
    assert near(match, (), ["coffee"]) == {(1, "s1"), (2, "s1"), (1, "s2")}


def test_what_was_told_before_is_found_again(match):
    match.place(a_shelf(1), NOON_MS)
    match.promote(a_promotion(sku=1), NOON_MS)
    assert match.locate(a_location(), NOON_MS)
    assert near(match, [1]) == {(1, "s1")}


def test_nobody_known_and_nothing_sought_find_nothing(match):
    match.place(a_shelf(1), NOON_MS)
    match.locate(a_location(), NOON_MS)
    assert near(match, [1], uid="nobody") == near(match) == set()


def test_who_stands_near_a_shelf_is_found_for_five_minutes(match):
    match.place(a_shelf(1), NOON_MS)
    match.locate(a_location(), NOON_MS)
    match.locate(a_location(uid="far", latitude_deg=SHOP[0] + 1), NOON_MS)
    assert match.standing_near(1, "s1", NOON_MS + 300_000) == ["u1"]
    assert match.standing_near(1, "s1", NOON_MS + 300_001) == []
    assert match.standing_near(2, "s1", NOON_MS) == []


def test_who_hears_anew_is_told_all_that_is_near_and_stays_where_she_was(match):
    match.place(a_shelf(1), NOON_MS)
    match.promote(a_promotion(sku=1), NOON_MS)
    assert match.locate(a_location(), NOON_MS)
    match.hear_anew("u1")
    assert match.standing_near(1, "s1", NOON_MS) == ["u1"]
    assert [row.sku for row in match.locate(a_location(), NOON_MS + 1)] == [1]
    match.hear_anew("nobody")


steps = st.lists(
    st.one_of(
        st.tuples(st.just("place"), st.integers(1, 5), st.integers(-60, 60), st.sampled_from(["coffee", "tea"])),
        st.tuples(st.just("walk"), st.integers(-60, 60)),
    ),
    max_size=40,
)


@given(steps)
@settings(deadline=None)
def test_what_is_remembered_of_her_surroundings_never_differs_from_looking_at_every_shelf(walk):
    match, shelves, stands = ProductMatch(), {}, None
    for step in walk:
        if step[0] == "place":
            _, sku, north, segment = step
            shelves[sku] = a_shelf(sku, north, segment=segment)
            match.place(shelves[sku], NOON_MS)
        else:
            stands = a_location(latitude_deg=SHOP[0] + step[1] * 1e-5)
            match.locate(stands, NOON_MS)
        if stands is not None:
            within = {
                (each.sku, "s1")
                for each in shelves.values()
                if haversine_km(*stands.point, *each.point) * FEET_PER_KM <= NEAR_FT
                and (each.sku in (1, 2) or each.segment == "tea")
            }
            assert near(match, [1, 2], ["tea"]) == within
