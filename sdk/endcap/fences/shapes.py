"""Circle and polygon on the Earth: what is inside, and how far the boundary is.

A polygon's edges are straight in degrees, as GeoJSON (RFC 7946) and every map draw them; each takes the short way
round, so that a fence across the antimeridian needs no cut. Boundaries belong to the fence.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import cos, hypot, isfinite, pi, radians, sqrt

from endcap.errors import BadMessage
from endcap.geo import METRES_PER_DEGREE, LatLon, check, distance_m

MAX_RADIUS_M = 100_000.0  # beyond it a plane no longer stands for the Earth
MAX_VERTICES = 10_000  # a fence is checked on a phone, at every fix
MAX_SPAN_DEG = 180.0  # wider, and "the short way round" has no meaning

Ring = tuple[tuple[float, float], ...]  # (x, y) = (longitude unwrapped, latitude), in degrees


@dataclass(frozen=True, slots=True)
class Circle:
    """All points within `radius_m` (great-circle metres) of `centre`.

    Raises:
        BadMessage: a radius that is not over 0 and at most 100 km.
        OutOfRange: a centre that is not on Earth.
    """

    centre: LatLon
    radius_m: float

    def __post_init__(self) -> None:
        # one form of the same circle, whether it was given in whole numbers or not: over a restart it is compared
        object.__setattr__(self, "centre", check(LatLon(*map(float, self.centre))))
        object.__setattr__(self, "radius_m", float(self.radius_m))
        if not (isfinite(self.radius_m) and 0 < self.radius_m <= MAX_RADIUS_M):
            raise BadMessage("radius_m", f"must be over 0 and at most {MAX_RADIUS_M:g} metres")

    @property
    def area_m2(self) -> float:
        """Square metres."""
        return pi * self.radius_m**2

    @property
    def extent_m(self) -> float:
        """No point of the fence is farther than this from `centre`."""
        return self.radius_m

    def contains(self, point: LatLon) -> bool:
        """True inside and on the boundary."""
        return distance_m(self.centre, point) <= self.radius_m

    def boundary_m(self, point: LatLon) -> float:
        """Signed distance to the boundary in metres: negative inside, 0 on it."""
        return distance_m(self.centre, point) - self.radius_m


@dataclass(frozen=True, slots=True)
class Polygon:
    """A ring of at least three vertices, less its holes. A ring may repeat its first vertex at the end, or not.

    Raises:
        BadMessage: too few or too many vertices, no area, edges that cross, a hole outside, a ring around a pole.
        OutOfRange: a vertex that is not on Earth.
    """

    outer: tuple[LatLon, ...]
    holes: tuple[tuple[LatLon, ...], ...] = ()
    centre: LatLon = field(init=False, repr=False, compare=False)  # of the bounding box
    extent_m: float = field(init=False, repr=False, compare=False)
    area_m2: float = field(init=False, repr=False, compare=False)
    _rings: tuple[Ring, ...] = field(init=False, repr=False, compare=False)
    _bounds: tuple[float, float, float, float] = field(init=False, repr=False, compare=False)  # x0, y0, x1, y1

    def __post_init__(self) -> None:
        rings = _rings_of(self.outer, self.holes)
        x0, y0, x1, y1 = _bounds(rings[0])
        middle = LatLon((y0 + y1) / 2, _wrap((x0 + x1) / 2))
        _set(self, "outer", _open(self.outer))
        _set(self, "holes", tuple(map(_open, self.holes)))
        _set(self, "_rings", rings)
        _set(self, "_bounds", (x0, y0, x1, y1))
        _set(self, "centre", middle)
        _set(self, "extent_m", max(distance_m(middle, LatLon(y, _wrap(x))) for x, y in rings[0]) * 1.001)
        _set(self, "area_m2", _net_area_m2(rings))

    def contains(self, point: LatLon) -> bool:
        """True inside and on the boundary, that of a hole included."""
        x = self._near_x(point.longitude_deg)
        x0, y0, x1, y1 = self._bounds
        y = point.latitude_deg
        if not (x0 <= x <= x1 and y0 <= y <= y1):
            return False
        return _place(self._rings[0], x, y) >= 0 and all(_place(hole, x, y) <= 0 for hole in self._rings[1:])

    def boundary_m(self, point: LatLon) -> float:
        """Signed distance to the boundary in metres: negative inside, 0 on it.

        On the plane that touches the Earth between the point and the fence: 0.5 % at 100 km, 1 cm at 2 km.
        """
        nearest_m = min(_segment_m(*edge) for ring in self.edges_m(point) for edge in ring)
        return -nearest_m if self.contains(point) else nearest_m

    def edges_m(self, point: LatLon) -> Iterator[list[tuple[float, float, float, float]]]:
        """Each ring's edges (x1, y1, x2, y2) in metres east and north of `point`; the outer ring comes first."""
        x, y = self._near_x(point.longitude_deg), point.latitude_deg
        _, south, _, north = self._bounds
        scale_x = METRES_PER_DEGREE * cos(radians((y + min(max(y, south), north)) / 2))
        for ring in self._rings:
            plane = [((vx - x) * scale_x, (vy - y) * METRES_PER_DEGREE) for vx, vy in ring]
            yield [(*a, *b) for a, b in zip((plane[-1], *plane[:-1]), plane, strict=True)]

    def _near_x(self, longitude_deg: float) -> float:
        """The longitude as the unwrapped rings count it: the turn of the Earth that is nearest to their middle."""
        middle = (self._bounds[0] + self._bounds[2]) / 2
        return longitude_deg + 360.0 * round((middle - longitude_deg) / 360.0)


