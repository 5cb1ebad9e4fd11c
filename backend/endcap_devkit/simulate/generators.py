"""Customers, products and promotions at random: three endless streams in the tutorial's JSON, deterministic by seed.

Each yields plain objects with exactly the tutorial's fields, for its SQL to read: no `id`, no `taken_at`, no names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import repeat
from math import cos, pi, sin, sqrt
from random import Random
from uuid import UUID

from endcap.geo import LatLon, offset, round_coordinate
from endcap.messages import CustomerLocation, ProductPromotion, StoreProduct

SEGMENTS = ("SegmentA", "SegmentB", "SegmentC")
VARIANTS = ("Variant1", "Variant2", "Variant3")
COUNTRY = "USA"
SKUS = range(1000, 10_000)
NEAR_SKUS = range(1000, 1050)  # few, so that a promotion of one SKU finds it on a shelf
NEAR_CENTRE = LatLon(37.78797, -122.40752)  # Union Square, San Francisco
NEAR_RADIUS_M = 60.0  # two points of such a disc are within 100 ft of each other one time in five

Record = dict[str, object]


@dataclass(frozen=True, slots=True)
class Where:
    """The positions and SKUs to draw from: all of the globe, or close to each other when `centre` is given."""

    centre: LatLon | None = None
    radius_m: float = NEAR_RADIUS_M

    def point(self, rng: Random) -> LatLon:
        """A position rounded to the five decimals that the SQL's DECIMAL(10,5) takes."""
        if self.centre is None:
            north, east = rng.uniform(-90, 90), rng.uniform(-180, 180)
        else:
            distance_m, bearing = self.radius_m * sqrt(rng.random()), 2 * pi * rng.random()
            north, east = offset(self.centre, distance_m * sin(bearing), distance_m * cos(bearing))
        return LatLon(round_coordinate(north), round_coordinate(east))

    def sku(self, rng: Random) -> int:
        return rng.choice(SKUS if self.centre is None else NEAR_SKUS)


EVERYWHERE = Where()
NEAR = Where(NEAR_CENTRE)


def customers(seed: int, where: Where = EVERYWHERE, *, shoppers: int = 0, country: str = COUNTRY) -> Iterator[Record]:
    """`customers_locations`: each from a shopper of her own, or from `shoppers` different ones when that is above 0."""
    rng = Random(seed)
    known = [_uuid(rng) for _ in range(shoppers)]
    for _ in repeat(None):
        uid = rng.choice(known) if known else _uuid(rng)
        north, east = where.point(rng)
        yield {"uid": uid, "latitude": north, "longitude": east, "country": country}


def products(seed: int, where: Where = EVERYWHERE, *, country: str = COUNTRY) -> Iterator[Record]:
    """`stores_products`: a shelf position each."""
    rng = Random(seed)
    for _ in repeat(None):
        sku, segment, variant = where.sku(rng), rng.choice(SEGMENTS), rng.choice(VARIANTS)
        north, east = where.point(rng)
        yield {
            "SKU": sku, "segment": segment, "variant": variant,
            "latitude": north, "longitude": east, "country": country,
        }  # fmt: skip


def promotions(seed: int, where: Where = EVERYWHERE) -> Iterator[Record]:
    """`products_promotions`: each with a pid of its own, for one SKU."""
    rng = Random(seed)
    for _ in repeat(None):
        yield {"pid": _uuid(rng), "SKU": where.sku(rng), "segment": rng.choice(SEGMENTS)}


@dataclass(frozen=True, slots=True)
class Stream:
    """What one word of the command line names: a topic, the field that keys its records, and their generator."""

    topic: str
    key: str
    generate: Callable[..., Iterator[Record]]


STREAMS = {
    "customers": Stream(CustomerLocation.TOPIC, CustomerLocation.KEY, customers),
    "products": Stream(StoreProduct.TOPIC, StoreProduct.KEY, products),
    "promotions": Stream(ProductPromotion.TOPIC, ProductPromotion.KEY, promotions),
}


def _uuid(rng: Random) -> str:
    return str(UUID(int=rng.getrandbits(128), version=4))
