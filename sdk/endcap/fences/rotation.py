"""Which of many fences the OS should watch, since it watches only a few."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from endcap.fences.geofence import Geofence
from endcap.fences.index import FenceIndex
from endcap.fences.shapes import Circle
from endcap.geo import LatLon, distance_m

IOS_SLOTS = 20  # regions an app may have
ANDROID_SLOTS = 100  # geofences an app and user may have, by Play services
BUBBLE_ID = "endcap.bubble"
WIDEST_BUBBLE_M = 1000.0  # so that she is looked after at least every kilometre
NARROWEST_BUBBLE_M = 50.0  # below it no OS delivers an exit that can be used


@dataclass(frozen=True, slots=True)
class Rotation:
    """What to hand to the OS: some fences, nearest first, and the bubble; when she leaves the bubble, rotate again.

    Within the bubble she can't reach a fence that is not watched, unless `crowded`: then the next one is nearer than
    the narrowest bubble, and only the monitor, which knows all fences, is to be relied on.
    """

    fences: tuple[Geofence, ...]
    bubble: Circle
    crowded: bool = False

    def ids(self) -> frozenset[str]:
        return frozenset(fence.id for fence in self.fences)

    def changes(self, before: Rotation | None) -> tuple[tuple[Geofence, ...], tuple[str, ...]]:
        """(to add, to remove) since the rotation before; a fence whose shape changed is in both."""
        held = {fence.id: fence.shape for fence in before.fences} if before else {}
        wanted = {fence.id: fence.shape for fence in self.fences}
        add = tuple(fence for fence in self.fences if held.get(fence.id) != fence.shape)
        return add, tuple(fence_id for fence_id, shape in held.items() if wanted.get(fence_id) != shape)

    def due(self, point: LatLon) -> bool:
        """True outside the bubble: time to rotate."""
        return distance_m(self.bubble.centre, point) > self.bubble.radius_m


def rotate(index: FenceIndex, point: LatLon, occupied: Iterable[str] = (), *, slots: int = IOS_SLOTS) -> Rotation:
    """The fences whose boundaries are nearest, and one slot for the bubble.

    A fence that she is in (`occupied`, the most important first) is never evicted, wherever its boundary lies. The
    bubble reaches half-way to the first fence left out; with no fence at all it is still there.

    Raises:
        ValueError: fewer than two slots.
    """
    if slots < 2:
        raise ValueError("slots must be at least 2: one fence and the bubble")
    room = slots - 1
    kept = [fence for fence_id in occupied if (fence := index.get(fence_id)) is not None][:room]
    held = {fence.id for fence in kept}
    left_out_m: float | None = None
    for outside_m, fence in index.nearest(point, room + len(kept) + 1):
        if fence.id in held:
            continue
        if len(kept) == room:
            left_out_m = outside_m
            break
        kept.append(fence)
    wide_m = WIDEST_BUBBLE_M if left_out_m is None else min(WIDEST_BUBBLE_M, left_out_m / 2)
    crowded = left_out_m is not None and left_out_m <= NARROWEST_BUBBLE_M
    return Rotation(tuple(kept), Circle(point, max(NARROWEST_BUBBLE_M, wide_m)), crowded)
