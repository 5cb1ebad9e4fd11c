"""Floor plans: the sections of a store, its aisles, its doors; loaded, or derived from where products stand."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from endcap.geo import LatLon
from endcap_backend.retail.catalogue import Stored
from endcap_backend.retail.database import upsert
from endcap_backend.retail.hull import hull
from endcap_backend.retail.schema import Placement, Product
from endcap_backend.retail.shop_tables import FloorPlan

SHELF_MARGIN_M = 2.0  # of a derived section around its shelves: the aisle in front of them
DECIMALS = 7  # of a degree: 1 cm, finer than any plan


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a store. `polygon` is its outline, not closed; `categories` are segments of products."""

    id: str
    name: str
    polygon: tuple[LatLon, ...]
    categories: tuple[str, ...] = ()
    skus: tuple[int, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "polygon": [list(_rounded(each)) for each in self.polygon],
            "categories": list(self.categories),
            "skus": list(self.skus),
        }

    @classmethod
    def of_json(cls, value: Mapping[str, Any]) -> Section:
        polygon = tuple(LatLon(*each) for each in value["polygon"])
        return cls(value["id"], value["name"], polygon, tuple(value["categories"]), tuple(value["skus"]))


@dataclass(frozen=True, slots=True)
class Door:
    """Where one comes in, or is handed an order."""

    id: str
    name: str
    point: LatLon


@dataclass(frozen=True, slots=True)
class Plan:
    """One store's plan. `nodes` are places in the aisles by id, `edges` the ways between them, walked both ways."""

    store: str
    name: str
    sections: tuple[Section, ...]
    nodes: Mapping[str, LatLon]
    edges: tuple[tuple[str, str], ...]
    doors: tuple[Door, ...]
    derived: bool = False

    def to_json(self) -> dict[str, Any]:
        return {
            "store": self.store,
            "name": self.name,
            "derived": self.derived,
            "sections": [each.to_json() for each in self.sections],
            "aisles": {
                "nodes": [{"id": id, **_position(point)} for id, point in self.nodes.items()],
                "edges": [list(edge) for edge in self.edges],
            },
            "doors": [{"id": each.id, "name": each.name, **_position(each.point)} for each in self.doors],
        }

    @classmethod
    def of_json(cls, value: Mapping[str, Any]) -> Plan:
        """Read what `to_json` wrote."""
        return cls(
            value["store"],
            value["name"],
            tuple(map(Section.of_json, value["sections"])),
            {each["id"]: _point(each) for each in value["aisles"]["nodes"]},
            tuple((start, end) for start, end in value["aisles"]["edges"]),
            tuple(Door(each["id"], each["name"], _point(each)) for each in value["doors"]),
            value["derived"],
        )

    def to_geojson(self) -> dict[str, Any]:
        """The plan as the file it can be loaded from."""
        return {"type": "FeatureCollection", "features": list(self._features())}

    def _features(self) -> Iterator[dict[str, Any]]:
        yield _feature(None, kind="store", store=self.store, name=self.name)
        for section in self.sections:
            ring = [_lon_lat(each) for each in (*section.polygon, section.polygon[0])]
            told = {"categories": list(section.categories), "skus": list(section.skus)}
            geometry = {"type": "Polygon", "coordinates": [ring]}
            yield _feature(geometry, kind="section", store=self.store, id=section.id, name=section.name, **told)
        for edge in self.edges:
            line = {"type": "LineString", "coordinates": [_lon_lat(self.nodes[id]) for id in edge]}
            yield _feature(line, kind="aisle", store=self.store)
        for door in self.doors:
            point = {"type": "Point", "coordinates": _lon_lat(door.point)}
            yield _feature(point, kind="door", store=self.store, id=door.id, name=door.name)


def put_plans(connection: Connection, plans: Sequence[Plan], at: datetime) -> Stored:
    """Store plans, each in the place of its store's last one."""
    documents = {each.store: json.dumps(each.to_json(), ensure_ascii=False, separators=(",", ":")) for each in plans}
    query = select(FloorPlan.store, FloorPlan.document).where(FloorPlan.store.in_(list(documents)))
    known = {row.store: row.document for row in connection.execute(query)}
    rows = [
        {"store": store, "document": document, "changed_at": at}
        for store, document in documents.items()
        if known.get(store) != document
    ]
    if rows:
        upsert(connection, FloorPlan, rows)
    new = sum(store not in known for store in documents)
    return Stored(new, len(rows) - new, len(documents) - len(rows))


def plan_of(connection: Connection, store: str) -> Plan | None:
    """The store's plan, or one derived from its placements; None when nothing is known of such a store.

    A section whose file names no products has those that are placed in it, by its name or id.
    """
    plan, shelves = kept_plan(connection, store), _shelves(connection, store)
    if plan is not None:
        return replace(plan, sections=tuple(_filled(each, shelves) for each in plan.sections))
    return _derived(store, shelves) if shelves else None


def kept_plan(connection: Connection, store: str) -> Plan | None:
    """The store's plan as it was loaded or drawn; None when it has none of its own."""
    document = connection.execute(select(FloorPlan.document).where(FloorPlan.store == store)).scalar()
    return None if document is None else Plan.of_json(json.loads(document))


@dataclass(frozen=True, slots=True)
class _Shelf:
    sku: int
    segment: str
    section: str
    point: LatLon


def _shelves(connection: Connection, store: str) -> list[_Shelf]:
    query = (
        select(Placement.sku, Product.segment, Placement.section, Placement.latitude_deg, Placement.longitude_deg)
        .join(Product, Product.sku == Placement.sku)
        .where(Placement.store == store)
        .order_by(Placement.sku)
    )
    return [_Shelf(row[0], row[1], row[2] or row[1], LatLon(row[3], row[4])) for row in connection.execute(query)]


def _filled(section: Section, shelves: Iterable[_Shelf]) -> Section:
    own = [each for each in shelves if each.section in (section.name, section.id)]
    skus = section.skus or tuple(each.sku for each in own)
    return replace(section, skus=skus, categories=section.categories or _segments(own))


def _derived(store: str, shelves: Iterable[_Shelf]) -> Plan:
    """Sections around shelves, a shelf without one by its segment; nobody knows its aisles and doors."""
    by_section: dict[str, list[_Shelf]] = {}
    for each in shelves:
        by_section.setdefault(each.section, []).append(each)
    sections = tuple(_around(name, own) for name, own in sorted(by_section.items()))
    return Plan(store, store, sections, {}, (), (), derived=True)


def _around(name: str, shelves: Sequence[_Shelf]) -> Section:
    polygon = hull([each.point for each in shelves], SHELF_MARGIN_M)
    return Section(name, name, polygon, _segments(shelves), tuple(each.sku for each in shelves))


def _segments(shelves: Iterable[_Shelf]) -> tuple[str, ...]:
    return tuple(sorted({each.segment for each in shelves}))


def _rounded(point: LatLon) -> LatLon:
    return LatLon(round(point.latitude_deg, DECIMALS), round(point.longitude_deg, DECIMALS))


def _position(point: LatLon) -> dict[str, float]:
    latitude_deg, longitude_deg = _rounded(point)
    return {"latitude": latitude_deg, "longitude": longitude_deg}


def _point(value: Mapping[str, Any]) -> LatLon:
    return LatLon(value["latitude"], value["longitude"])


def _lon_lat(point: LatLon) -> list[float]:
    latitude_deg, longitude_deg = _rounded(point)
    return [longitude_deg, latitude_deg]


def _feature(geometry: Mapping[str, Any] | None, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "geometry": geometry, "properties": properties}
