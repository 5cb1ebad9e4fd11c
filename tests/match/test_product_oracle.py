"""Product mode against a brute-force oracle, which holds and tests every pair, in places where grids go wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import cos, radians
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endcap.geo import FEET_PER_KM, NEAR_FT, LatLon, haversine_km
from endcap.messages import CustomerLocation, NearbyPromotion, ProductPromotion, StoreProduct
from endcap.wire import epoch_ms, from_epoch_ms
from endcap_backend.match.product import STANDS_MS, ProductMatch

START = datetime(2026, 11, 24, 8, tzinfo=UTC)
START_MS = epoch_ms(START)
PLACES = [(60.17, 24.94), (0.0, 180.0), (-37.8, 144.96), (80.0, -179.9999), (89.9999, 10.0), (-90.0, 0.0)]


@dataclass
class Oracle:
    """Latest products, promotions and fixes in plain dicts; what was told, pair by pair."""

    most_shelves: int | None = None
    products: dict[tuple[int, str | None], tuple[StoreProduct, int]] = field(default_factory=dict)
    promotions: dict[str, tuple[ProductPromotion, int]] = field(default_factory=dict)
    fixes: dict[str, tuple[CustomerLocation, int]] = field(default_factory=dict)
    told: set[tuple[object, ...]] = field(default_factory=set)
    turn: int = 0

    def place(self, product: StoreProduct, ts: int) -> list[NearbyPromotion]:
        self.turn += 1
        old = self.products.get((product.sku, product.store))
        stays = old is not None and old[0].point == product.point and old[0].segment == product.segment
        turn = old[1] if old is not None and stays else self.turn
        self.products[product.sku, product.store] = product, turn
        return self._tell_all(ts, product)

    def promote(self, promotion: ProductPromotion, ts: int) -> list[NearbyPromotion]:
        self.turn += 1
        old = self.promotions.get(promotion.pid)
        if old is not None and old[0] == promotion:
            return []
        self.promotions.pop(promotion.pid, None)
        if promotion.ends_at is not None and epoch_ms(promotion.ends_at) <= ts:
            return []
        self.promotions[promotion.pid] = promotion, self.turn
        return self._tell_all(ts, promotion)

    def locate(self, location: CustomerLocation, ts: int) -> list[NearbyPromotion]:
        if location.uid in self.fixes and ts < self.fixes[location.uid][1]:
            return []
        self.fixes[location.uid] = location, ts
        return self._tell(location.uid, ts)

    def _tell_all(self, ts: int, only: StoreProduct | ProductPromotion) -> list[NearbyPromotion]:
        rows = []
        for uid, (_, fixed) in self.fixes.items():
            if ts - fixed <= STANDS_MS:
                rows += self._tell(uid, max(ts, fixed), only)
        return rows

    def _tell(self, uid: str, ts: int, only: StoreProduct | ProductPromotion | None = None) -> list[NearbyPromotion]:
        location = self.fixes[uid][0]
        shelves = []
        for product, product_turn in self.products.values():
            feet = haversine_km(*location.point, *product.point) * FEET_PER_KM
            mine = [held for held in self.promotions.values() if applies(held[0], product)]
            asked = only is None or product is only or any(held[0] is only for held in mine)
            if feet <= NEAR_FT and product.stock != 0 and asked:
                shelves.append((feet, product.sku, product.store or "", product_turn, product, mine))
        rows: list[NearbyPromotion] = []
        told = 0
        for feet, _, _, product_turn, product, mine in sorted(shelves, key=lambda shelf: shelf[:3]):
            if told == self.most_shelves:
                break
            before = len(rows)
            for promotion, turn in sorted(mine, key=lambda held: held[0].pid):
                pair = (uid, product.sku, product.store, product_turn, promotion.pid, turn)
                if pair not in self.told and promotion.live_at(from_epoch_ms(ts)):
                    rows.append(row(location, product, promotion, feet))
                if promotion.starts_at is None or promotion.starts_at <= from_epoch_ms(ts):
                    self.told.add(pair)  # also when it has ended: a fix from before that hears of it no more
            told += len(rows) > before
        return rows


def applies(promotion: ProductPromotion, product: StoreProduct) -> bool:
    return promotion.segment == product.segment if promotion.sku is None else promotion.sku == product.sku


def row(location: CustomerLocation, product: StoreProduct, promotion: ProductPromotion, feet: float) -> NearbyPromotion:
    return NearbyPromotion(
        uid=location.uid, latitude_deg=location.latitude_deg, longitude_deg=location.longitude_deg, pid=promotion.pid,
        sku=product.sku, segment=product.segment, distance_ft=feet, country=location.country, variant=product.variant,
        title=promotion.title, discount=promotion.discount, name=product.name, price=product.price,
        stock=product.stock, store=product.store, section=product.section, location_id=location.id,
        shelf_latitude_deg=product.latitude_deg, shelf_longitude_deg=product.longitude_deg, ends_at=promotion.ends_at,
    )  # fmt: skip


def a_point(dice: Random, place: tuple[float, float]) -> LatLon:
    """Within 45 m of a place; about a pole at any longitude."""
    latitude = max(-90.0, min(90.0, place[0] + dice.randint(-25, 25) / 1e5))
    spread = 18_000_000 if abs(latitude) > 89.99 else int(25 / cos(radians(latitude)))
    longitude = (place[1] + dice.randint(-spread, spread) / 1e5 + 180.0) % 360.0 - 180.0
    return LatLon(round(latitude, 5), round(longitude, 5))


def an_event(dice: Random, place: tuple[float, float], ts: int) -> tuple[str, Any]:
    kind = dice.choice(["place", "place", "promote", "locate", "locate", "locate"])
    point = a_point(dice, place)._asdict()
    if kind == "promote":
        hours = [None, None, *(START + timedelta(minutes=minutes) for minutes in range(0, 60, 3))]
        return kind, ProductPromotion(
            pid=dice.choice("pqrs"), segment=dice.choice("AB"), sku=dice.choice([None, None, 1, 2, 3]),
            discount=dice.choice([10.0, 20.0]), starts_at=dice.choice(hours), ends_at=dice.choice(hours),
        )  # fmt: skip
    if kind == "place":
        store, stock = dice.choice([None, "s"]), dice.choice([None, 0, 5])
        return kind, StoreProduct(sku=dice.randint(0, 6), segment=dice.choice("AB"), store=store, stock=stock, **point)
    return kind, CustomerLocation(uid=dice.choice("uvw"), **point)


def a_stream(seed: int) -> Iterator[tuple[str, Any, int]]:
    """120 events over an hour about one place, some out of order; some repeat an earlier one."""
    dice = Random(seed)
    place, past = dice.choice(PLACES), []
    for minute in range(120):
        ts = START_MS + minute * 30_000 + dice.choice([0, 0, 0, -60_000, 60_000])
        kind, message = dice.choice(past) if past and dice.random() < 0.2 else an_event(dice, place, ts)
        past.append((kind, message))
        yield kind, message, ts


@pytest.mark.parametrize("most_shelves", [None, 1, 2])
@pytest.mark.parametrize("vectorised", [True, False])
@given(st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_the_rows_are_those_of_the_oracle(vectorised: bool, most_shelves: int | None, seed: int) -> None:
    match, oracle = ProductMatch(vectorised=vectorised, most_shelves=most_shelves), Oracle(most_shelves)
    for kind, message, ts in a_stream(seed):
        rows, expected = getattr(match, kind)(message, ts), getattr(oracle, kind)(message, ts)
        if match.stats()["sights_merged"]:  # from here on it may repeat itself
            assert most_shelves or not Counter(expected) - Counter(rows)
            break
        assert Counter(rows) == Counter(expected)
        assert kind != "locate" or rows == expected  # in this order


@pytest.mark.parametrize("most_shelves", [None, 2])
@given(st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_a_batch_of_fixes_tells_what_they_tell_one_by_one(most_shelves: int | None, seed: int) -> None:
    dice = Random(seed)
    place = dice.choice(PLACES)
    batches, single = ProductMatch(most_shelves=most_shelves), ProductMatch(most_shelves=most_shelves, vectorised=False)
    for burst in range(4):
        for _ in range(30):
            kind, message = an_event(dice, place, START_MS)
            if kind != "locate":
                assert getattr(batches, kind)(message, START_MS) == getattr(single, kind)(message, START_MS)
        fixes = []
        for step in range(60):
            ts = START_MS + (burst * 60 + step) * 10_000 - dice.choice([0, 0, 0, 60_000])
            point = a_point(dice, place)._asdict()
            if abs(place[0]) < 80 and step % 3 == 0:
                point["latitude_deg"] = round(point["latitude_deg"] + 0.004, 5)  # another cell, with nothing about
            fixes.append((CustomerLocation(uid=f"u{dice.randrange(12)}", **point), ts))
        assert batches.locate_many(fixes) == [single.locate(*fix) for fix in fixes]
    assert batches.stats()["late_fixes"] == single.stats()["late_fixes"]
