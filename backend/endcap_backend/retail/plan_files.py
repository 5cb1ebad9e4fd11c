"""Floor plans out of GeoJSON: one feature a section, an aisle, a door; each fault told by its feature's number."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from endcap.errors import BadMessage, OutOfRange
from endcap.fences.shapes import Polygon
from endcap.geo import LatLon, check
from endcap.wire import BIGINT_MAX, ID_PATTERN, Message, Wire, wired
from endcap_backend.retail.files import read_features
from endcap_backend.retail.plans import DECIMALS, Door, Plan, Section
from endcap_backend.retail.rows import Fault

MOST_POSITIONS = 20_000  # of a store's plan in all: a hundred times what one is drawn with
MOST_NAMED = 5_000  # categories or SKUs of a section
KINDS = ("store", "section", "aisle", "door")
_CATEGORY = Wire("categories", "text", "a segment of products", max_chars=64)
_SKU = Wire("skus", "integer", "a product", minimum=0, maximum=BIGINT_MAX)


@dataclass(frozen=True, slots=True)
class Named(Message):
    """What a feature's properties say of it, but for lists."""

    kind: str = wired("kind", "text", "what the feature is", choices=KINDS)
    store: str = wired("store", "text", "the store it is in", pattern=ID_PATTERN)
    id: str | None = wired("id", "text", "its id within the store", default=None, pattern=ID_PATTERN)
    name: str | None = wired("name", "text", "what people call it", default=None, max_chars=64)


@dataclass(slots=True)
class _Draft:
    """A store's plan as its features come in."""

    store: str
    name: str = ""
    sections: dict[str, Section] = field(default_factory=dict)
    doors: dict[str, Door] = field(default_factory=dict)
    nodes: dict[LatLon, str] = field(default_factory=dict)
    edges: dict[tuple[str, str], None] = field(default_factory=dict)
    positions: int = 0

    def plan(self) -> Plan:
        nodes = {id: point for point, id in self.nodes.items()}
        sections, doors = tuple(self.sections.values()), tuple(self.doors.values())
        return Plan(self.store, self.name or self.store, sections, nodes, tuple(self.edges), doors)

    def count(self, positions: int) -> None:
        self.positions += positions
        if self.positions > MOST_POSITIONS:
            raise BadMessage("coordinates", f"make it more than {MOST_POSITIONS} positions")

    def node(self, point: LatLon) -> str:
        """The node at a point; aisles that meet share one."""
        at = LatLon(round(point.latitude_deg, DECIMALS), round(point.longitude_deg, DECIMALS))
        return self.nodes.setdefault(at, f"n{len(self.nodes) + 1}")


def check_plans(paths: Sequence[Path]) -> tuple[list[Plan], list[Fault]]:
    """The plans in some GeoJSON files, by store, and what is wrong with them; a plan with a fault is left out.

    Raises:
        BadConfig: a file that as a whole can't be read.
    """
    rows = ((f"{path.name} feature {number}", each) for path in paths for number, each in read_features(path))
    return plans_of(rows)


def plans_of(features: Iterable[tuple[str, object]], store: str = "") -> tuple[list[Plan], list[Fault]]:
    """As `check_plans`, of features and where each stands; of `store` alone when that is named."""
    drafts: dict[str, _Draft] = {}
    faults: list[Fault] = []
    spoilt: set[str] = set()
    for where, feature in features:
        named = None
        try:
            named = _named(feature, store)
            _take(drafts.setdefault(named.store, _Draft(named.store)), named, feature)
        except BadMessage as fault:
            faults.append(Fault(where, fault.field, fault.reason))
        except OutOfRange as fault:
            faults.append(Fault(where, "coordinates", str(fault)))
        if faults and named is not None and faults[-1].where == where:
            spoilt.add(named.store)
    whole = [each for each in drafts.values() if each.store not in spoilt]
    faults += [Fault(f"store {each.store}", "", "has no section") for each in whole if not each.sections]
    return [each.plan() for each in whole if each.sections], faults


def section_of(store: str, feature: Mapping[str, Any]) -> Section:
    """One section out of its feature; raises BadMessage, which names the property at fault."""
    draft = _Draft(store)
    _take(draft, _named(feature, store), feature)
    return next(iter(draft.sections.values()))


def door_of(store: str, feature: Mapping[str, Any]) -> Door:
    """One door out of its feature; raises as `section_of`."""
    draft = _Draft(store)
    _take(draft, _named(feature, store), feature)
    return next(iter(draft.doors.values()))


def _named(feature: object, store: str) -> Named:
    properties = feature.get("properties") if isinstance(feature, Mapping) else None
    if not isinstance(properties, Mapping):
        raise BadMessage("properties", "are missing")
    named = Named.from_json({"store": store, **properties} if store else properties)
    if store and named.store != store:
        raise BadMessage("store", "must be the store of this plan, or left out")
    return named


