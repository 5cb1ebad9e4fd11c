"""Aisles: where one can walk in a store, as places joined by straight ways; shortest ways between shelves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from heapq import heappop, heappush
from itertools import pairwise
from math import inf
from typing import Any

from endcap.geo import LatLon, distance_m, local_m, offset

Edge = tuple[str, str]

_START = "@start"  # no id of a node begins so: ids are [A-Za-z0-9._~-]
_FEET_KEPT = 5000  # shelves of a large store, and the last hour of walking


@dataclass(frozen=True)
class Aisles:
    """Places (by id) and the ways between them, walked in both directions; without any, she walks straight."""

    nodes: Mapping[str, LatLon] = field(default_factory=dict)
    edges: tuple[Edge, ...] = ()
    _feet: dict[LatLon, tuple[LatLon, Edge | None]] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Aisles:
        """Read `{"nodes": [{"id", "latitude", "longitude"}], "edges": [[a, b]]}`, less ways to unknown places."""
        nodes = {str(each["id"]): LatLon(each["latitude"], each["longitude"]) for each in value.get("nodes") or ()}
        edges = tuple((str(a), str(b)) for a, b in value.get("edges") or () if str(a) in nodes and str(b) in nodes)
        return cls(nodes, edges)

    def nearest(self, point: LatLon) -> LatLon:
        """The nearest point of any aisle; the point itself where there are none."""
        spot, edge = self.foot(point)
        return spot if edge else min(self.nodes.values(), key=lambda node: distance_m(point, node), default=point)

    def foot(self, point: LatLon) -> tuple[LatLon, Edge | None]:
        """Where one steps into the aisles from a point, and which way that is; remembered, for shelves stay."""
        found = self._feet.get(point)
        if found is None:
            if len(self._feet) >= _FEET_KEPT:
                self._feet.clear()
            found = self._feet[point] = self._found_foot(point)
        return found

    def _found_foot(self, point: LatLon) -> tuple[LatLon, Edge | None]:
        origin, stretches = self._plane
        px, py = local_m(origin, point)
        best, nearest = inf, None
        for edge, x, y, ex, ey, square in stretches:
            along = 0.0 if square == 0 else min(1.0, max(0.0, ((px - x) * ex + (py - y) * ey) / square))
            foot_x, foot_y = x + ex * along, y + ey * along
            away = (px - foot_x) ** 2 + (py - foot_y) ** 2
            if away < best:
                best, nearest = away, (foot_x, foot_y, edge)
        return (point, None) if nearest is None else (offset(origin, *nearest[:2]), nearest[2])

    @cached_property
    def _plane(self) -> tuple[LatLon, list[tuple[Edge, float, float, float, float, float]]]:
        """Each way in metres east and north of some point: where it begins, where it goes, and its length squared."""
        origin = next(iter(self.nodes.values()), LatLon(0.0, 0.0))
        spots = {id: local_m(origin, point) for id, point in self.nodes.items()}
        stretches = []
        for a, b in self.edges:
            (ax, ay), (bx, by) = spots[a], spots[b]
            stretches.append(((a, b), ax, ay, bx - ax, by - ay, (bx - ax) ** 2 + (by - ay) ** 2))
        return origin, stretches


class Reach:
    """How far everything is from one point: one search, then each shelf at once."""

    def __init__(self, aisles: Aisles, start: LatLon) -> None:
        self._aisles, self._start = aisles, start
        self._foot, self._edge = aisles.foot(start)
        near: dict[str, dict[str, float]] = {id: {} for id in aisles.nodes}
        for a, b in aisles.edges:
            near[a][b] = near[b][a] = distance_m(aisles.nodes[a], aisles.nodes[b])
        near[_START] = {node: distance_m(self._foot, aisles.nodes[node]) for node in self._edge or ()}
        self._cost = _dijkstra(near, _START)[0]

    def metres(self, point: LatLon) -> float:
        """How long the way is; straight where no way leads."""
        foot, edge = self._aisles.foot(point)
        if edge is None or self._edge is None:
            return distance_m(self._start, point)
        aside_m = distance_m(self._start, self._foot) + distance_m(foot, point)
        if edge == self._edge:
            return aside_m + distance_m(self._foot, foot)
        along_m = min(self._cost.get(node, inf) + distance_m(self._aisles.nodes[node], foot) for node in edge)
        return aside_m + along_m if along_m < inf else distance_m(self._start, point)


class Ways:
    """Shortest ways between a few points of a store: each is joined to the nearest aisle, the rest is Dijkstra's.

    The ways from one point to all others are found together, once. A point that no way leads to is walked to in a
    straight line: the plan is at fault, and she sees where it is all the same.
    """

    def __init__(self, aisles: Aisles, points: Sequence[LatLon]) -> None:
        self._points = list(points)
        self._spots: dict[str, LatLon] = dict(aisles.nodes)
        self._near: dict[str, dict[str, float]] = {id: {} for id in self._spots}
        self._join_all(aisles)
        self._found: dict[int, tuple[dict[str, float], dict[str, str]]] = {}

    def metres(self, start: int, end: int) -> float:
        """How long the way from one point to another is."""
        return self._search(start)[0].get(_name(end), inf) if self._near else inf

    def metres_or_straight(self, start: int, end: int) -> float:
        way_m = self.metres(start, end)
        return way_m if way_m < inf else distance_m(self._points[start], self._points[end])

    def path(self, start: int, end: int) -> tuple[LatLon, ...]:
        """The points one walks through, both ends included."""
        came = self._search(start)[1]
        name = _name(end)
        if start == end or name not in came:
            return (self._points[start], self._points[end])
        names = [name]
        while names[-1] in came:
            names.append(came[names[-1]])
        return tuple(self._spots[each] for each in reversed(names))

    def _join_all(self, aisles: Aisles) -> None:
        on_edge: dict[Edge, list[str]] = {edge: [] for edge in aisles.edges}
        for number, point in enumerate(self._points):
            self._add(_name(number), point)
            foot, edge = aisles.foot(point)
            if edge is not None:
                self._add(f"{_name(number)} foot", foot)
                self._join(_name(number), f"{_name(number)} foot")
                on_edge[edge].append(f"{_name(number)} foot")
        for (a, b), feet in on_edge.items():
            feet.sort(key=lambda name: distance_m(self._spots[a], self._spots[name]))
            for one, other in pairwise([a, *feet, b]):
                self._join(one, other)

    def _add(self, name: str, point: LatLon) -> None:
        self._spots[name] = point
        self._near.setdefault(name, {})

    def _join(self, one: str, other: str) -> None:
        length_m = distance_m(self._spots[one], self._spots[other])
        self._near[one][other] = self._near[other][one] = length_m

    def _search(self, start: int) -> tuple[dict[str, float], dict[str, str]]:
        if start not in self._found:
            self._found[start] = _dijkstra(self._near, _name(start))
        return self._found[start]


def _dijkstra(near: Mapping[str, Mapping[str, float]], start: str) -> tuple[dict[str, float], dict[str, str]]:
    cost, came, done = {start: 0.0}, dict[str, str](), set[str]()
    queue = [(0.0, start)]
    while queue:
        so_far, here = heappop(queue)
        if here in done:
            continue
        done.add(here)
        for there, length_m in near[here].items():
            if so_far + length_m < cost.get(there, inf):
                cost[there], came[there] = so_far + length_m, here
                heappush(queue, (cost[there], there))
    return cost, came


def _name(number: int) -> str:
    return f"@{number}"  # no id of a node begins so: ids are [A-Za-z0-9._~-]
