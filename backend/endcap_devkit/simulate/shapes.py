"""Outlines on a plane: what is inside, how far the walls are, which way the rooms lie. Metres, east and north."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import atan2, cos, hypot, pi, sin
from typing import NamedTuple


class Spot(NamedTuple):
    """A place on the plane: metres east and north of its origin."""

    east_m: float
    north_m: float

    def to(self, other: Spot) -> float:
        """The distance in metres."""
        return hypot(other[0] - self[0], other[1] - self[1])

    def turned(self, radians: float) -> Spot:
        """The same place after the plane was turned counter-clockwise about its origin."""
        c, s = cos(radians), sin(radians)
        return Spot(c * self[0] - s * self[1], s * self[0] + c * self[1])

    def towards(self, other: Spot, metres: float) -> Spot:
        """The place `metres` on the way to `other`, never beyond it."""
        share = min(1.0, metres / (self.to(other) or 1.0))
        return Spot(self[0] + (other[0] - self[0]) * share, self[1] + (other[1] - self[1]) * share)


@dataclass(frozen=True)
class Outline:
    """A polygon: the outer ring first, then its courtyards. Rings are closed or not, either way round."""

    rings: tuple[tuple[Spot, ...], ...]

    @cached_property
    def walls(self) -> tuple[tuple[Spot, Spot], ...]:
        return tuple(wall for ring in self.rings for wall in pairwise((*ring, ring[0])) if wall[0] != wall[1])

    @cached_property
    def middle(self) -> Spot:
        """The centre of its bounding box."""
        west, south, east, north = self.bounds
        return Spot((west + east) / 2, (south + north) / 2)

    @cached_property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north."""
        easts, norths = zip(*self.rings[0], strict=True)
        return min(easts), min(norths), max(easts), max(norths)

    def contains(self, spot: Spot) -> bool:
        """True inside the outer ring and outside of all courtyards."""
        inside = False
        for (x1, y1), (x2, y2) in self.walls:
            if (y1 > spot[1]) != (y2 > spot[1]) and spot[0] < (x2 - x1) * (spot[1] - y1) / (y2 - y1) + x1:
                inside = not inside
        return inside

    def clearance_m(self, spot: Spot) -> float:
        """How far the nearest wall is."""
        return min(_to_wall(spot, *wall) for wall in self.walls)

    def has_room(self, spot: Spot, clearance_m: float) -> bool:
        return self.contains(spot) and self.clearance_m(spot) >= clearance_m

    def turned(self, radians: float) -> Outline:
        return Outline(tuple(tuple(spot.turned(radians) for spot in ring) for ring in self.rings))

    def main_direction(self) -> float:
        """The direction most of its walls follow, in radians counter-clockwise from east, along the longer side."""
        weights: dict[int, float] = {}
        for start, end in self.walls:
            quarter = atan2(end[1] - start[1], end[0] - start[0]) % (pi / 2)
            weights[round(quarter / (pi / 2) * 90) % 90] = weights.get(
                round(quarter / (pi / 2) * 90) % 90, 0.0
            ) + start.to(end)
        best = max(weights, key=lambda degree: weights[degree]) / 180 * pi
        west, south, east, north = self.turned(-best).bounds
        return best if east - west >= north - south else best + pi / 2

    def nearest_wall_spot(self, spot: Spot) -> Spot:
        """The place on the outer wall that is nearest to `spot`."""
        outer = pairwise((*self.rings[0], self.rings[0][0]))
        return min((_on_wall(spot, *wall) for wall in outer if wall[0] != wall[1]), key=spot.to)


def length_m(path: Sequence[Spot]) -> float:
    return sum(start.to(end) for start, end in pairwise(path))


def spans(clear: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """The runs of True, as (first, last) indexes."""
    start: int | None = None
    for index, value in enumerate((*clear, False)):
        if value and start is None:
            start = index
        elif not value and start is not None:
            yield start, index - 1
            start = None


def _on_wall(spot: Spot, start: Spot, end: Spot) -> Spot:
    east, north = end[0] - start[0], end[1] - start[1]
    share = ((spot[0] - start[0]) * east + (spot[1] - start[1]) * north) / (east * east + north * north)
    share = max(0.0, min(1.0, share))
    return Spot(start[0] + share * east, start[1] + share * north)


def _to_wall(spot: Spot, start: Spot, end: Spot) -> float:
    return spot.to(_on_wall(spot, start, end))