def _take(draft: _Draft, named: Named, feature: Any) -> None:
    takers: dict[str, Callable[[_Draft, Named, Any], None]] = {
        "store": _take_store,
        "section": _take_section,
        "aisle": _take_aisle,
        "door": _take_door,
    }
    takers[named.kind](draft, named, feature)


def _take_store(draft: _Draft, named: Named, feature: Any) -> None:
    if draft.name:
        raise BadMessage("kind", "is store a second time; a store has one name")
    if not named.name:
        raise BadMessage("name", "is missing: it is what a feature of kind store is for")
    draft.name = named.name


def _take_section(draft: _Draft, named: Named, feature: Any) -> None:
    id, name = _called(named, draft.sections)
    ring = _positions(_coordinates(feature, "Polygon"), draft, at_least=4)
    if ring[0] != ring[-1]:
        raise BadMessage("coordinates", "must end where they begin: the ring is not closed")
    if not _area(ring):
        raise BadMessage("coordinates", "enclose nothing: they lie on one line, or cross each other")
    _refuse_tangled(ring)
    properties = feature["properties"]
    categories, skus = _several(properties, _CATEGORY), _several(properties, _SKU)
    draft.sections[id] = Section(id, name, tuple(ring[:-1]), tuple(map(str, categories)), tuple(skus))


def _refuse_tangled(ring: Sequence[LatLon]) -> None:
    try:
        Polygon(tuple(ring))
    except BadMessage as fault:
        raise BadMessage("coordinates", fault.reason) from None


def _take_aisle(draft: _Draft, named: Named, feature: Any) -> None:
    geometry = feature.get("geometry")
    several = isinstance(geometry, Mapping) and geometry.get("type") == "MultiLineString"
    lines = _coordinates(feature, "MultiLineString" if several else "LineString", outer=several)
    for line in lines if several else [lines]:
        for start, end in pairwise(_positions(line, draft, at_least=2)):
            edge = (draft.node(start), draft.node(end))
            if edge[0] != edge[1] and edge[::-1] not in draft.edges:
                draft.edges[edge] = None


def _take_door(draft: _Draft, named: Named, feature: Any) -> None:
    id, name = _called(named, draft.doors)
    (point,) = _positions([_coordinates(feature, "Point")], draft, at_least=1)
    draft.doors[id] = Door(id, name, point)


def _called(named: Named, known: Mapping[str, object]) -> tuple[str, str]:
    """Id and name: each stands for the other where one is left out."""
    id = named.id or named.name
    if id is None:
        raise BadMessage("id", f"is missing: a {named.kind} needs an id or a name")
    if not named.id and not re.fullmatch(ID_PATTERN, id):
        raise BadMessage("id", f"is missing, and the name can't be one: it does not match {ID_PATTERN}")
    if id in known:
        raise BadMessage("id", f"is that of another {named.kind} of the store")
    return id, named.name or id


def _coordinates(feature: Any, kind: str, *, outer: bool = False) -> Any:
    """The geometry's coordinates; of a polygon its outer ring, since a section has no holes."""
    geometry = feature.get("geometry")
    if not isinstance(geometry, Mapping) or geometry.get("type") != kind:
        raise BadMessage("geometry", f"must be a {kind}")
    found = geometry.get("coordinates")
    if not isinstance(found, list) or not found:
        raise BadMessage("coordinates", "must be an array")
    if kind != "Polygon":
        return found
    if len(found) > 1:
        raise BadMessage("coordinates", "have a hole; a section has one ring")
    return found[0]


def _positions(line: object, draft: _Draft, *, at_least: int) -> list[LatLon]:
    if not isinstance(line, list) or len(line) < at_least:
        raise BadMessage("coordinates", f"must be at least {at_least} positions")
    draft.count(len(line))
    return [_position(each) for each in line]


def _position(value: object) -> LatLon:
    if not isinstance(value, list) or len(value) < 2 or not all(_is_number(each) for each in value[:2]):
        raise BadMessage("coordinates", "must be positions: [longitude, latitude]")
    return check(LatLon(float(value[1]), float(value[0])))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= 360


def _several(properties: Mapping[str, Any], wire: Wire) -> list[Any]:
    found = properties.get(wire.name)
    if found is None:
        return []
    if not isinstance(found, list) or len(found) > MOST_NAMED:
        raise BadMessage(wire.name, f"must be an array of at most {MOST_NAMED}")
    return list(dict.fromkeys(wire.read(each) for each in found))


def _area(ring: Sequence[LatLon]) -> float:
    """Twice the signed area, in square degrees: 0 for a line."""
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise([(p[0] - ring[0][0], p[1] - ring[0][1]) for p in ring]))
