"""Each shopper's last fix, and who stands about a place now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import nsmallest

from endcap.messages import CustomerLocation
from endcap_backend.match.tile import Tile
from endcap_backend.match.tiling import Bounds, bounds_of, cell_of, cells_about

NOWHERE: Bounds = (1.0, 0.0, 1.0, 0.0)  # no point is within


@dataclass(slots=True, eq=False)
class Shopper:
    """One shopper: where she was last and when, and the tiles in which she has been told something."""

    uid: str
    location: CustomerLocation
    timestamp_ms: int
    cell: int = -1
    bounds: Bounds = NOWHERE  # of the cell
    tiles: Sequence[Tile] = ()  # about the cell, as they were in the index's `layout`
    layout: int = -1
    quiet: int = -1  # the offers' version at which no tile about her had anything to tell
    told_in: set[int] = field(default_factory=set)  # tile numbers
    sought: dict[int | str, Sequence[int]] = field(default_factory=dict)  # placements about the cell, by SKU or segment
    sought_at: tuple[int, int] = (-1, -1)  # the cell, and the offers' moves, for which that holds


class Shoppers:
    """At most `capacity` shoppers; beyond it those not heard of for longest are given to `drop`. One owner thread."""

    def __init__(self, capacity: int, drop: Callable[[str], None]) -> None:
        self._capacity = capacity
        self._drop = drop
        self._by_uid: dict[str, Shopper] = {}
        self._standing: dict[int, dict[str, Shopper]] = {}  # by cell

    def __len__(self) -> int:
        return len(self._by_uid)

    def admit(self, location: CustomerLocation, timestamp_ms: int) -> Shopper | None:
        """The shopper of a fix, moved there; None when a later fix of hers is known."""
        shopper = self._by_uid.get(location.uid)
        if shopper is None:
            shopper = self._by_uid[location.uid] = Shopper(location.uid, location, timestamp_ms)
            if len(self._by_uid) > self._capacity:
                self._make_room(shopper)
        elif timestamp_ms < shopper.timestamp_ms:
            return None
        else:
            shopper.location, shopper.timestamp_ms = location, timestamp_ms
        south, north, west, east = shopper.bounds
        if not (south <= location.latitude_deg <= north and west <= location.longitude_deg <= east):
            self._move(shopper)
        return shopper

    def has_room_for(self, locations: Sequence[tuple[CustomerLocation, int]]) -> bool:
        """Whether nobody need be dropped for these fixes."""
        spare = self._capacity - len(self._by_uid)
        if len(locations) <= spare:
            return True
        return len({location.uid for location, _ in locations} - self._by_uid.keys()) <= spare

    def get(self, uid: str) -> Shopper | None:
        return self._by_uid.get(uid)

    def forget(self, uid: str) -> Shopper | None:
        shopper = self._by_uid.pop(uid, None)
        if shopper is not None:
            self._leave(shopper)
        return shopper

    def heard_since(self, moment_ms: int) -> list[str]:
        """Those whose last fix is from that moment or later."""
        return [shopper.uid for shopper in self._by_uid.values() if shopper.timestamp_ms >= moment_ms]

    def silent_since(self, moment_ms: int) -> list[str]:
        """Those whose last fix is from before a moment."""
        return [shopper.uid for shopper in self._by_uid.values() if shopper.timestamp_ms < moment_ms]

    def about(self, cells: Iterable[int]) -> Iterator[Shopper]:
        """Who may stand within 100 ft of some point of these cells, each once."""
        for near in {near for cell in cells for near in cells_about(cell)}:
            yield from self._standing.get(near, {}).values()

    def nbytes(self) -> int:
        """About: 1.1 kB a shopper with her last fix."""
        return 1100 * len(self._by_uid)

    def _move(self, shopper: Shopper) -> None:
        self._leave(shopper)
        shopper.cell = cell_of(*shopper.location.point)
        shopper.bounds = bounds_of(shopper.cell)
        shopper.layout = shopper.quiet = -1
        self._standing.setdefault(shopper.cell, {})[shopper.uid] = shopper

    def _leave(self, shopper: Shopper) -> None:
        standing = self._standing.get(shopper.cell)
        if standing is not None:
            standing.pop(shopper.uid, None)
            if not standing:
                del self._standing[shopper.cell]

    def _make_room(self, newcomer: Shopper) -> None:
        """Drop a sixteenth, so that it is seldom, but never the newcomer."""
        others = (shopper for shopper in self._by_uid.values() if shopper is not newcomer)
        for shopper in nsmallest(max(1, self._capacity // 16), others, key=lambda shopper: shopper.timestamp_ms):
            self._drop(shopper.uid)
