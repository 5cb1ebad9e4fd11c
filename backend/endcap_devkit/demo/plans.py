"""The demo's stores as floor plans: what a shop would load with `endcap-backend load --plans`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from endcap.geo import LatLon
from endcap_backend.retail.hull import hull
from endcap_backend.retail.plans import Door, Plan, Section
from endcap_devkit.demo.city import City
from endcap_devkit.simulate.shapes import Spot
from endcap_devkit.simulate.store import Store

Point = Callable[[Spot], LatLon]
SECTION_MARGIN_M = 1.5  # half a shelf, and where one stands before it


def plans_file(city: City) -> str:
    """The plans of all stores, as GeoJSON."""
    features = [each for store in city.stores for each in plan_of_store(city.point, store).to_geojson()["features"]]
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False)


def plan_of_store(point: Point, store: Store) -> Plan:
    """Sections around their shelves, the aisles as one walks them, the door joined to the nearest of them.

    `point` says where on Earth a place of the store's plane is.
    """
    ways = store.plan.aisles.straightened(keep=store.plan.aisles.nearest(store.door))
    spots = {spot: f"n{number}" for number, spot in enumerate(ways.spots, 1)}
    nodes = {id: point(spot) for spot, id in spots.items()}
    edges = tuple((spots[start], spots[end]) for start, end in ways.ways)
    nodes["door"] = point(store.door)
    edges += (("door", spots[ways.nearest(store.door)]),)
    sections = _sections(point, store)
    return Plan(store.id, store.premises.name, sections, nodes, edges, (Door("door", "Door", nodes["door"]),))


def _sections(point: Point, store: Store) -> tuple[Section, ...]:
    skus: dict[str, list[int]] = {}
    for product, _ in store.products:
        skus.setdefault(product.section or "", []).append(product.sku)
    return tuple(
        Section(
            f"{number}-{_plain(section.name)}",
            section.name,
            hull(
                _ends(point, [spot for shelf in section.shelves for spot in (shelf.start, shelf.end)]), SECTION_MARGIN_M
            ),
            (section.segment.name,),
            tuple(skus.get(section.name, ())),
        )
        for number, section in enumerate(store.sections, 1)
    )


def _ends(point: Point, spots: list[Spot]) -> list[LatLon]:
    return [point(spot) for spot in spots]


def _plain(name: str) -> str:
    """A name as part of an id."""
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-").lower()[:48] or "section"
