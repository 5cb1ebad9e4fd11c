"""The reason a shopper reads: true, and no more exact than the fix."""

import pytest

from endcap_backend.decide import deal
from endcap_backend.decide.reason import why


@pytest.mark.parametrize(
    ("distance_ft", "accuracy_m", "words"),
    [
        (30, None, "20 % off, about 12 steps from you in Dairy"),
        (30, 8, "20 % off, about 12 steps from you in Dairy"),
        (5, 3, "20 % off, right beside you in Dairy"),
        (83, None, "20 % off, about 35 steps from you in Dairy"),
        (30, 25, "20 % off, near you in Dairy"),
        (100, 25, "20 % off, about 40 steps from you in Dairy"),
    ],
)
def test_steps_are_counted_only_by_a_fix_that_can(a_row, distance_ft, accuracy_m, words):
    assert why(deal(a_row(distance_ft=distance_ft, section="Dairy")), accuracy_m) == words


def test_without_a_discount_nothing_is_claimed_off(a_row):
    assert why(deal(a_row(discount=None))) == "On promotion, about 12 steps from you"


def test_a_discount_is_written_as_people_do(a_row):
    assert why(deal(a_row(discount=12.5))).startswith("12.5 % off")
    assert why(deal(a_row(discount=20.0))).startswith("20 % off")


def test_one_title_over_two_products_still_tells_which(a_row):
    week = [deal(a_row(sku, title="Coffee week", name=name)) for sku, name in ((1, "Dark roast"), (2, "Filter"))]
    assert [why(each) for each in week] == [
        "Dark roast: 20 % off, about 12 steps from you",
        "Filter: 20 % off, about 12 steps from you",
    ]


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ({"title": "Half price on dark ROAST today", "name": "Dark roast"}, ""),
        ({"title": None, "name": "Dark roast"}, ""),
        ({"title": None, "name": None, "variant": "dark"}, ""),
        ({"title": "Coffee week", "name": None, "variant": "dark"}, "dark: "),
        ({"title": "Coffee week", "name": None, "variant": None}, "Item 7: "),
        ({"title": None, "name": None, "variant": None}, "Item 7: "),
    ],
)
def test_a_product_is_named_once_by_the_best_name_it_has(a_row, words, named):
    assert why(deal(a_row(7, **words))) == f"{named}20 % off, about 12 steps from you"


def test_the_longest_reason_fits_a_card(a_row):
    row = a_row(title="Week", name="n" * 128, section="s" * 64, discount=12.3456789, distance_ft=100.0)
    assert len(why(deal(row), 100.0)) <= len(why(deal(row))) <= 256
