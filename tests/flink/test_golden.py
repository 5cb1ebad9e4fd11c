"""What ksqlDB 8.1.5 emitted, against what Flink emits for the same records: `tests/match/golden`, as multisets.

All cases go through one job of each form, each case in a time of its own: 40 days apart nothing joins. The day by which
a record may be late has to be ten there, since Flink counts it by the slowest of a join's inputs.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from endcap.errors import EndcapError
from endcap.messages import CustomerLocation, NearbyPromotion, ProductPromotion, StoreProduct
from endcap_backend.match.engine import MatchEngine, Record
from endcap_backend.match.rows import Row as MatchRow

GOLDEN = Path(__file__).parent.parent / "match" / "golden"
SLOT_MS = 40 * 86_400_000
SETTINGS = {"flink_late_s": 10 * 86_400, "flink_idle_s": 0}
END = "the-end"  # of a product, promotion and fix behind all cases: once they match, all before them has been matched
READS = {each.TOPIC: each.from_text for each in (StoreProduct, ProductPromotion, CustomerLocation)}

NOT_SENT = {
    "time-zero": "librdkafka takes a timestamp of 0 for none",
    "time-far-future": "once one input is a hundred years ahead, what is found hangs on how far the other is read",
    "time-far-future-promo": "the same, of promotions",
}
FORGETS = "ksqlDB forgets by each side's own newest record, Flink by the slower side's: it finds what ksqlDB forgot"
FORGOTTEN = (
    "late3-product-store-24h", "late3-product-store-40h", "late4-valid-promotions-store-24h",
    "late4-valid-promotions-store-40h", "late5-location-store-24h", "late5-location-store-24h-plus-1ms",
    "late6-promotion-store-24h", "late6-promotion-store-24h-plus-1ms", "late7-partial", "late10-null-position-advances",
    "late-location-before-promo-40h",
)  # fmt: skip
SEED_DIFFERS = dict.fromkeys(FORGOTTEN, FORGETS) | {
    "json-loc-dup-keys-case": "Flink knows names in one case or the other, and takes no heed of which came last",
    "json-loc-str-numbers": "Flink trims the blanks about a number in quotes",
    "json-loc-non-object": "Flink takes an array of objects for several records",
    "json-loc-control-char": "Flink lets raw control characters pass",
    "json-promo-pid-types": "an array as a text is JSON in Flink, and not in ksqlDB",
}
# of these the backend accepts no record that ksqlDB would have to forget
GRID_DIFFERS = dict.fromkeys(set(FORGOTTEN) - {"late10-null-position-advances"}, FORGETS)

Sent = tuple[str, str | None, bytes | None, int]
Plain = tuple[str, int, dict[str, Any]]  # key, time in the case, columns of ksqlDB


def golden_lines(name: str) -> list[Any]:
    with gzip.open(GOLDEN / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def golden_cases() -> list[dict[str, Any]]:
    outputs = {topic: golden_lines(f"large-a.{topic.lower()}") for topic in ("VALID_PROMOTIONS", "NEARBY_CUSTOMERS")}
    large = {"id": "large-a", "inputs": golden_lines("large-a.inputs"), "outputs": outputs}
    return [case for case in (*golden_lines("cases"), large) if case["id"] not in NOT_SENT]


CASES = golden_cases()
IDS = [case["id"] for case in CASES]


def raw(case: dict[str, Any]) -> list[Record]:
    return [Record(each["topic"], each["key"], value_of(each), each["ts"]) for each in case["inputs"]]


def value_of(record: dict[str, Any]) -> bytes | None:
    if "value_b64" in record:
        return base64.b64decode(record["value_b64"])
    text: str | None = record["value"]
    return None if text is None else text.encode()


def accepted(case: dict[str, Any]) -> list[Record]:
    """What the backend would have put into the topics."""
    found = []
    for record in raw(case):
        try:
            message = READS[record.topic](record.value or b"")
        except EndcapError:
            continue
        found.append(Record(record.topic, record.key, message.to_text().encode(), record.timestamp_ms))
    return found


def shift_ms(at: int) -> int:
    return (at + 1) * SLOT_MS - min(each["ts"] for each in CASES[at]["inputs"])


def shifted(read: Callable[[dict[str, Any]], list[Record]]) -> Iterator[Sent]:
    for at, case in enumerate(CASES):
        for record in read(case):
            yield record.topic, record.key, record.value, record.timestamp_ms + shift_ms(at)
    fix = CustomerLocation(uid=END, latitude_deg=1, longitude_deg=1, country=END)
    product = StoreProduct(sku=1, segment=END, latitude_deg=1, longitude_deg=1, country=END)
    for message in (product, ProductPromotion(pid=END, segment=END), fix):
        yield message.TOPIC, None, message.to_text().encode(), (len(CASES) + 1) * SLOT_MS


def by_case(rows: Iterable[Any]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {at: [] for at in range(len(CASES))}
    for row in rows:
        at = row.timestamp_ms // SLOT_MS - 1
        if at < len(CASES):  # the rest is the end's
            found[at].append(row)
    return found


def ended(rows: list[Any]) -> bool:
    return any(row.value["PID"] == END for row in rows)


def plain(key: str | None, timestamp_ms: int, columns: dict[str, Any]) -> Plain:
    return str(key), timestamp_ms, columns


def ordered(rows: Iterable[Plain]) -> list[Plain]:
    """A multiset, to compare: DIST_TO_STORE to 1e-6 ft, since maths libraries differ in the last bit."""
    near = [
        (
            key,
            at,
            {name: round(float(value), 6) if name == "DIST_TO_STORE" else value for name, value in columns.items()},
        )
        for key, at, columns in rows
    ]
    return sorted(near, key=lambda row: (row[0], row[1], sorted((n, str(canonical(v))) for n, v in row[2].items())))


def canonical(value: Any) -> Any:
    """0 and 0.00000 are written differently, and are the same."""
    return Decimal(value).normalize() if isinstance(value, int | Decimal) else value


def golden(case: dict[str, Any], topic: str) -> list[Plain]:
    rows = case["outputs"][topic]
    return ordered(plain(row["key"], row["ts"], json.loads(row["value"], parse_float=Decimal)) for row in rows)


@pytest.fixture(scope="module")
def seed_rows(start: Any, cancel: Any) -> dict[str, dict[int, list[Any]]]:
    match = start("seed", flink_form="seed", **SETTINGS)
    match.send(shifted(raw))
    found = {topic: by_case(match.rows(ended, topic)) for topic in ("NEARBY_CUSTOMERS", "VALID_PROMOTIONS")}
    cancel(match)
    return found


@pytest.fixture(scope="module")
def grid_rows(start: Any, cancel: Any) -> dict[int, list[Any]]:
    match = start("grid", flink_form="grid", flink_promotions_by="segment", **SETTINGS)
    match.send(shifted(accepted))
    found = by_case(match.rows(ended))
    cancel(match)
    return found


def of_seed(rows: dict[str, dict[int, list[Any]]], at: int, topic: str) -> list[Plain]:
    return ordered(plain(row.key, row.timestamp_ms - shift_ms(at), row.value) for row in rows[topic][at])


@pytest.mark.parametrize("at", range(len(CASES)), ids=IDS)
def test_the_seed_form_emits_what_ksqldb_emitted(at: int, seed_rows: Any) -> None:
    same = [
        of_seed(seed_rows, at, topic) == golden(CASES[at], topic) for topic in ("VALID_PROMOTIONS", "NEARBY_CUSTOMERS")
    ]
    if CASES[at]["id"] in SEED_DIFFERS:
        assert not all(same), "is said to differ"
    else:
        for topic in ("VALID_PROMOTIONS", "NEARBY_CUSTOMERS"):
            assert of_seed(seed_rows, at, topic) == golden(CASES[at], topic)


def of_grid(rows: dict[int, list[Any]], at: int) -> list[Plain]:
    return ordered(
        plain(
            row.value["COUNTRY"],
            row.timestamp_ms - shift_ms(at),
            {name: row.value[name] for name in ("C_LATITUDE", "C_LONGITUDE", "PID")}
            | {"DIST_TO_STORE": row.value["DIST_FT"]},
        )
        for row in rows[at]
    )


def parity(records: list[Record]) -> list[Plain]:
    """What ksqlDB gives for these records: parity mode, which agrees with it on all golden data."""
    found = [row for rows in MatchEngine("parity").process_many(records) for row in rows if isinstance(row, MatchRow)]
    return ordered(
        plain(row.key, row.timestamp_ms, json.loads(row.value, parse_float=Decimal))
        for row in found
        if row.topic == "NEARBY_CUSTOMERS"
    )


@pytest.mark.parametrize("at", range(len(CASES)), ids=IDS)
def test_the_grid_finds_what_ksqldb_finds_among_the_records_that_the_backend_accepts(at: int, grid_rows: Any) -> None:
    expected, found = parity(accepted(CASES[at])), of_grid(grid_rows, at)
    if CASES[at]["id"] in GRID_DIFFERS:
        assert found != expected, "is said to differ"
    else:
        assert found == expected


def test_each_row_of_the_grid_is_a_message_keyed_by_its_shopper(grid_rows: Any) -> None:
    rows = [row for rows in grid_rows.values() for row in rows]
    assert len(rows) > 5000
    for row in rows:
        message = NearbyPromotion.from_text(json.dumps(row.value, default=float))
        assert message.uid == row.key
