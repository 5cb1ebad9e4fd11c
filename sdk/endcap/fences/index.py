"""All registered fences, by id and by place: a hundred thousand in 20 MB."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from heapq import heapify, heappop, heappush
from math import cos, radians

from endcap.fences.geofence import Geofence
from endcap.fences.shapes import Circle
from endcap.fences.tree import Box, Tree, box_around
from endcap.geo import METRES_PER_DEGREE, LatLon, haversine_km

LOOSE = 32  # fences that no tree holds yet; they are looked through one by one
CURVATURE = 0.98  # of a plane's distance to a box, so that it stays under the Earth's within 2,000 km


class FenceIndex:
    """Fences by id and by place. Owned by one thread.

    A circle that says nothing but its id is kept in columns and made anew when asked for. Trees never change: fences
    that come later go to trees of their own, which are merged when as large, so that each is moved but a few times.
    """

    def __init__(self, fences: Iterable[Geofence] = ()) -> None:
        self._slots: dict[str, int] = {}
        self._ids: list[str | None] = []
        self._latitudes, self._longitudes, self._extents = array("d"), array("d"), array("d")
        self._full: dict[int, Geofence] = {}
        self._trees: list[Tree] = []
        self._loose: list[int] = []
        self.put_all(fences)

    def __len__(self) -> int:
        return len(self._slots)

    def __contains__(self, fence_id: object) -> bool:
        return fence_id in self._slots

    def __iter__(self) -> Iterator[Geofence]:
        return (self._fence(slot) for slot in self._slots.values())

    def ids(self) -> Iterable[str]:
        return self._slots.keys()

    def get(self, fence_id: str) -> Geofence | None:
        slot = self._slots.get(fence_id)
        return None if slot is None else self._fence(slot)

    def put(self, fence: Geofence) -> None:
        """Add the fence, or replace the one of that id."""
        self.put_all((fence,))

    def put_all(self, fences: Iterable[Geofence]) -> None:
        """As `put`, at one go: a hundred thousand take 0.6 s."""
        for fence in fences:
            self.discard(fence.id)
            slot = self._slots[fence.id] = len(self._ids)
            centre = fence.shape.centre
            self._ids.append(fence.id)
            self._latitudes.append(centre.latitude_deg)
            self._longitudes.append(centre.longitude_deg)
            self._extents.append(fence.shape.extent_m)
            if not _plain(fence):
                self._full[slot] = fence
            self._loose.append(slot)
        if len(self._loose) > LOOSE:
            self._plant()

    def discard(self, fence_id: str) -> None:
        slot = self._slots.pop(fence_id, None)
        if slot is None:
            return
        self._ids[slot] = None
        self._full.pop(slot, None)
        if len(self._ids) > 2 * len(self._slots) + LOOSE:
            self._rebuild()

    def near(
        self, point: LatLon, reach_m: float, *, circle_reach_m: float | None = None, extent_m: float = 0.0
    ) -> list[Geofence]:
        """Every fence that holds `point`, or whose boundary is within `reach_m` (within its own `approach_m` more).

        `circle_reach_m` is the reach for circles, when it is another. Fences that reach no farther than `extent_m` from
        their middle are left out, unless they have an `approach_m`.
        """
        found: list[Geofence] = []
        for slot in self._slots_near(point, reach_m):
            fence = self._full.get(slot)
            approach_m = fence.approach_m if fence else None
            if self._extents[slot] < extent_m and approach_m is None:
                continue
            reaches_m = self._distance_m(slot, point) - self._extents[slot]
            round_m = reach_m if circle_reach_m is None or not self._round(slot) else circle_reach_m
            if reaches_m > round_m + (approach_m or 0.0):
                continue
            if self._round(slot) or self._full[slot].shape.boundary_m(point) <= reach_m + (approach_m or 0.0):
                found.append(self._fence(slot))
        return found

    def nearest(self, point: LatLon, count: int) -> list[tuple[float, Geofence]]:
        """The `count` fences whose boundaries are nearest, nearest first; 0 m for one that holds the point."""
        heap: list[tuple[float, int, int, int]] = []  # metres at least, what, where, tree
        for number, tree in enumerate(self._trees):
            heap += [(self._box_m(tree.box(*root), point), *root, number) for root in tree.roots()]
        heap += [(self._least_m(slot, point), _SLOT, slot, 0) for slot in self._loose if self._ids[slot] is not None]
        heapify(heap)
        found: list[tuple[float, Geofence]] = []
        while heap and len(found) < count:
            least_m, what, place, number = heappop(heap)
            if what == _EXACT:
                found.append((least_m, self._fence(place)))
            elif what == _SLOT:
                heappush(heap, (self._boundary_m(place, point, least_m), _EXACT, place, 0))
            elif what == 0:
                slot = self._trees[number].items[place]
                if self._ids[slot] is not None:
                    heappush(heap, (self._least_m(slot, point), _SLOT, slot, 0))
            else:
                tree = self._trees[number]
                for child in tree.children(what, place):
                    heappush(heap, (self._box_m(tree.box(*child), point), *child, number))
        return found

    def _slots_near(self, point: LatLon, reach_m: float) -> Iterator[int]:
        south, north, west, east = box_around(*point, reach_m)
        for tree in self._trees:
            for turn in (0.0, 360.0, -360.0):
                if turn and not (west + turn < 180.0 + tree.widest_deg and east + turn > -180.0 - tree.widest_deg):
                    continue
                for slot in tree.overlapping((south, north, west + turn, east + turn)):
                    if self._ids[slot] is not None:
                        yield slot
        yield from (slot for slot in self._loose if self._ids[slot] is not None)

    def _round(self, slot: int) -> bool:
        return slot not in self._full or isinstance(self._full[slot].shape, Circle)

    def _distance_m(self, slot: int, point: LatLon) -> float:
        return haversine_km(self._latitudes[slot], self._longitudes[slot], *point) * 1000.0

    def _least_m(self, slot: int, point: LatLon) -> float:
        return max(0.0, self._distance_m(slot, point) - self._extents[slot])

    def _boundary_m(self, slot: int, point: LatLon, least_m: float) -> float:
        fence = self._full.get(slot)
        if fence is None or isinstance(fence.shape, Circle):
            return least_m
        return max(least_m, fence.shape.boundary_m(point))

    @staticmethod
    def _box_m(box: Box, point: LatLon) -> float:
        """Never more than the distance from the point to anything in the box."""
        south, north, west, east = box
        latitude, longitude = point
        north_deg = max(0.0, south - latitude, latitude - north)
        middle = (west + east) / 2
        apart = abs((longitude - middle + 180.0) % 360.0 - 180.0)
        east_deg = max(0.0, apart - (east - west) / 2)
        farthest = min(90.0, max(abs(latitude), abs(south), abs(north)))
        east_deg *= cos(radians(farthest))
        return CURVATURE * METRES_PER_DEGREE * float((north_deg * north_deg + east_deg * east_deg) ** 0.5)

    def _fence(self, slot: int) -> Geofence:
        fence = self._full.get(slot)
        if fence is not None:
            return fence
        fence_id = self._ids[slot]
        assert fence_id is not None
        return Geofence(fence_id, Circle(LatLon(self._latitudes[slot], self._longitudes[slot]), self._extents[slot]))

    def _box(self, slot: int) -> Box:
        fence = self._full.get(slot)
        approach_m = (fence.approach_m or 0.0) if fence else 0.0
        return box_around(self._latitudes[slot], self._longitudes[slot], self._extents[slot] + approach_m)

    def _plant(self) -> None:
        """A tree of the loose fences and of every tree that is no larger than what has been gathered."""
        slots = [slot for slot in self._loose if self._ids[slot] is not None]
        self._trees.sort(key=len)
        while self._trees and len(self._trees[0]) <= 2 * len(slots):
            slots += [slot for slot in self._trees.pop(0).items if self._ids[slot] is not None]
        self._loose = []
        if slots:
            self._trees.append(Tree(slots, [self._box(slot) for slot in slots]))

    def _rebuild(self) -> None:
        """Drop the columns of fences that are gone."""
        fresh = FenceIndex(self)
        self.__dict__.update(fresh.__dict__)


_SLOT, _EXACT = -1, -2  # in the heap, beside the depths of nodes


def _plain(fence: Geofence) -> bool:
    return isinstance(fence.shape, Circle) and fence == Geofence(fence.id, fence.shape)
