"""The convex outline around some points, with a margin."""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, pi, sin

from endcap.geo import LatLon, local_m, offset

CORNERS = 8  # a point's margin is an octagon: at most 8 % short of the circle

Flat = tuple[float, float]


def hull(points: Sequence[LatLon], margin_m: float) -> tuple[LatLon, ...]:
    """The corners, counter-clockwise and not closed, of the convex outline `margin_m` around `points` (one at least).

    Good for a building: on the plane that touches the Earth at the first of them.
    """
    origin = points[0]
    around = [(margin_m * cos(2 * pi * i / CORNERS), margin_m * sin(2 * pi * i / CORNERS)) for i in range(CORNERS)]
    flat = sorted(
        {
            (round(east_m + dx, 3), round(north_m + dy, 3))
            for east_m, north_m in (local_m(origin, each) for each in set(points))
            for dx, dy in around
        }
    )
    lower, upper = _half(flat), _half(flat[::-1])
    return tuple(offset(origin, *each) for each in lower[:-1] + upper[:-1])


def _half(points: Sequence[Flat]) -> list[Flat]:
    """Andrew's monotone chain: one side of the outline, from the first point to the last."""
    chain: list[Flat] = []
    for each in points:
        while len(chain) > 1 and _turn(chain[-2], chain[-1], each) <= 0:
            chain.pop()
        chain.append(each)
    return chain


def _turn(a: Flat, b: Flat, c: Flat) -> float:
    """Above 0 when one turns left at b on the way from a to c."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