Shape = Circle | Polygon


def _rings_of(outer: Sequence[LatLon], holes: Sequence[Sequence[LatLon]]) -> tuple[Ring, ...]:
    count = len(outer) + sum(map(len, holes))
    if count > MAX_VERTICES:
        raise BadMessage("shape", f"has {count} vertices; at most {MAX_VERTICES} are allowed: simplify it")
    shell = _unwrap(outer, "outer")
    rings = [shell]
    for number, hole in enumerate(holes):
        ring = _unwrap(hole, f"holes[{number}]")
        turn = 360.0 * round((shell[0][0] - ring[0][0]) / 360.0)
        rings.append(tuple((x + turn, y) for x, y in ring))
    _refuse_crossings(rings)
    for number, ring in enumerate(rings[1:]):
        if any(_place(shell, x, y) < 0 for x, y in ring):
            raise BadMessage(f"holes[{number}]", "lies outside the outer ring")
    return tuple(rings)


def _open(ring: Sequence[LatLon]) -> tuple[LatLon, ...]:
    """The ring without the repeat of its first vertex at the end."""
    vertices = tuple(LatLon(*vertex) for vertex in ring)
    return vertices[:-1] if vertices[0] == vertices[-1] else vertices


def _unwrap(vertices: Sequence[LatLon], where: str) -> Ring:
    """The ring in continuous degrees, anticlockwise, without its closing vertex and without repeats in a row."""
    ring: list[tuple[float, float]] = []
    for vertex in vertices:
        check(LatLon(*vertex))
        latitude, longitude = vertex
        x = longitude if not ring else ring[-1][0] + _wrap(longitude - ring[-1][0])
        if not ring or (x, latitude) != ring[-1]:
            ring.append((x, latitude))
    if len(ring) > 1 and ring[0][1] == ring[-1][1] and (ring[0][0] - ring[-1][0]) % 360.0 == 0:
        if ring[0][0] != ring[-1][0]:
            raise BadMessage(where, "goes around a pole; cut it along a meridian")
        ring.pop()
    if len(ring) < 3:
        raise BadMessage(where, f"has {len(ring)} distinct vertices; a ring needs at least 3")
    if abs(ring[0][0] - ring[-1][0]) > MAX_SPAN_DEG:
        raise BadMessage(where, "goes around a pole; cut it along a meridian")
    x0, _, x1, _ = _bounds(ring)
    if x1 - x0 > MAX_SPAN_DEG:
        raise BadMessage(where, "is wider than 180 degrees")
    area = _area_deg2(ring)
    if area == 0:
        raise BadMessage(where, "encloses no area: its vertices lie on one line, or it crosses itself")
    return tuple(ring) if area > 0 else tuple(reversed(ring))


