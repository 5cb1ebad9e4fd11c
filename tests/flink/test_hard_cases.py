"""Hard cases beside the golden ones: Flink's seed form against parity mode, which agrees with ksqlDB on those.

Each case has a time of its own, 40 days from the next; rows are compared as multisets.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from endcap_backend.match.engine import MatchEngine, Record
from endcap_backend.match.rows import Row as MatchRow

SLOT_MS = 40 * 86_400_000
MINUTE_MS, HOUR_MS = 60_000, 3_600_000
TOPICS = ("VALID_PROMOTIONS", "NEARBY_CUSTOMERS")
END = "the-end"
PRODUCT, PROMOTION, FIX = "stores_products", "products_promotions", "customers_locations"
Said = tuple[str, bytes | None, int]  # topic, value, ms since the case began


def shelf(at_ms: int, latitude: Any = 60.17, longitude: Any = 24.94, **more: Any) -> Said:
    said = {"SKU": 1, "segment": "tea", "variant": "v", "latitude": latitude, "longitude": longitude, "country": "FIN"}
    return PRODUCT, json.dumps(said | more, ensure_ascii=False).encode(), at_ms


def promotion(at_ms: int, **more: Any) -> Said:
    said = {"pid": "p", "SKU": 1, "segment": "tea"}
    return PROMOTION, json.dumps(said | more, ensure_ascii=False).encode(), at_ms


def fix(at_ms: int, latitude: Any = 60.17, longitude: Any = 24.94, **more: Any) -> Said:
    said = {"uid": "u", "latitude": latitude, "longitude": longitude, "country": "FIN"}
    return FIX, json.dumps(said | more, ensure_ascii=False).encode(), at_ms


CASES: dict[str, list[Said]] = {
    "a tombstone between two records takes nothing back": [
        shelf(0), (PRODUCT, None, 1), promotion(2), (PROMOTION, None, 3), fix(4), (FIX, None, 5), fix(6),
    ],
    "a null in each column": [
        shelf(0), shelf(1, SKU=None), shelf(2, segment=None), shelf(3, latitude=None), shelf(4, country=None),
        promotion(5), promotion(6, pid=None), promotion(7, SKU=None), promotion(8, segment=None),
        fix(9), fix(10, uid=None), fix(11, longitude=None), fix(12, country=None),
    ],
    "both windows at their ends, on either side, and a millisecond beyond": [
        promotion(0, pid="a"), shelf(HOUR_MS), promotion(2 * HOUR_MS, pid="b"), promotion(2 * HOUR_MS + 1, pid="c"),
        fix(HOUR_MS - 30 * MINUTE_MS), fix(HOUR_MS - 30 * MINUTE_MS - 1), fix(HOUR_MS + 30 * MINUTE_MS),
        fix(HOUR_MS + 30 * MINUTE_MS + 1), fix(2 * HOUR_MS + 30 * MINUTE_MS), fix(2 * HOUR_MS + 30 * MINUTE_MS + 1),
    ],
    "late records, in the wrong order throughout": [
        fix(50 * MINUTE_MS), fix(20 * MINUTE_MS), promotion(40 * MINUTE_MS), shelf(30 * MINUTE_MS),
        promotion(-10 * MINUTE_MS, pid="q"), fix(10 * MINUTE_MS), shelf(-20 * MINUTE_MS, longitude=24.9401),
    ],
    "what is repeated multiplies": [
        shelf(0), shelf(0), promotion(1), promotion(1), promotion(1), fix(2), fix(2),
    ],
    "a product that moved is found at both places, a changed promotion under both segments": [
        shelf(0), promotion(1), fix(2), shelf(3, latitude=60.18), fix(4), fix(5, latitude=60.18),
        shelf(6, segment="coffee"), promotion(7, segment="coffee"), fix(8),
    ],
    "text is compared letter by letter": [
        shelf(0, segment="Käse", country="Österreich"), promotion(1, segment="Käse", pid="p-日本"),
        promotion(2, segment="Ka\u0308se", pid="decomposed"), promotion(3, segment="käse", pid="small"),
        promotion(4, segment="Käse ", pid="blank"), shelf(5, segment="🧀", country="Österreich"),
        promotion(6, segment="🧀", pid="🧀"), fix(7, country="Österreich"), fix(8, country="Osterreich"),
        fix(9, country="ÖSTERREICH"),
    ],
    "empty text joins empty text": [
        shelf(0, segment="", country=""), promotion(1, segment="", pid=""), fix(2, country=""), fix(3),
    ],
    "a hundred feet are the edge, whatever the grid": [
        shelf(0), promotion(1),
        *(fix(2 + step, latitude=round(60.17 + (24 + step) * 1e-5, 5)) for step in range(8)),
        *(fix(20 + step, longitude=round(24.94 + (50 + step) * 1e-5, 5)) for step in range(10)),
    ],
    "the corner of four cells": [
        shelf(0, latitude=60.17, longitude=24.94), shelf(1, latitude=60.16999, longitude=24.93999), promotion(2),
        fix(3, 60.16999, 24.93999), fix(4, 60.16999, 24.94), fix(5, 60.17, 24.93999), fix(6, 60.17, 24.94),
    ],
    "the antimeridian is no edge": [
        shelf(0, 0, 180), shelf(1, 0, -180), shelf(2, 0, 179.99999), promotion(3),
        fix(4, 0, 180), fix(5, 0, -180), fix(6, 0, -179.99999), fix(7, 0, 179.9998), fix(8, 0, 180.00001),
    ],
    "nor are the poles": [
        shelf(0, 90, 0), shelf(1, 90, 120), shelf(2, -90, -180), promotion(3),
        fix(4, 90, -77.5), fix(5, 89.99999, 33), fix(6, -89.9999, 12), fix(7, -90, 180), fix(8, 90.00001, 0),
    ],
    "off Earth joins as a pair and is near nothing": [
        shelf(0, 90.00001, 0), shelf(1, 0, -180.00001), promotion(2), fix(3, 0, 0), fix(4, 90, 0), fix(5, 0, -180),
    ],
    "a sixth decimal drops the record, a trailing zero does not": [
        shelf(0, "60.170000", "24.9400000"), promotion(1), fix(2, "60.170010", "2.494E1"), fix(3, 60.170001),
        fix(4, "6017e-2"),
    ],
    "numbers at the rim of their type": [
        shelf(0, SKU=9223372036854775807), shelf(1, SKU="12"), shelf(2, SKU=1.5),
        promotion(3, SKU=-9223372036854775808), promotion(4, SKU="x"), fix(5, -0.0, -0.0), fix(6, 99999.99999), fix(7),
    ],
    "a promotion's other SKU is no matter": [shelf(0, SKU=1), promotion(1, SKU=2), fix(2, uid="v", extra={"a": [1]})],
}  # fmt: skip
NAMES = list(CASES)


def shifted(said: list[Said], at: int) -> Iterator[Record]:
    for topic, value, ms in said:
        yield Record(topic, None, value, (at + 1) * SLOT_MS + 10 * HOUR_MS + ms)


def multiset(rows: Iterable[tuple[str, str | None, dict[str, Any], int]]) -> Counter[str]:
    """Topic, key, time and columns; distances to 1e-6 ft, since maths libraries differ in the last bit."""
    found: Counter[str] = Counter()
    for topic, key, columns, ms in rows:
        plain = {name: plainly(value) for name, value in columns.items()}
        found[json.dumps([topic, key, ms, plain], sort_keys=True)] += 1
    return found


def plainly(value: Any) -> Any:
    if isinstance(value, Decimal | int | float):
        return f"{float(value):.6f}".replace("-0.000000", "0.000000")
    return value


@pytest.fixture(scope="module")
def found(start: Callable[..., Any], cancel: Callable[[Any], None]) -> dict[int, Counter[str]]:
    match = start("hard", flink_form="seed", flink_late_s=2 * 86_400, flink_idle_s=0)
    for at, said in enumerate(CASES.values()):
        match.send((each.topic, each.key, each.value, each.timestamp_ms) for each in shifted(said, at))
    ending = [shelf(0, segment=END, country=END), promotion(0, pid=END, segment=END), fix(0, country=END)]
    match.send((each.topic, each.key, each.value, each.timestamp_ms) for each in shifted(ending, len(CASES)))
    rows: dict[int, list[Any]] = {at: [] for at in range(len(CASES) + 1)}
    for topic in TOPICS:
        for row in match.rows(lambda rows: any(row.value["PID"] == END for row in rows), topic):
            rows[row.timestamp_ms // SLOT_MS - 1].append((topic, row.key, row.value, row.timestamp_ms))
    cancel(match)
    return {at: multiset(each) for at, each in rows.items()}


def expected(at: int) -> Counter[str]:
    rows = [
        (row.topic, row.key, json.loads(row.value, parse_float=Decimal), row.timestamp_ms)
        for rows in MatchEngine("parity").process_many(list(shifted(CASES[NAMES[at]], at)))
        for row in rows
        if isinstance(row, MatchRow)
    ]
    return multiset(rows)


@pytest.mark.parametrize("at", range(len(CASES)), ids=[name.replace(" ", "-") for name in NAMES])
def test_the_seed_form_finds_what_parity_mode_finds(at: int, found: dict[int, Counter[str]]) -> None:
    assert found[at] == expected(at)


def test_each_case_has_something_to_find() -> None:
    silent = {name for at, name in enumerate(NAMES) if not any("NEARBY" in row for row in expected(at))}
    assert silent == {"off Earth joins as a pair and is near nothing"}
