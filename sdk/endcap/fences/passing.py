"""What is told of a fence without a visit: that she comes near, or passed through between two fixes."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, hypot
from typing import NamedTuple

from endcap.fences.geofence import Geofence
from endcap.fences.posterior import p_inside, sigma_of
from endcap.fences.visits import Track
from endcap.geo import LatLon, local_m, offset
from endcap.messages import Fix
from endcap.wire import epoch_ms

LEAVE_RING = 1.3  # she is no longer near beyond this many times approach_m, so that one who lingers is told once
WAY = 16  # fixes that a passage may consist of
GAP_MS = 60_000  # fixes farther apart in time say nothing of the way between them
AGAIN_MS = 60_000  # one passage is told once
MOST_SAMPLES = 64
UNKNOWN_ACCURACY_M = 50.0


class Crossing(NamedTuple):
    at_ms: int
    p: float  # that she was inside at the deepest point of the way


def came_near(fence: Geofence, track: Track, mean: LatLon | None, sigma_m: float) -> bool:
    """True when she has just come within `approach_m` of the boundary; `mean` None: nobody knows where she is.

    A position vaguer than the ring is wide starts nothing.
    """
    if fence.approach_m is None or mean is None:
        return False
    outside_m = fence.shape.boundary_m(mean)
    if track.visiting:
        track.near = True  # on her way out she comes near to nothing
        return False
    if track.near:
        track.near = outside_m <= fence.approach_m * LEAVE_RING + sigma_m
        return False
    if outside_m > fence.approach_m or sigma_m > fence.approach_m:
        return False
    track.near = True
    track.approach_no += outside_m > 0
    return outside_m > 0


def crossed(fence: Geofence, track: Track, way: Sequence[Fix], p_in: float) -> Crossing | None:
    """The passage that the last fix of `way` ends, from outside through the fence to outside; None: there was none."""
    ended_ms = epoch_ms(way[-1].taken_at)
    if track.visiting or ended_ms - track.crossed_ms < AGAIN_MS or fence.shape.boundary_m(way[-1].point) <= 0:
        return None
    deepest = Crossing(0, 0.0)
    for before, after in zip(reversed(list(way)[:-1]), reversed(way), strict=False):
        if ended_ms - epoch_ms(before.taken_at) > GAP_MS:
            return None
        deepest = max(deepest, _deepest(fence, before, after), key=lambda crossing: crossing.p)
        if fence.shape.boundary_m(before.point) > 0:
            break
    else:
        return None
    if deepest.p < p_in:
        return None
    track.cross_no, track.crossed_ms = track.cross_no + 1, deepest.at_ms
    return deepest


def _deepest(fence: Geofence, before: Fix, after: Fix) -> Crossing:
    """Where on the straight line between two fixes she was inside most probably; the later end belongs to it."""
    began_ms, lasted_ms = epoch_ms(before.taken_at), epoch_ms(after.taken_at) - epoch_ms(before.taken_at)
    east_m, north_m = local_m(before.point, after.point)
    samples = min(MOST_SAMPLES, max(2, ceil(4 * hypot(east_m, north_m) / fence.shape.extent_m)))
    sigma_m = sigma_of(max(before.accuracy_m or UNKNOWN_ACCURACY_M, after.accuracy_m or UNKNOWN_ACCURACY_M))
    parts = [number / samples for number in range(1, samples + 1)]
    chances = [p_inside(fence.shape, offset(before.point, part * east_m, part * north_m), sigma_m) for part in parts]
    best = max(range(samples), key=chances.__getitem__)
    return Crossing(began_ms + round(parts[best] * lasted_ms), chances[best])
