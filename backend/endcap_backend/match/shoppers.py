"""Each shopper's last fix, and who stands about a place now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from heapq import nsmallest

from endcap.messages import CustomerLocation
from endcap_backend.match.tiling import cell_of, cells_about


@dataclass(slots=True, eq=False)
class Shopper:
    """One shopper: where she was last and when, and the tiles in which she has been told something."""

    uid: str
    location: CustomerLocation
    timestamp_ms: int
    cell: int
    told_in: set[int] = field(default_factory=set)  # tile numbers


class Shoppers:
    """At most `capacity` shoppers; then those not heard of for longest are to be forgotten. One owner thread."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._by_uid: dict[str, Shopper] = {}
        self._standing: dict[int, dict[str, Shopper]] = {}  # by cell

    def __len__(self) -> int:
        return len(self._by_uid)

    def admit(self, location: CustomerLocation, timestamp_ms: int) -> Shopper | None:
        """The shopper of a fix, moved there; None when a later fix of hers is known."""
        cell = cell_of(location.latitude_deg, location.longitude_deg)
        shopper = self._by_uid.get(location.uid)
        if shopper is None:
            shopper = self._by_uid[location.uid] = Shopper(location.uid, location, timestamp_ms, cell)
            self._standing.setdefault(cell, {})[shopper.uid] = shopper
            return shopper
        if timestamp_ms < shopper.timestamp_ms:
            return None
        shopper.location, shopper.timestamp_ms = location, timestamp_ms
        if cell != shopper.cell:
            self._leave(shopper)
            shopper.cell = cell
            self._standing.setdefault(cell, {})[shopper.uid] = shopper
        return shopper

    def has_room_for(self, newcomers: int) -> bool:
        return len(self._by_uid) + newcomers <= self._capacity

    def surplus(self, newcomer: Shopper) -> list[Shopper]:
        """Whom to forget when there are too many: a sixteenth, so that it is seldom, but never the newcomer."""
        if len(self._by_uid) <= self._capacity:
            return []
        others = (shopper for shopper in self._by_uid.values() if shopper is not newcomer)
        return nsmallest(max(1, self._capacity // 16), others, key=lambda shopper: shopper.timestamp_ms)

    def forget(self, uid: str) -> Shopper | None:
        shopper = self._by_uid.pop(uid, None)
        if shopper is not None:
            self._leave(shopper)
        return shopper

    def about(self, cells: Iterable[int]) -> Iterator[Shopper]:
        """Who may stand within 100 ft of some point of these cells, each once."""
        for near in {near for cell in cells for near in cells_about(cell)}:
            yield from self._standing.get(near, {}).values()

    def nbytes(self) -> int:
        """About: 1 kB a shopper with her last fix."""
        return 1000 * len(self._by_uid)

    def _leave(self, shopper: Shopper) -> None:
        standing = self._standing[shopper.cell]
        del standing[shopper.uid]
        if not standing:
            del self._standing[shopper.cell]
