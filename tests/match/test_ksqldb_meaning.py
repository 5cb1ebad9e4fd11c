"""What the product's statements mean: run record by record, and compared with every pair tried by hand."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from math import cos, radians
from random import Random
from typing import Any

import pytest

from endcap.geo import FEET_PER_KM, NEAR_FT, haversine_km
from endcap.messages import CustomerAlert, NearbyPromotion
from endcap.wire import epoch_ms
from endcap_backend.match.statements import statements
from endcap_devkit.ksqldb.engine import KsqlEngine

START = datetime(2026, 11, 24, 8, 0, 0, tzinfo=UTC)
START_MS = epoch_ms(START)
PLACES = [(60.17, 24.94), (0.0, 180.0), (-37.8, 144.96), (74.0, 20.0), (-74.0, -179.9999), (80.0, -180.0),
          (87.0, 33.0), (-87.0, 180.0), (89.9999, 10.0), (-90.0, 0.0)]  # fmt: skip


def engine() -> KsqlEngine:
    return KsqlEngine(each.sql for each in statements("product") + statements("alerts"))


def at(seconds: float) -> str:
    return (START + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class World:
    """Shops about one place, changing; what it says it gives to the statements, and remembers."""

    def __init__(self, seed: int, place: tuple[float, float]) -> None:
        self.random, self.place = Random(seed), place
        self.shelves: dict[tuple[int, str | None], Mapping[str, Any]] = {}
        self.promotions: dict[str, Mapping[str, Any]] = {}
        self.fixes: list[tuple[Mapping[str, Any], int]] = []
        self.expected: Counter[tuple[Any, ...]] = Counter()

    def point(self) -> tuple[float, float]:
        """Within 60 m, rounded as a message is, on Earth."""
        latitude, longitude = self.place
        north = latitude + self.random.uniform(-6e-4, 6e-4)
        east = longitude + self.random.uniform(-6e-4, 6e-4) / max(cos(radians(latitude)), 1e-4)
        north = max(-90.0, min(90.0, round(north, 5)))
        return north, round((east + 180) % 360 - 180, 5) if abs(east) != 180 else east

    def step(self, engine: KsqlEngine, second: int) -> None:
        now = START_MS + second * 1000
        what = self.random.random()
        if what < 0.25:
            engine.put("stores_products", self.shelf(), now)
        elif what < 0.4:
            engine.put("products_promotions", self.promotion(second), now)
        else:
            latitude, longitude = self.point()
            fix = {
                "uid": f"u{self.random.randrange(3)}",
                "latitude": latitude,
                "longitude": longitude,
                "id": f"f{second}",
            }
            engine.put("customers_locations", fix, now)
            self.expect(fix, now)

    def shelf(self) -> Mapping[str, Any]:
        latitude, longitude = self.point()
        sku, store = self.random.randrange(6), self.random.choice(["s1", "s2", None])
        shelf = {"SKU": sku, "store": store, "segment": f"seg{self.random.randrange(2)}", "latitude": latitude,
                 "longitude": longitude, "stock": self.random.choice([None, 0, 5]), "name": f"n{sku}"}  # fmt: skip
        self.shelves[sku, store] = shelf
        return shelf

    def promotion(self, second: int) -> Mapping[str, Any]:
        pid = f"p{self.random.randrange(4)}"
        promotion = {"pid": pid, "segment": f"seg{self.random.randrange(2)}", "title": f"t{second}",
                     "SKU": self.random.choice([None, self.random.randrange(6)]),
                     "starts_at": self.random.choice([None, at(second + 20)]),
                     "ends_at": self.random.choice([None, at(second + 60), at(second - 1)])}  # fmt: skip
        self.promotions[pid] = promotion
        return promotion

    def expect(self, fix: Mapping[str, Any], now: int) -> None:
        """Every shelf and promotion, tried one by one."""
        told = at((now - START_MS) / 1000)
        for shelf in self.shelves.values():
            position = shelf["latitude"], shelf["longitude"]
            distance_ft = haversine_km(fix["latitude"], fix["longitude"], *position) * FEET_PER_KM
            if distance_ft > NEAR_FT or shelf["stock"] == 0:
                continue
            for each in self.promotions.values():
                fits = each["SKU"] == shelf["SKU"] if each["SKU"] is not None else each["segment"] == shelf["segment"]
                if fits and (each["starts_at"] or "") <= told < (each["ends_at"] or "9"):
                    key = fix["id"], fix["uid"], each["pid"], each["title"], shelf["SKU"], shelf["store"], distance_ft
                    self.expected[key] += 1


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_the_statements_find_every_pair_and_no_other(place: tuple[float, float]) -> None:
    running, world = engine(), World(PLACES.index(place), place)
    for second in range(250):
        world.step(running, second)
    found = Counter(
        (row["LOCATION_ID"], row["UID"], row["PID"], row["TITLE"], row["SKU"], row["STORE"], row["DIST_FT"])
        for row in running.rows["NEARBY_OFFERS"]
    )
    assert found == world.expected
    assert found.total() > 10
    once = Counter((row["UID"], row["PID"]) for row in running.rows["NEARBY"])
    assert once == Counter({(uid, pid) for _, uid, pid, *_ in found})


def near(running: KsqlEngine, second: float, uid: str = "u1") -> list[str]:
    """The pids that a fix at the shelf brings for the first time."""
    before = len(running.rows["NEARBY"])
    fix = {"uid": uid, "latitude": 60.17, "longitude": 24.94}
    running.put("customers_locations", fix, START_MS + round(second * 1000))
    return [row["PID"] for row in running.rows["NEARBY"][before:]]


@pytest.fixture
def shop() -> KsqlEngine:
    running = engine()
    shelf = {"SKU": 7, "segment": "coffee", "latitude": 60.17, "longitude": 24.94, "store": "s1"}
    running.put("stores_products", shelf, START_MS)
    running.put("products_promotions", {"pid": "p1", "segment": "coffee", "title": "Hot", "discount": 10}, START_MS)
    return running


def test_she_is_told_once_in_half_an_hour(shop: KsqlEngine) -> None:
    assert [near(shop, second) for second in (0, 1, 1799.999, 1800)] == [["p1"], [], [], ["p1"]]


def test_another_shopper_is_told_too(shop: KsqlEngine) -> None:
    assert [near(shop, 0, "u1"), near(shop, 1, "u2")] == [["p1"], ["p1"]]


@pytest.mark.parametrize(
    ("starts", "ends", "holds"), [(10, None, True), (10.001, None, False), (None, 10, False), (None, 10.001, True)]
)
def test_a_promotion_holds_from_its_start_until_its_end_excluded(
    shop: KsqlEngine, starts: float | None, ends: float | None, holds: bool
) -> None:
    times = {name: at(each) for name, each in (("starts_at", starts), ("ends_at", ends)) if each is not None}
    shop.put("products_promotions", {"pid": "p2", "segment": "coffee", **times}, START_MS)
    assert ("p2" in near(shop, 10)) is holds


def test_a_sku_in_two_stores_stands_in_both(shop: KsqlEngine) -> None:
    other = {"SKU": 7, "segment": "coffee", "latitude": 61.0, "longitude": 25.0, "store": "s2"}
    shop.put("stores_products", other, START_MS)
    assert near(shop, 1) == ["p1"]


def test_a_shelf_that_moved_is_where_its_latest_record_says(shop: KsqlEngine) -> None:
    moved = {"SKU": 7, "segment": "coffee", "latitude": 61.0, "longitude": 25.0, "store": "s1"}
    shop.put("stores_products", moved, START_MS)
    assert near(shop, 1) == []


def test_a_position_that_is_not_on_earth_brings_nothing(shop: KsqlEngine) -> None:
    for latitude, longitude in ((91, 0), (0, 181), (None, 0)):
        shop.put("customers_locations", {"uid": "u1", "latitude": latitude, "longitude": longitude}, START_MS)
    assert shop.rows["FIXES_IN_CELLS"] == []


def test_a_row_is_a_nearby_promotion_and_an_alert_an_alert(shop: KsqlEngine) -> None:
    uid = "0123456789abcdef0123456789abcdef"
    near(shop, 1, uid)
    (row,) = shop.rows["NEARBY"]
    found = NearbyPromotion.from_text(json.dumps({name: each for name, each in row.items() if name != "K_UID"}))
    assert (found.uid, found.pid, found.sku, found.title, found.discount, found.store) == (
        uid,
        "p1",
        7,
        "Hot",
        10,
        "s1",
    )
    (row,) = shop.rows["ALERTS"]
    alert = CustomerAlert.from_text(json.dumps({name: each for name, each in row.items() if name != "K_UID"}))
    assert (alert.uid, alert.title, alert.why) == (uid, "Hot", "about 0 ft from you")
    assert epoch_ms(alert.expires_at) == START_MS + 1000 + 15 * 60_000
