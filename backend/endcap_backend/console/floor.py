"""A store on the screen: its plan in metres, north up, and back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import cos, radians

from endcap.fences.shapes import Polygon
from endcap.geo import LatLon
from endcap_backend.retail.plans import Plan, Section

DEGREE_M = 111_195.0  # of a great circle on the sphere of 6371 km that `endcap.geo` measures on
MARGIN_M = 4.0


@dataclass(frozen=True, slots=True)
class Spot:
    """A place on the screen: metres east and south of the picture's corner."""

    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Area:
    """A section as drawn: its outline as SVG points, and where its name stands."""

    id: str
    name: str
    points: str
    middle: Spot


class Floor:
    """The picture of one store. `width` and `height` are in metres.

    `also` are points outside the plan that have to be on it, such as shelves of a plan drawn too small; `margin_m` is
    left around all of it.
    """

    def __init__(self, plan: Plan, also: Iterable[LatLon] = (), margin_m: float = MARGIN_M) -> None:
        self._margin_m = margin_m
        corners = [point for section in plan.sections for point in section.polygon]
        corners += [*plan.nodes.values(), *(door.point for door in plan.doors), *also]
        self._north = max(point.latitude_deg for point in corners)
        self._west = min(point.longitude_deg for point in corners)
        self._x_m = DEGREE_M * cos(radians(self._north))
        far = self.spot(
            LatLon(min(point.latitude_deg for point in corners), max(point.longitude_deg for point in corners))
        )
        self.width, self.height = round(far.x + margin_m, 1), round(far.y + margin_m, 1)
        self.sections = plan.sections
        self.areas = [self._area(section) for section in plan.sections]
        self.doors = [(door.name, self.spot(door.point)) for door in plan.doors]
        self.aisles = [(self.spot(plan.nodes[a]), self.spot(plan.nodes[b])) for a, b in plan.edges]

    def spot(self, point: LatLon) -> Spot:
        x = (point.longitude_deg - self._west) * self._x_m + self._margin_m
        y = (self._north - point.latitude_deg) * DEGREE_M + self._margin_m
        return Spot(round(x, 2), round(y, 2))

    def point(self, spot: Spot) -> LatLon:
        """Where a place on the screen is on Earth, to 5 decimals, as the topics carry it."""
        latitude_deg = self._north - (spot.y - self._margin_m) / DEGREE_M
        longitude_deg = self._west + (spot.x - self._margin_m) / self._x_m
        return LatLon(round(latitude_deg, 5), round(longitude_deg, 5))

    def holds(self, spot: Spot) -> bool:
        """Whether it is in the picture."""
        return 0 <= spot.x <= self.width and 0 <= spot.y <= self.height

    def section_at(self, spot: Spot) -> str:
        """The name of the section that a place is in; "" between them."""
        here = self.point(spot)
        return next((each.name for each in self.sections if Polygon(each.polygon).contains(here)), "")

    @property
    def origin(self) -> dict[str, float]:
        """What a script needs to reckon as `spot` does: degrees of the corner, metres a degree, metres of margin."""
        return {
            "north": self._north, "west": self._west, "x": self._x_m, "y": DEGREE_M, "margin": self._margin_m,
        }  # fmt: skip

    def _area(self, section: Section) -> Area:
        spots = [self.spot(point) for point in section.polygon]
        middle = Spot(
            round(sum(each.x for each in spots) / len(spots), 2), round(sum(each.y for each in spots) / len(spots), 2)
        )
        return Area(section.id, section.name, " ".join(f"{each.x},{each.y}" for each in spots), middle)
