from __future__ import annotations

import re
from typing import Literal

import pytest

from endcap.geo import FEET_PER_KM, NEAR_FT
from endcap.messages import CustomerAlert, NearbyPromotion
from endcap_backend.match.statements import statements
from endcap_backend.pipeline.cluster.topics import topics

Kind = Literal["seed", "product"]


def test_the_seed_has_its_five_statements_in_order() -> None:
    assert [each.name for each in statements("seed")] == [
        "stores_products", "customers_locations", "products_promotions", "VALID_PROMOTIONS", "NEARBY_CUSTOMERS",
    ]  # fmt: skip


def test_the_product_has_its_statements_in_order() -> None:
    assert [each.name for each in statements("product")] == [
        "FIXES", "PLACEMENTS", "PROMOTIONS", "SHELVES", "CURRENT_PROMOTIONS", "STOCKED", "SHELVES_BY_CELL",
        "PROMOTIONS_BY_GOODS", "FIXES_IN_CELLS", "NEAR_SHELVES", "NEAR_GOODS", "NEAR_PROMOTIONS", "NEARBY_OFFERS",
        "NEARBY_COUNTS", "NEARBY_COUNTS_S", "NEARBY",
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["seed", "product"])
def test_each_statement_says_what_a_row_means_and_reads_only_from_those_before_it(kind: Kind) -> None:
    known: set[str] = set()
    for each in statements(kind):
        assert re.match(r"(One|Two|Nine) rows? |The (same|changes)", each.means)
        assert each.sql.endswith(";")
        assert {name.upper() for name in re.findall(r"(?:FROM|JOIN)\s+(\w+)", each.sql)} <= known
        known.add(each.name.upper())


def test_the_seed_measures_as_the_match_does() -> None:
    nearby = statements("seed")[-1].sql
    assert f"* {FEET_PER_KM:g}) <= {NEAR_FT:g}" in nearby
    assert "WITHIN 30 MINUTES" in nearby
    assert "WITHIN 1 HOUR" in statements("seed")[-2].sql


def test_the_product_s_rows_are_keyed_by_the_shopper() -> None:
    last = statements("product")[-1]
    assert "PARTITION BY UID" in last.sql
    assert "KAFKA_TOPIC='NEARBY_CUSTOMERS'" in last.sql


def test_the_product_measures_as_the_match_does() -> None:
    near = next(each.sql for each in statements("product") if each.name == "NEAR_SHELVES")
    assert f"* {FEET_PER_KM:g} <= {NEAR_FT:g}" in near


def test_the_product_s_last_row_has_the_fields_of_a_nearby_promotion() -> None:
    chosen = re.findall(r"\b[A-Z_]+\b", statements("product")[-1].sql.split("SELECT")[1].split("FROM")[0])
    assert {wire.name for wire in NearbyPromotion.wires().values()} <= set(chosen)


def test_alerts_are_kept_as_long_as_their_topic() -> None:
    (alerts,) = statements("alerts")
    topic = next(each for each in topics() if each.name == "customers_alerts")
    assert f"RETENTION_MS={topic.config['retention.ms']})" in alerts.sql


def test_an_alert_has_the_fields_that_an_alert_needs() -> None:
    (alerts,) = statements("alerts")
    named = set(re.findall(r"`(\w+)`", alerts.sql))
    wires = CustomerAlert.wires().values()
    assert {wire.name for wire in wires if wire.required} <= named <= {wire.name for wire in wires}
