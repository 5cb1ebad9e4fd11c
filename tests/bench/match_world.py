"""The world the match is measured in: stores full of promoted products in ten countries, shoppers in them and outside.

Stores are 50 x 50 m with 50 to 3,000 placements each (log-uniform), coordinates of five decimals; every placement has
exactly one live promotion, so N placements are N live rows of VALID_PROMOTIONS. Seeds are fixed.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import cos, exp, log, pi, sin
from random import Random

from endcap.geo import LatLon, offset
from endcap.messages import CustomerLocation, ProductPromotion, StoreProduct

COUNTRIES = 10
SEGMENTS = 50
SKUS = 30_000
STORE_M = 50.0
STREET_M = 2000.0  # how far outside a store the street's walks begin
STEP_M = 1.0  # a shopper's walk in a second

Fix = tuple[CustomerLocation, int]  # with its time in ms


def placements(count: int, seed: int = 1) -> Iterator[StoreProduct]:
    """Store by store, until there are so many."""
    dice = Random(seed)
    made = store = 0
    while made < count:
        corner = LatLon(dice.uniform(-60, 60), dice.uniform(-179, 179))
        few = min(int(exp(dice.uniform(log(50), log(3000)))), count - made)
        for sku in dice.sample(range(SKUS), few):
            point = offset(corner, dice.uniform(0, STORE_M), dice.uniform(0, STORE_M))
            yield StoreProduct(
                sku=sku, segment=f"segment {dice.randrange(SEGMENTS)}", country=f"C{store % COUNTRIES}",
                latitude_deg=point.latitude_deg, longitude_deg=point.longitude_deg, store=f"s{store}",
                price=round(dice.uniform(0.5, 20), 2), stock=dice.randrange(1, 50),
            )  # fmt: skip
        made, store = made + few, store + 1


def a_promotion(segment: int) -> ProductPromotion:
    return ProductPromotion(pid=f"p{segment}", segment=f"segment {segment}", discount=10.0)


class World:
    """Placements, their promotions, and the corner of each store."""

    def __init__(self, count: int) -> None:
        self.products = list(placements(count))
        self.promotions = [a_promotion(segment) for segment in range(SEGMENTS)]
        corners: dict[str | None, tuple[str | None, float, float]] = {}
        for each in self.products:
            _, south, west = corners.get(each.store, (None, 90.0, 180.0))
            corners[each.store] = each.country, min(south, each.latitude_deg), min(west, each.longitude_deg)
        self.stores = [(country, LatLon(south, west)) for country, south, west in corners.values()]

    def in_stores(self, shoppers: int, visit_s: int, seed: int = 3) -> Iterator[Fix]:
        """Shoppers who wander in stores, a fix a second each, without end: they came at different times, and who
        leaves one store is a stranger in the next."""
        dice = Random(seed)
        walks = [self._visits(number, visit_s, dice) for number in range(shoppers)]
        second = 0
        while True:
            for walk in walks:
                yield next(walk), second * 1000
            second += 1

    def in_streets(self, shoppers: int = 10_000, seed: int = 2) -> Iterator[Fix]:
        """Shoppers who walk straight through the streets within 2 km of a store, a fix a second each, without end."""
        dice = Random(seed)
        walks = [
            (dice.choice(self.stores), dice.uniform(-STREET_M, STREET_M), dice.uniform(-STREET_M, STREET_M),
             dice.uniform(0, 2 * pi))
            for _ in range(shoppers)
        ]  # fmt: skip
        second = 0
        while True:
            for number, ((country, corner), east_m, north_m, heading) in enumerate(walks):
                walked_m = STEP_M * second
                point = offset(corner, east_m + walked_m * cos(heading), north_m + walked_m * sin(heading))
                yield _fix(f"o{number}", country, point), second * 1000
            second += 1

    def _visits(self, number: int, visit_s: int, dice: Random) -> Iterator[CustomerLocation]:
        visit, left_s = 0, dice.randrange(visit_s)
        while True:
            country, corner = dice.choice(self.stores)
            east_m, north_m, heading = dice.uniform(0, STORE_M), 0.0, pi / 2
            for _ in range(left_s):
                heading += dice.gauss(0, 0.4)
                east_m, north_m = east_m + STEP_M * cos(heading), north_m + STEP_M * sin(heading)
                if not (0 <= east_m <= STORE_M and 0 <= north_m <= STORE_M):
                    heading += pi / 2
                    east_m, north_m = min(max(east_m, 0), STORE_M), min(max(north_m, 0), STORE_M)
                yield _fix(f"i{number}-{visit}", country, offset(corner, east_m, north_m))
            visit, left_s = visit + 1, visit_s


def _fix(uid: str, country: str | None, point: LatLon) -> CustomerLocation:
    return CustomerLocation(
        uid=uid, latitude_deg=point.latitude_deg, longitude_deg=point.longitude_deg, country=country
    )