def _refuse_crossings(rings: Sequence[Ring]) -> None:
    """Sweeps from west to east; only edges that overlap in longitude are compared."""
    edges = [
        (min(a[0], b[0]), max(a[0], b[0]), a, b)
        for ring in rings
        for a, b in zip((ring[-1], *ring[:-1]), ring, strict=True)
    ]
    edges.sort(key=lambda edge: edge[0])
    open_edges: list[tuple[float, float, tuple[float, float], tuple[float, float]]] = []
    for edge in edges:
        open_edges = [other for other in open_edges if other[1] >= edge[0]]
        for other in open_edges:
            if _cross(edge[2], edge[3], other[2], other[3]):
                x, y = edge[2]
                raise BadMessage("shape", f"crosses itself near latitude {y:.5f}, longitude {_wrap(x):.5f}")
        open_edges.append(edge)


def _cross(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float], d: tuple[float, float]) -> bool:
    """True when the two edges cut each other in their inner points; a shared vertex is no crossing."""
    if max(a[1], b[1]) < min(c[1], d[1]) or max(c[1], d[1]) < min(a[1], b[1]):
        return False
    return _side(*a, *b, *c) * _side(*a, *b, *d) < 0 and _side(*c, *d, *a) * _side(*c, *d, *b) < 0


def _place(ring: Ring, x: float, y: float) -> int:
    """1 inside the ring, 0 on it, -1 outside: the even-odd rule, exact."""
    inside = False
    x1, y1 = ring[-1]
    for x2, y2 in ring:
        if (y1 > y) != (y2 > y):
            side = _side(x1, y1, x2, y2, x, y)
            if side == 0:
                return 0
            inside ^= (side > 0) == (y2 > y1)
        elif (x2 == x and y2 == y) or (y1 == y == y2 and min(x1, x2) <= x <= max(x1, x2)):
            return 0
        x1, y1 = x2, y2
    return 1 if inside else -1


def _side(x1: float, y1: float, x2: float, y2: float, x: float, y: float) -> int:
    """Where the point lies of the line from 1 to 2: 1 left, -1 right, 0 on it. Exact: in fractions when close."""
    left = (x2 - x1) * (y - y1)
    right = (y2 - y1) * (x - x1)
    cross = left - right
    if abs(cross) > 4e-16 * (abs(left) + abs(right)):  # Shewchuk's bound for this determinant is 3.33e-16
        return 1 if cross > 0 else -1
    from fractions import Fraction  # 25 ms to import, and hardly ever needed

    ax, ay, bx, by, px, py = map(Fraction, (x1, y1, x2, y2, x, y))
    exact = (bx - ax) * (py - ay) - (by - ay) * (px - ax)
    return (exact > 0) - (exact < 0)


def _segment_m(x1: float, y1: float, x2: float, y2: float) -> float:
    """Distance from the origin to the segment."""
    dx, dy = x2 - x1, y2 - y1
    length2 = dx * dx + dy * dy
    along = 0.0 if length2 == 0 else min(1.0, max(0.0, -(x1 * dx + y1 * dy) / length2))
    return hypot(x1 + along * dx, y1 + along * dy)


def _area_deg2(ring: Sequence[tuple[float, float]]) -> float:
    x0, y0 = ring[0]
    turned = zip((ring[-1], *ring[:-1]), ring, strict=True)
    return sum((a[0] - x0) * (b[1] - y0) - (b[0] - x0) * (a[1] - y0) for a, b in turned) / 2


def _net_area_m2(rings: Sequence[Ring]) -> float:
    _, south, _, north = _bounds(rings[0])
    scale = METRES_PER_DEGREE**2 * cos(radians((south + north) / 2))
    net = abs(_area_deg2(rings[0])) - sum(abs(_area_deg2(hole)) for hole in rings[1:])
    return max(net, 0.0) * scale


def _bounds(ring: Sequence[tuple[float, float]]) -> tuple[float, float, float, float]:
    xs, ys = [x for x, _ in ring], [y for _, y in ring]
    return min(xs), min(ys), max(xs), max(ys)


def _wrap(degrees: float) -> float:
    """Into [-180, 180); what lies there already is left to the last bit."""
    return degrees if -180.0 <= degrees < 180.0 else (degrees + 180.0) % 360.0 - 180.0


def _set(shape: Polygon, name: str, value: object) -> None:
    object.__setattr__(shape, name, value)


def equal_radius_m(shape: Shape) -> float:
    """The radius of the circle that has the shape's area."""
    return sqrt(shape.area_m2 / pi)
