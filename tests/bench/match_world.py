"""The world the match is measured in: stores full of promoted products in ten countries, shoppers in them and outside.

Stores are 50 x 50 m with 50 to 3,000 placements each (log-uniform), coordinates of five decimals; every placement has
exactly one live promotion, so N placements are N live rows of VALID_PROMOTIONS. Seeds are fixed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import cos, exp, log, pi, sin
from random import Random

from endcap.geo import LatLon, offset
from endcap.messages import CustomerLocation, ProductPromotion, StoreProduct

COUNTRIES = 10
SEGMENTS = 50
STORE_M = 50.0
STREET_M = 2000.0  # how far outside a store the street's fixes scatter
STEP_M = 1.0  # a shopper's walk in a second
VISIT_S = 600


@dataclass(frozen=True, slots=True)
class Store:
    country: str
    corner: LatLon


@dataclass
class World:
    stores: list[Store]
    products: list[StoreProduct]
    promotions: list[ProductPromotion]


def a_world(placements: int, seed: int = 1) -> World:
    """Stores until there are so many placements."""
    dice = Random(seed)
    stores: list[Store] = []
    products: list[StoreProduct] = []
    while len(products) < placements:
        store = Store(f"C{len(stores) % COUNTRIES}", LatLon(dice.uniform(-60, 60), dice.uniform(-179, 179)))
        count = min(int(exp(dice.uniform(log(50), log(3000)))), placements - len(products))
        for sku in dice.sample(range(30_000), count):
            point = offset(store.corner, dice.uniform(0, STORE_M), dice.uniform(0, STORE_M))
            products.append(
                StoreProduct(
                    sku=sku, segment=f"segment {dice.randrange(SEGMENTS)}", country=store.country,
                    latitude_deg=point.latitude_deg, longitude_deg=point.longitude_deg, store=f"s{len(stores)}",
                    price=round(dice.uniform(0.5, 20), 2), stock=dice.randrange(1, 50),
                )
            )  # fmt: skip
        stores.append(store)
    promotions = [
        ProductPromotion(pid=f"p{each}", segment=f"segment {each}", discount=10.0) for each in range(SEGMENTS)
    ]
    return World(stores, products, promotions)


def street_fixes(world: World, shoppers: int = 10_000, seed: int = 2) -> Iterator[tuple[CustomerLocation, int]]:
    """Shoppers who walk in the streets within 2 km of a store, a fix a second each, without end."""
    dice = Random(seed)
    stores = [dice.choice(world.stores) for _ in range(shoppers)]
    places = [(dice.uniform(-STREET_M, STREET_M), dice.uniform(-STREET_M, STREET_M)) for _ in range(shoppers)]
    headings = [dice.uniform(0, 2 * pi) for _ in range(shoppers)]
    second = 0
    while True:
        for number, (store, (east_m, north_m), heading) in enumerate(zip(stores, places, headings, strict=True)):
            point = offset(
                store.corner, east_m + STEP_M * second * cos(heading), north_m + STEP_M * second * sin(heading)
            )
            yield _fix(f"o{number}", store, point), second * 1000
        second += 1


def store_fixes(world: World, shoppers: int, seed: int = 3) -> Iterator[tuple[CustomerLocation, int]]:
    """Shoppers who walk in stores, a fix a second each, for five minutes a visit, without end.

    They came at different times: at any moment some have just entered and some know all the shelves.
    """
    dice = Random(seed)
    walks = [_walk(world, number, dice) for number in range(shoppers)]
    for walk in walks:
        for _ in range(dice.randrange(VISIT_S)):
            next(walk)
    second = 0
    while True:
        for walk in walks:
            yield next(walk), second * 1000
        second += 1


def _walk(world: World, number: int, dice: Random) -> Iterator[CustomerLocation]:
    visit = 0
    while True:
        store, visit = dice.choice(world.stores), visit + 1
        east_m, north_m, heading = dice.uniform(0, STORE_M), 0.0, pi / 2
        for _ in range(VISIT_S):
            heading += dice.gauss(0, 0.4)
            east_m, north_m = east_m + STEP_M * cos(heading), north_m + STEP_M * sin(heading)
            if not (0 <= east_m <= STORE_M and 0 <= north_m <= STORE_M):
                heading += pi / 2
                east_m, north_m = min(max(east_m, 0), STORE_M), min(max(north_m, 0), STORE_M)
            yield _fix(f"i{number}-{visit}", store, offset(store.corner, east_m, north_m))


def _fix(uid: str, store: Store, point: LatLon) -> CustomerLocation:
    return CustomerLocation(
        uid=uid, latitude_deg=point.latitude_deg, longitude_deg=point.longitude_deg, country=store.country
    )
