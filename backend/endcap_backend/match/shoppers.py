"""Each shopper's last fix, and who stands about a place now."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field

from endcap.geo import LatLon
from endcap.messages import CustomerLocation
from endcap_backend.match.tile import E5
from endcap_backend.match.tiling import (
    column_of,
    columns_of,
    reach_columns,
    reach_half_width_deg,
    reach_rows,
    row_of,
)


@dataclass(slots=True, eq=False)
class Shopper:
    """One shopper: where she was last and when, and the tiles in which she has been told something."""

    uid: str
    location: CustomerLocation
    timestamp_ms: int
    latitude_e5: int
    longitude_e5: int
    cell: int
    told_in: set[int] = field(default_factory=set)  # tile numbers


class Shoppers:
    """At most `capacity` shoppers; then the one not heard of for longest is forgotten. One owner thread."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._by_uid: OrderedDict[str, Shopper] = OrderedDict()
        self._standing: dict[int, dict[str, Shopper]] = {}  # by tile

    def __len__(self) -> int:
        return len(self._by_uid)

    def admit(self, location: CustomerLocation, timestamp_ms: int) -> Shopper | None:
        """The shopper of a fix, moved there; None when a later fix of hers is known."""
        uid = location.uid
        latitude_deg, longitude_deg = location.latitude_deg, location.longitude_deg
        row = row_of(latitude_deg)
        cell = row << 19 | column_of(longitude_deg, columns_of(row))  # a row has at most 333 584 columns
        shopper = self._by_uid.get(uid)
        if shopper is None:
            shopper = self._by_uid[uid] = Shopper(uid, location, timestamp_ms, 0, 0, cell)
            self._standing.setdefault(cell, {})[uid] = shopper
        elif timestamp_ms < shopper.timestamp_ms:
            return None
        else:
            self._by_uid.move_to_end(uid)
            if cell != shopper.cell:
                self._leave(shopper)
                shopper.cell = cell
                self._standing.setdefault(cell, {})[uid] = shopper
        shopper.location = location
        shopper.timestamp_ms = timestamp_ms
        shopper.latitude_e5, shopper.longitude_e5 = round(latitude_deg * E5), round(longitude_deg * E5)
        return shopper

    def surplus(self) -> Shopper | None:
        """The shopper to forget, when there are too many."""
        return next(iter(self._by_uid.values())) if len(self._by_uid) > self._capacity else None

    def forget(self, uid: str) -> Shopper | None:
        shopper = self._by_uid.pop(uid, None)
        if shopper is not None:
            self._leave(shopper)
        return shopper

    def about(self, point: LatLon, margin_deg: float) -> Iterator[Shopper]:
        """Who may stand within 100 ft of a point, or of some point in a tile whose middle it is and that reaches
        `margin_deg` north and south."""
        north_deg, south_deg = min(90.0, point.latitude_deg + margin_deg), max(-90.0, point.latitude_deg - margin_deg)
        half_width_deg = max(map(reach_half_width_deg, (north_deg, south_deg)))
        for row in range(reach_rows(south_deg).start, reach_rows(north_deg).stop):
            columns = columns_of(row)
            for column in reach_columns(point.longitude_deg, half_width_deg + 360.0 / columns, columns):
                yield from self._standing.get(row << 19 | column, {}).values()

    def nbytes(self) -> int:
        """About: 1.2 kB a shopper with her last fix."""
        return 1200 * len(self._by_uid)

    def _leave(self, shopper: Shopper) -> None:
        standing = self._standing[shopper.cell]
        del standing[shopper.uid]
        if not standing:
            del self._standing[shopper.cell]
