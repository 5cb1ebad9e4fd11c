"""Parity mode against the literal joins: every pair kept, stores scanned one by one, as the SQL says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endcap.geo import FEET_PER_KM, haversine_km
from endcap_backend.match.engine import MatchEngine, Record
from endcap_backend.match.parity.java_text import double_text
from endcap_backend.match.rows import MatchError, Row

HOUR = 3600_000
DAY = 24 * HOUR
PLACES = [(60.17, 24.94), (0.0, 180.0), (80.0, -179.9999), (89.9999, 10.0), (-90.0, 0.0)]


@dataclass
class Store:
    """A window store: records by key, shown for 24 hours by the newest of them, in order of time and arrival."""

    newest: int = -1
    records: list[tuple[int, int, str, dict[str, Any]]] = field(default_factory=list)

    def put(self, ts: int, key: str, record: dict[str, Any]) -> None:
        self.newest = max(self.newest, ts)
        self.records.append((ts, len(self.records), key, record))

    def fetch(self, key: str, ts: int, within: int) -> list[tuple[int, dict[str, Any]]]:
        return [(at, record) for at, _, held, record in sorted(self.records, key=lambda each: each[:2])
                if held == key and abs(at - ts) <= within and at > self.newest - DAY]  # fmt: skip


@dataclass
class Joins:
    products: Store = field(default_factory=Store)
    promotions: Store = field(default_factory=Store)
    valid: Store = field(default_factory=Store)
    fixes: Store = field(default_factory=Store)

    def process(self, topic: str, record: dict[str, Any], ts: int) -> list[Row | MatchError]:
        if topic == "customers_locations":
            return self._location(record, ts)
        if record["segment"] is None:
            return []
        mine, other = self.products, self.promotions
        if topic == "products_promotions":
            mine, other = other, mine
        pairs = []
        for at, held in other.fetch(record["segment"], ts, HOUR):
            product, promotion = (record, held) if mine is self.products else (held, record)
            pairs.append((max(ts, at), product, promotion))
        mine.put(ts, record["segment"], record)
        rows: list[Row | MatchError] = [_valid(*pair) for pair in pairs]
        for at, product, promotion in pairs:
            if product["country"] is None:
                continue
            for fixed, fix in self.fixes.fetch(product["country"], at, HOUR // 2):
                rows += _nearby(max(at, fixed), fix, product, promotion)
            self.valid.put(at, product["country"], {"product": product, "promotion": promotion})
        return rows

    def _location(self, fix: dict[str, Any], ts: int) -> list[Row | MatchError]:
        if fix["country"] is None:
            return []
        rows = []
        for at, pair in self.valid.fetch(fix["country"], ts, HOUR // 2):
            rows += _nearby(max(at, ts), fix, pair["product"], pair["promotion"])
        self.fixes.put(ts, fix["country"], fix)
        return rows


def _fixed(degrees: float | None) -> str:
    return "null" if degrees is None else f"{degrees + 0.0:.5f}"


def _valid(ts: int, product: dict[str, Any], promotion: dict[str, Any]) -> Row:
    value = f'{{"LATITUDE":{_fixed(product["latitude"])},"LONGITUDE":{_fixed(product["longitude"])},' + (
        f'"COUNTRY":{json.dumps(product["country"])},"PID":"{promotion["pid"]}","P_SEGMENT":"{promotion["segment"]}"}}'
    )
    return Row("VALID_PROMOTIONS", promotion["segment"], value, ts)


def _nearby(ts: int, fix: dict[str, Any], product: dict[str, Any], promotion: dict[str, Any]) -> list[Row | MatchError]:
    four = (fix["latitude"], fix["longitude"], product["latitude"], product["longitude"])
    if None in four or any(abs(each) > limit for each, limit in zip(four, (90, 180, 90, 180), strict=True)):
        return [MatchError("NEARBY_CUSTOMERS", "where", "")]
    feet = haversine_km(*four) * FEET_PER_KM
    if feet > 100:
        return []
    value = f'{{"C_LATITUDE":{_fixed(fix["latitude"])},"C_LONGITUDE":{_fixed(fix["longitude"])},' + (
        f'"PID":"{promotion["pid"]}","DIST_TO_STORE":{double_text(feet)}}}'
    )
    return [Row("NEARBY_CUSTOMERS", fix["country"], value, ts)]


def a_position(dice: Random, place: tuple[float, float]) -> dict[str, float | None]:
    if dice.random() < 0.08:
        nowhere = [(None, 1.0), (1.0, None), (90.00001, 0.0), (0.0, -180.00001)]
        return dict(zip(("latitude", "longitude"), dice.choice(nowhere), strict=True))
    latitude = max(-90.0, min(90.0, round(place[0] + dice.randint(-30, 30) / 1e5, 5)))
    spread = 18_000_000 if abs(latitude) > 89.99 else 60
    longitude = round((place[1] + dice.randint(-spread, spread) / 1e5 + 180.0) % 360.0 - 180.0, 5)
    return {"latitude": latitude, "longitude": dice.choice([180.0, longitude]) if longitude == -180 else longitude}


def a_stream(seed: int, records: int = 120) -> Iterator[tuple[str, dict[str, Any], int]]:
    """Records over some hours, out of order, some days early or late, some exactly at an end of a window."""
    dice = Random(seed)
    place, span = dice.choice(PLACES), dice.choice([HOUR, 3 * HOUR, 30 * HOUR, 80 * HOUR])
    base, times = 200 * HOUR, [200 * HOUR]
    for number in range(records):
        edge = dice.choice([0, 0, HOUR, HOUR // 2, DAY, DAY + HOUR]) * dice.choice([1, -1]) + dice.choice([-1, 0, 1])
        ts = dice.choice([base + dice.randint(0, span), dice.choice(times) + edge])
        times.append(ts)
        segment, country = dice.choice(["A", "A", "B", None]), dice.choice(["X", "X", "Y", None])
        topic = dice.choice(["customers_locations", "stores_products", "products_promotions"])
        if topic == "products_promotions":
            yield topic, {"pid": f"p{number}", "SKU": 1, "segment": segment}, ts
        elif topic == "stores_products":
            yield topic, {"SKU": 1, "segment": segment, "country": country, **a_position(dice, place)}, ts
        else:
            yield topic, {"uid": "u", "country": country, **a_position(dice, place)}, ts


def without_messages(found: list[Row | MatchError]) -> list[Row | MatchError]:
    return [MatchError(each.query, each.stage, "") if isinstance(each, MatchError) else each for each in found]


@pytest.mark.parametrize("vectorised", [True, False])
@given(st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_parity_mode_gives_the_rows_of_the_literal_joins(vectorised: bool, seed: int) -> None:
    engine, joins = MatchEngine("parity", vectorised), Joins()
    for topic, record, ts in a_stream(seed):
        found = engine.process(topic, None, json.dumps(record).encode(), ts)
        assert without_messages(found) == joins.process(topic, record, ts)


@pytest.mark.parametrize("mode", ["parity", "product"])
@given(st.integers(0, 2**32), st.lists(st.integers(1, 40)))
@settings(max_examples=40, deadline=None)
def test_how_batches_are_cut_changes_nothing(mode: Any, seed: int, cuts: list[int]) -> None:
    records = [Record(topic, None, json.dumps(record).encode(), ts) for topic, record, ts in a_stream(seed)]
    whole = MatchEngine(mode).process_many(records)
    single = MatchEngine(mode, vectorised=False)
    assert [single.process(*record) for record in records] == whole
    pieces, engine = [], MatchEngine(mode)
    for cut in [*cuts, len(records)]:
        pieces += engine.process_many(records[:cut])
        records = records[cut:]
    assert pieces == whole


def test_what_is_swept_could_not_be_seen_any_more() -> None:
    """A stream long enough to be swept several times, over days."""
    engine, joins = MatchEngine("parity"), Joins()
    dice = Random(5)
    for number, (topic, record, _) in enumerate(a_stream(7, records=2100)):
        ts = number * 120_000 + dice.choice([0, 0, -HOUR, -DAY, HOUR])  # 70 hours
        ts = max(0, ts)
        found = engine.process(topic, None, json.dumps(record).encode(), ts)
        assert without_messages(found) == joins.process(topic, record, ts)
    held = engine.stats()
    assert held["products"] < 700
    assert held["promotions"] < 700
    assert held["locations"] < 700


@pytest.mark.parametrize("moves_on", ["stores_products", "products_promotions"])
def test_a_pair_outlives_its_product_and_promotion(moves_on: str) -> None:
    """A side's 24 hours are its own: VALID_PROMOTIONS stands still while products, or promotions, move on."""
    engine = MatchEngine("parity")
    here = {"latitude": 60.17, "longitude": 24.94, "country": "X"}

    def process(topic: str, record: dict[str, Any], ts: int) -> list[Row | MatchError]:
        return engine.process(topic, None, json.dumps(record).encode(), ts)

    process("stores_products", {"SKU": 1, "segment": "A", **here}, 0)
    assert len(process("products_promotions", {"pid": "p", "SKU": 1, "segment": "A"}, 0)) == 1
    for number in range(2048):
        assert process(moves_on, {"pid": "q", "SKU": 1, "segment": "B", **here}, 2 * DAY + number) == []
    assert len(process("customers_locations", {"uid": "u", **here}, 0)) == 1


def test_keys_are_compared_as_java_s_utf_8_makes_them() -> None:
    """Half of a surrogate pair is a question mark in a key, and itself in a value."""
    engine = MatchEngine("parity")
    here = '"latitude":60.17,"longitude":24.94,"country":"\\ud800"'
    engine.process("stores_products", None, f'{{"SKU":1,"segment":"?",{here}}}'.encode(), 0)
    (valid,) = engine.process("products_promotions", None, rb'{"pid":"p","SKU":1,"segment":"\ud83d"}', 0)
    assert isinstance(valid, Row)
    assert (valid.key, json.loads(valid.value)["P_SEGMENT"]) == ("?", "\ud83d")
    (nearby,) = engine.process("customers_locations", None, f'{{"uid":"u",{here}}}'.replace("\\ud800", "?").encode(), 0)
    assert isinstance(nearby, Row)
    assert nearby.key == "?"
