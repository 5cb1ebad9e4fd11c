"""What a shopper is told in product mode, one fact a test."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from endcap.messages import CustomerLocation, NearbyPromotion, ProductPromotion, StoreProduct
from endcap.wire import epoch_ms
from endcap_backend.match.product import STANDS_MS, ProductMatch

NINE = datetime(2026, 11, 24, 9, tzinfo=UTC)
NINE_MS = epoch_ms(NINE)


def a_product(sku: int = 7, **fields: Any) -> StoreProduct:
    return StoreProduct(
        **{"sku": sku, "segment": "coffee", "latitude_deg": 60.17, "longitude_deg": 24.94, "store": "s1"} | fields
    )


def a_promotion(pid: str = "p1", **fields: Any) -> ProductPromotion:
    return ProductPromotion(**{"pid": pid, "segment": "coffee"} | fields)


def a_fix(uid: str = "u1", north: int = 0, **fields: Any) -> CustomerLocation:
    """`north`: units of 1.11 m from the product."""
    return CustomerLocation(**{"uid": uid, "latitude_deg": 60.17 + north / 1e5, "longitude_deg": 24.94} | fields)


def told(rows: list[NearbyPromotion]) -> list[tuple[str, int, str]]:
    return [(row.uid, row.sku, row.pid) for row in rows]


@pytest.fixture(params=[True, False], ids=["numpy", "python"])
def match(request: pytest.FixtureRequest) -> ProductMatch:
    return ProductMatch(vectorised=request.param)


def test_a_row_carries_all_that_is_known(match: ProductMatch) -> None:
    product = a_product(variant="dark", section="aisle 4", name="Coffee", price=4.5, stock=3, country="FIN")
    match.place(product, 0)
    match.promote(a_promotion(title="A third off", discount=33.3, ends_at=NINE), 0)
    location = a_fix(north=10, country="FIN", id="phone:1")
    assert match.locate(location, 1) == [
        NearbyPromotion(
            uid="u1", latitude_deg=location.latitude_deg, longitude_deg=24.94, pid="p1", sku=7, segment="coffee",
            distance_ft=36.48305543069855, country="FIN", variant="dark", title="A third off", discount=33.3,
            name="Coffee", price=4.5, stock=3, store="s1", section="aisle 4", location_id="phone:1",
            shelf_latitude_deg=60.17, shelf_longitude_deg=24.94, ends_at=NINE,
        )
    ]  # fmt: skip


@pytest.mark.parametrize(("north", "near"), [(27, True), (28, False), (-27, True), (-28, False)])
def test_near_is_100_ft_on_either_side(match: ProductMatch, north: int, near: bool) -> None:
    match.place(a_product(), 0)
    match.promote(a_promotion(), 0)
    assert bool(match.locate(a_fix(north=north), 1)) is near


def test_a_promotion_without_a_sku_is_for_its_segment_and_one_with_a_sku_for_that_alone(match: ProductMatch) -> None:
    match.place(a_product(7), 0)
    match.place(a_product(8), 0)
    match.place(a_product(9, segment="tea"), 0)
    match.promote(a_promotion("all"), 0)
    match.promote(a_promotion("one", sku=9), 0)
    assert told(match.locate(a_fix(), 1)) == [("u1", 7, "all"), ("u1", 8, "all"), ("u1", 9, "one")]


def test_the_nearest_come_first(match: ProductMatch) -> None:
    for sku, latitude in [(1, 60.1702), (2, 60.1699), (3, 60.17005)]:
        match.place(a_product(sku, latitude_deg=latitude), 0)
    match.promote(a_promotion(), 0)
    assert [row.sku for row in match.locate(a_fix(), 1)] == [3, 2, 1]


def test_a_thing_is_told_once_to_each_shopper(match: ProductMatch) -> None:
    match.place(a_product(), 0)
    match.promote(a_promotion(), 0)
    assert told(match.locate(a_fix("u1"), 1)) == [("u1", 7, "p1")]
    assert match.locate(a_fix("u1", north=5), 2) == []
    assert told(match.locate(a_fix("u2"), 3)) == [("u2", 7, "p1")]


def test_who_knows_all_in_one_place_hears_what_is_new_in_the_next(match: ProductMatch) -> None:
    match.place(a_product(7), 0)
    match.place(a_product(8, latitude_deg=60.173), 0)
    match.promote(a_promotion(), 0)
    heard = [told(match.locate(a_fix(north=north), at)) for at, north in enumerate([0, 0, 0, 260, 260, 290, 290])]
    assert heard == [[("u1", 7, "p1")], [], [], [], [], [("u1", 8, "p1")], []]


def test_the_same_product_in_another_store_is_another_shelf(match: ProductMatch) -> None:
    match.place(a_product(store="s1"), 0)
    match.place(a_product(store="s2"), 0)
    match.place(a_product(store=None), 0)
    match.promote(a_promotion(), 0)
    assert {row.store for row in match.locate(a_fix(), 1)} == {"s1", "s2", None}


def test_a_product_that_moved_is_where_its_latest_record_says(match: ProductMatch) -> None:
    match.promote(a_promotion(), 0)
    match.place(a_product(), 0)
    match.place(a_product(latitude_deg=60.18), 1)
    assert match.locate(a_fix(), 2) == []
    assert told(match.locate(a_fix(north=1000), 3)) == [("u1", 7, "p1")]
    assert match.stats()["placements"] == 1


def test_a_product_put_back_where_it_stood_is_told_anew(match: ProductMatch) -> None:
    match.promote(a_promotion(), 0)
    match.locate(a_fix(), 0)
    for at, latitude in enumerate([60.17, 60.1701, 60.17], 1):
        assert told(match.place(a_product(latitude_deg=latitude), at)) == [("u1", 7, "p1")]


def test_a_changed_price_is_in_the_row_but_is_no_news(match: ProductMatch) -> None:
    match.promote(a_promotion(), 0)
    match.place(a_product(price=4.0), 0)
    match.locate(a_fix("u1"), 1)
    assert match.place(a_product(price=3.0), 2) == []
    assert match.locate(a_fix("u1"), 3) == []
    assert [row.price for row in match.locate(a_fix("u2"), 4)] == [3.0]


def test_nothing_vanishes_with_time(match: ProductMatch) -> None:
    match.place(a_product(), 0)
    match.promote(a_promotion(), 0)
    assert len(match.locate(a_fix(), 10 * 365 * 86_400_000)) == 1


def test_a_promotion_holds_from_its_start_to_before_its_end(match: ProductMatch) -> None:
    match.place(a_product(), 0)
    match.promote(a_promotion(starts_at=NINE, ends_at=NINE + timedelta(hours=1)), 0)
    hour = 3600_000
    assert match.locate(a_fix("early"), NINE_MS - 1) == []
    assert len(match.locate(a_fix("early"), NINE_MS)) == 1
    assert len(match.locate(a_fix("last"), NINE_MS + hour - 1)) == 1
    assert match.locate(a_fix("late"), NINE_MS + hour) == []


def test_a_promotion_withdrawn_by_its_end_is_told_no_more(match: ProductMatch) -> None:
    match.place(a_product(), 0)
    match.promote(a_promotion(), 0)
    assert match.promote(a_promotion(ends_at=NINE), NINE_MS) == []
    assert match.locate(a_fix(), NINE_MS - 1) == []
    assert match.stats()["promotions"] == 0


def test_a_promotion_published_again_unchanged_is_no_news_and_changed_it_is(match: ProductMatch) -> None:
    match.place(a_product(), 0)
    match.promote(a_promotion(discount=10), 0)
    match.locate(a_fix(), 1)
    assert match.promote(a_promotion(discount=10), 2) == []
    assert [row.discount for row in match.promote(a_promotion(discount=20), 3)] == [20]


def test_a_promotion_moved_to_another_segment_leaves_the_first(match: ProductMatch) -> None:
    match.place(a_product(7), 0)
    match.place(a_product(8, segment="tea"), 0)
    match.promote(a_promotion(), 0)
    match.promote(a_promotion(segment="tea"), 1)
    assert told(match.locate(a_fix(), 2)) == [("u1", 8, "p1")]


def test_what_is_out_of_stock_is_not_offered_until_it_is_back(match: ProductMatch) -> None:
    match.promote(a_promotion(), 0)
    match.place(a_product(stock=0), 0)
    assert match.locate(a_fix(), 1) == []
    assert told(match.place(a_product(stock=2), 2)) == [("u1", 7, "p1")]
    match.place(a_product(stock=0), 3)
    assert match.locate(a_fix("u2"), 4) == []


def test_who_stands_there_hears_of_what_comes_for_five_minutes_after_her_last_fix(match: ProductMatch) -> None:
    match.locate(a_fix("here"), STANDS_MS)
    match.locate(a_fix("gone"), 0)
    match.locate(a_fix("elsewhere", north=500), STANDS_MS)
    assert match.place(a_product(), STANDS_MS + 1) == []
    assert told(match.promote(a_promotion(), STANDS_MS + 1)) == [("here", 7, "p1")]
    assert told(match.place(a_product(8), STANDS_MS + 2)) == [("here", 8, "p1")]
    assert match.locate(a_fix("here"), STANDS_MS + 3) == []


def test_a_fix_older_than_her_last_tells_nothing_and_is_counted(match: ProductMatch) -> None:
    match.place(a_product(), 0)
    match.promote(a_promotion(), 0)
    match.locate(a_fix(north=500), 10)
    assert match.locate(a_fix(), 9) == []
    assert match.stats()["late_fixes"] == 1


def test_a_bound_on_shelves_leaves_the_rest_for_the_next_fix() -> None:
    match = ProductMatch(most_shelves=2)
    for sku in range(5):
        match.place(a_product(sku, latitude_deg=60.17 + sku / 1e5), 0)
    match.promote(a_promotion("p"), 0)
    match.promote(a_promotion("q"), 0)
    fixes = [[(row.sku, row.pid) for row in match.locate(a_fix(), at)] for at in range(4)]
    assert fixes == [
        [(0, "p"), (0, "q"), (1, "p"), (1, "q")],
        [(2, "p"), (2, "q"), (3, "p"), (3, "q")],
        [(4, "p"), (4, "q")],
        [],
    ]


def test_what_was_taken_back_is_new_again(match: ProductMatch) -> None:
    match.place(a_product(7), 0)
    match.place(a_product(8), 0)
    match.promote(a_promotion(), 0)
    match.retract("u1", [(7, "s1")])  # nothing was told yet
    match.locate(a_fix(), 1)
    assert match.locate(a_fix(), 2) == []
    match.retract("u1", [(7, "s1"), (99, "s1")])
    assert told(match.locate(a_fix(), 3)) == [("u1", 7, "p1")]


def test_a_forgotten_shopper_is_a_stranger(match: ProductMatch) -> None:
    match.place(a_product(), 0)
    match.promote(a_promotion(), 0)
    match.locate(a_fix(), 10)
    match.forget("u1")
    match.forget("nobody")
    assert match.stats()["shoppers"] == 0
    assert match.promote(a_promotion("p2"), 11) == []
    assert len(match.locate(a_fix(), 9)) == 2


def test_beyond_its_bounds_it_drops_and_counts() -> None:
    match = ProductMatch(most_placements=1, most_promotions=1, most_shoppers=1)
    for sku in (1, 2):
        match.place(a_product(sku), 0)
        match.promote(a_promotion(f"p{sku}"), 0)
        match.locate(a_fix(f"u{sku}"), 0)
    match.place(a_product(1, price=2.0), 1)  # known ones may still change
    match.promote(a_promotion("p1", discount=5), 1)
    held = match.stats()
    assert (held["placements"], held["promotions"], held["shoppers"]) == (1, 1, 1)
    assert (held["placements_refused"], held["promotions_refused"], held["shoppers_forgotten"]) == (1, 1, 1)


def test_a_full_match_still_takes_batches_of_those_it_knows() -> None:
    match = ProductMatch(most_shoppers=16)
    match.place(a_product(), 0)
    match.promote(a_promotion(), 0)
    known = [(a_fix(f"u{number}"), 1) for number in range(16)]
    assert all(match.locate_many(known))
    assert not any(match.locate_many(known))
    assert [len(rows) for rows in match.locate_many([*known, (a_fix("new"), 2)])] == [0] * 16 + [1]
    assert (match.stats()["shoppers"], match.stats()["shoppers_forgotten"]) == (16, 1)


def test_ended_promotions_go_when_others_of_their_kind_come(match: ProductMatch) -> None:
    match.promote(a_promotion("old", ends_at=NINE), 0)
    match.promote(a_promotion("new"), NINE_MS + 3600_000)
    assert match.stats()["promotions"] == 2
    match.promote(a_promotion("newer"), NINE_MS + 3600_001)
    assert match.stats()["promotions"] == 2


def test_what_a_shopper_remembers_is_bounded_and_then_she_may_hear_a_thing_twice() -> None:
    """A new promotion a visit, each time at another shelf of a grid 35 m wide: each visit begins a layer."""
    match, shelves = ProductMatch(), [(32 * row, 64 * column) for row in range(4) for column in range(4)]
    for sku, (north, east) in enumerate(shelves):
        match.place(a_product(sku, latitude_deg=60.17 + north / 1e5, longitude_deg=24.94 + east / 1e5), 0)
    match.promote(a_promotion("p0"), 0)
    for visit, (north, east) in enumerate(shelves, 1):
        assert match.locate(a_fix(north=north, longitude_deg=24.94 + east / 1e5), visit)
        match.promote(a_promotion(f"p{visit}"), visit)
    before = match.stats()["sights_merged"]
    heard = {row.pid for row in match.locate(a_fix(), 100)}
    assert before > 0
    assert heard >= {f"p{visit}" for visit in range(2, 17)}  # all she did not hear at once; p0 may come again


def test_stats_tell_how_many_bytes_are_held(match: ProductMatch) -> None:
    empty = match.stats()
    for sku in range(100):
        match.place(a_product(sku), 0)
    match.promote(a_promotion(), 0)
    match.locate(a_fix(), 1)
    held = match.stats()
    assert all(held[name] > empty[name] for name in ("bytes_placements", "bytes_promotions", "bytes_shoppers"))
