"""All registered fences, by id and by place."""

from __future__ import annotations

from collections.abc import Iterator

from endcap.fences.geofence import Geofence
from endcap.geo import LatLon


class FenceIndex:
    """Fences by id and by place. Owned by one thread."""

    def __init__(self) -> None:
        self._fences: dict[str, Geofence] = {}

    def __len__(self) -> int:
        return len(self._fences)

    def __iter__(self) -> Iterator[Geofence]:
        return iter(self._fences.values())

    def get(self, fence_id: str) -> Geofence | None:
        return self._fences.get(fence_id)

    def put(self, fence: Geofence) -> None:
        """Adds the fence, or replaces the one of that id."""
        self._fences[fence.id] = fence

    def discard(self, fence_id: str) -> None:
        self._fences.pop(fence_id, None)

    def near(self, point: LatLon, reach_m: float) -> list[Geofence]:
        """Every fence whose boundary lies within `reach_m` metres of `point`, or that holds it."""
        return [fence for fence in self if fence.shape.boundary_m(point) <= reach_m + (fence.approach_m or 0.0)]
