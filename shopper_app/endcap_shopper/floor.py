"""FloorPlan: a store's sections, aisles and doors, and how they fit into a picture of any size."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from endcap.errors import BadMessage
from endcap.fences import Polygon
from endcap.geo import LatLon, local_m, offset
from endcap_shopper.aisles import Aisles
from endcap_shopper.reading import each_of


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the store: what shelf labels and offers call it, and its outline."""

    id: str
    name: str
    outline: Polygon
    categories: tuple[str, ...] = ()
    skus: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Door:
    """A way in or out, or a place where something is handed over."""

    id: str
    name: str
    point: LatLon


@dataclass(frozen=True)
class FloorPlan:
    """One store from above. `derived`: the shop gave no plan, and this one was made from where its products stand."""

    store: str
    name: str
    sections: tuple[Section, ...]
    aisles: Aisles
    doors: tuple[Door, ...] = ()
    derived: bool = False
    _origin: LatLon = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_origin", _corner(self._points()))

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> FloorPlan:
        """Read an answer of `GET /v1/stores/{id}/plan`; a section or door that can't be read is left out.

        Raises:
            BadMessage: there is no store, or nothing in it that can be drawn.
        """
        store = value.get("store")
        if not isinstance(store, str) or not store:
            raise BadMessage("store", "is missing")
        sections = each_of(value.get("sections"), _section, "a section of the floor plan")
        aisles = Aisles.from_json(value.get("aisles") or {})
        doors = each_of(value.get("doors"), _door, "a door of the floor plan")
        if not sections and not aisles.nodes:
            raise BadMessage("sections", "are none, and there are no aisles: there is nothing to draw")
        return cls(store, str(value.get("name") or store), sections, aisles, doors, bool(value.get("derived")))

    def section_at(self, point: LatLon) -> Section | None:
        """The section a point lies in; the smallest where they overlap."""
        here = [section for section in self.sections if section.outline.contains(point)]
        return min(here, key=lambda section: section.outline.area_m2, default=None)

    def section(self, id: str | None) -> Section | None:
        """The section of that id or, as shelves are labelled, of that name."""
        return next((each for each in self.sections if id in (each.id, each.name)), None) if id else None

    def section_of(self, sku: int | None, category: str | None = None) -> Section | None:
        """Where a product stands by the plan: by its number, else by its category."""
        by_sku = (each for each in self.sections if sku is not None and sku in each.skus)
        by_category = (each for each in self.sections if category and category in each.categories)
        return next(by_sku, None) or next(by_category, None)

    def plane(self, point: LatLon) -> tuple[float, float]:
        """Metres east and north of the plan's south-west corner."""
        return local_m(self._origin, point)

    @cached_property
    def size_m(self) -> tuple[float, float]:
        """Metres from west to east and from south to north; at least 1 each."""
        reached = [self.plane(point) for point in self._points()]
        return max(1.0, *(x for x, _ in reached)), max(1.0, *(y for _, y in reached))

    def _points(self) -> Iterable[LatLon]:
        for section in self.sections:
            yield from section.outline.outer
        yield from self.aisles.nodes.values()
        yield from (door.point for door in self.doors)


@dataclass(frozen=True, slots=True)
class Frame:
    """A plan drawn into a picture of `width` by `height`, as large as it goes, with `margin` left at each side.

    Pictures count from the lower left. A plan that is longer than it is wide in the other sense than the picture is
    turned by a quarter, so that north is then to the left.
    """

    plan: FloorPlan
    width: float
    height: float
    margin: float = 0.0

    @property
    def turned(self) -> bool:
        east_m, north_m = self.plan.size_m
        return (east_m > north_m) != (self.width > self.height)

    @property
    def scale(self) -> float:
        """Picture units a metre."""
        across_m, up_m = self._shape_m
        room = max(1.0, self.width - 2 * self.margin), max(1.0, self.height - 2 * self.margin)
        return min(room[0] / across_m, room[1] / up_m)

    @property
    def heading_offset_deg(self) -> float:
        """What to add to a bearing from north, clockwise, to have it clockwise from the top of the picture."""
        return -90.0 if self.turned else 0.0

    def place(self, point: LatLon) -> tuple[float, float]:
        """Where a point of the Earth is in the picture."""
        east_m, north_m = self.plan.plane(point)
        across_m, up_m = (self.plan.size_m[1] - north_m, east_m) if self.turned else (east_m, north_m)
        left, below = self._corner
        return left + across_m * self.scale, below + up_m * self.scale

    def point(self, x: float, y: float) -> LatLon:
        """The point of the Earth at a place of the picture: what a click means."""
        left, below = self._corner
        across_m, up_m = (x - left) / self.scale, (y - below) / self.scale
        east_m, north_m = (up_m, self.plan.size_m[1] - across_m) if self.turned else (across_m, up_m)
        return offset(self.plan._origin, east_m, north_m)

    @property
    def _shape_m(self) -> tuple[float, float]:
        east_m, north_m = self.plan.size_m
        return (north_m, east_m) if self.turned else (east_m, north_m)

    @property
    def _corner(self) -> tuple[float, float]:
        across_m, up_m = self._shape_m
        return (self.width - across_m * self.scale) / 2, (self.height - up_m * self.scale) / 2


def _corner(points: Iterable[LatLon]) -> LatLon:
    found = list(points)
    if not found:
        raise BadMessage("sections", "are none, and there are no aisles: there is nothing to draw")
    return LatLon(min(p.latitude_deg for p in found), min(p.longitude_deg for p in found))


def _section(value: Mapping[str, Any]) -> Section:
    outline = Polygon(tuple(LatLon(float(lat), float(lon)) for lat, lon in value["polygon"]))
    categories = tuple(map(str, value.get("categories") or ()))
    skus = frozenset(int(sku) for sku in value.get("skus") or ())
    return Section(str(value["id"]), str(value.get("name") or value["id"]), outline, categories, skus)


def _door(value: Mapping[str, Any]) -> Door:
    point = LatLon(float(value["latitude"]), float(value["longitude"]))
    return Door(str(value["id"]), str(value.get("name") or value["id"]), point)
