from __future__ import annotations

import re
from typing import Literal

import pytest

from endcap.geo import FEET_PER_KM, NEAR_FT
from endcap_backend.match.statements import statements

Kind = Literal["seed", "product"]


def test_the_seed_has_its_five_statements_in_order() -> None:
    assert [each.name for each in statements("seed")] == [
        "stores_products", "customers_locations", "products_promotions", "VALID_PROMOTIONS", "NEARBY_CUSTOMERS",
    ]  # fmt: skip


def test_the_product_has_its_statements_in_order() -> None:
    assert [each.name for each in statements("product")] == [
        "LOC2", "PROD2", "PROMO2", "PRODUCTS_T", "PROMOS_T", "OFFERS", "OFFERS_BY_CELL", "LOC_CELLS", "NEARBY2",
        "NEARBY_OFFERS", "OFFER_COUNTS", "OFFER_COUNTS_S", "OFFERS_ONCE",
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["seed", "product"])
def test_each_statement_says_what_a_row_means_and_reads_only_from_those_before_it(kind: Kind) -> None:
    known: set[str] = set()
    for each in statements(kind):
        assert re.match(r"(One|Nine) rows? |The (same|changes)", each.means)
        assert each.sql.endswith(";")
        assert {name.upper() for name in re.findall(r"(?:FROM|JOIN)\s+(\w+)", each.sql)} <= known
        known.add(each.name.upper())


def test_the_seed_measures_as_the_match_does() -> None:
    nearby = statements("seed")[-1].sql
    assert f"* {FEET_PER_KM:g}) <= {NEAR_FT:g}" in nearby
    assert "WITHIN 30 MINUTES" in nearby
    assert "WITHIN 1 HOUR" in statements("seed")[-2].sql


def test_the_product_s_rows_are_keyed_by_the_shopper() -> None:
    assert all(
        "PARTITION BY UID" in each.sql
        for each in statements("product")
        if each.name in ("NEARBY_OFFERS", "OFFERS_ONCE")
    )
