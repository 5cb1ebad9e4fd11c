"""Parity mode against what ksqlDB 8.1.5 emitted: `golden/`, all of it, exactly."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from endcap_backend.match.engine import MatchEngine, Record
from endcap_backend.match.rows import MatchError, Row

DISTANCE = re.compile(r'(?<="DIST_TO_STORE":)[^}]+(?=}$)')


def parted(value: str) -> tuple[str, float]:
    """The exact text, and apart from it the distance as a number: maths libraries differ in the last bit."""
    distance = DISTANCE.search(value)
    return DISTANCE.sub("", value), 0.0 if distance is None else float(distance[0])


def nearly(value: str) -> tuple[str, object]:
    text, distance = parted(value)
    return text, pytest.approx(distance, rel=1e-9, abs=1e-6)


@pytest.mark.parametrize("vectorised", [True, False])
def test_parity_mode_emits_what_ksqldb_emitted(
    golden_case: dict[str, Any], vectorised: bool, records_of: Callable[[Any], list[Record]]
) -> None:
    engine = MatchEngine("parity", vectorised)
    rows: dict[str, list[tuple[Any, ...]]] = {"VALID_PROMOTIONS": [], "NEARBY_CUSTOMERS": []}
    errors = []
    for at, found in enumerate(engine.process_many(records_of(golden_case["inputs"]))):
        for each in found:
            if isinstance(each, MatchError):
                errors.append((at, each.query, each.stage))
            else:
                rows[each.topic].append((at, each.key, parted(each.value), each.timestamp_ms))
    for topic, expected in golden_case["outputs"].items():
        assert rows[topic] == [(row["after_input"], row["key"], nearly(row["value"]), row["ts"]) for row in expected]
    assert errors == [(each["after_input"], each["query"], each["stage"]) for each in golden_case["errors"]]


def test_product_mode_reads_every_golden_record_without_a_fault(
    golden_case: dict[str, Any], records_of: Callable[[Any], list[Record]]
) -> None:
    engine = MatchEngine("product")
    for found in engine.process_many(records_of(golden_case["inputs"])):
        assert all(isinstance(each, Row | MatchError) for each in found)
