"""Central Helsinki as the demo walks it: the map file read onto a plane of metres, its shops furnished."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

from endcap.geo import LatLon, local_m, offset
from endcap.messages import ProductPromotion
from endcap_devkit.simulate.routes import Net
from endcap_devkit.simulate.shapes import Outline, Spot
from endcap_devkit.simulate.store import Premises, Store, furnish, promote

DATA = Path(__file__).with_name("data")
MAP_FILE = DATA / "helsinki.geojson"
WALK_FILE = DATA / "walk.gpx"
WALKED = ("major", "street", "walk", "path")  # the kinds of street that lead to a door
PROMOTED_SHARE = 0.3  # of all SKUs
SEED = 7  # of what is made up: the same shelves and promotions at each start

Feature = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class City:
    """The map, the stores and what they promote. `origin` is where the plane of metres touches."""

    origin: LatLon
    attribution: str
    features: tuple[Feature, ...]
    stores: tuple[Store, ...]
    streets: Net

    def spot(self, point: LatLon) -> Spot:
        return Spot(*local_m(self.origin, point))

    def point(self, spot: Spot) -> LatLon:
        return offset(self.origin, *spot)

    def promotions(self, ends_at: datetime | None = None) -> list[ProductPromotion]:
        """What is on offer, the same at each call."""
        return promote(self.stores, PROMOTED_SHARE, ends_at, Random(SEED))

    def store(self, id: str | None) -> Store | None:
        return next((store for store in self.stores if store.id == id), None)


def load_city(path: Path = MAP_FILE) -> City:
    """Read the map file and furnish its stores: about a second.

    Raises:
        OSError: the file can't be read.
    """
    with path.open(encoding="utf-8") as file:
        read = json.load(file)
    origin = LatLon(*read["centre"])
    features: tuple[Feature, ...] = tuple(read["features"])
    streets = Net(_ways(origin, features)).largest_part()
    rng = Random(SEED)
    stores = tuple(
        furnish(premises, origin, streets.nearest(premises.outline.middle), rng)
        for premises in _premises(origin, features)
    )
    walkable = tuple(store for store in stores if store.products and len(store.plan.aisles) > 1)
    return City(origin, read["attribution"], features, walkable, streets)


def layer(features: Sequence[Feature], name: str) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """The (properties, geometry) of one layer."""
    return ((each["properties"], each["geometry"]) for each in features if each["properties"]["layer"] == name)


def flat(origin: LatLon, coordinates: Sequence[Sequence[float]]) -> tuple[Spot, ...]:
    """GeoJSON positions (longitude first) on the plane."""
    return tuple(Spot(*local_m(origin, LatLon(position[1], position[0]))) for position in coordinates)


def _ways(origin: LatLon, features: Sequence[Feature]) -> Iterator[tuple[Spot, Spot]]:
    for properties, geometry in layer(features, "street"):
        if properties["kind"] in WALKED:
            for line in geometry["coordinates"]:
                yield from pairwise(flat(origin, line))


def _premises(origin: LatLon, features: Sequence[Feature]) -> Iterator[Premises]:
    shops = [
        (properties.get("store"), properties["name"], properties["kind"], flat(origin, [geometry["coordinates"]])[0])
        for properties, geometry in layer(features, "shop")
    ]
    for properties, geometry in layer(features, "store"):
        id = properties["id"]
        inside = tuple((name, kind, spot) for store, name, kind, spot in shops if store == id)
        outline = Outline(tuple(flat(origin, ring) for ring in geometry["coordinates"]))
        yield Premises(id, properties["name"], outline, inside)
