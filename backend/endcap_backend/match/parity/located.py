"""Records with a position, by country: those near a point, and those within a time. In columns, 48 B a record.

With its place in the index and in one or two time lines a record takes 75 to 95 B; a fix as Python objects takes 223.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable

from endcap.geo import LatLon
from endcap_backend.match.index import SpatialIndex
from endcap_backend.match.parity.timeline import Group
from endcap_backend.match.tile import E5

NULL = 2**62  # a latitude or longitude that is null


class Located:
    """Products, or fixes. One owner thread. Records are known by numbers, which are reused once they are removed."""

    def __init__(self, vectorised: bool | None) -> None:
        self.timestamps_ms = array("q")
        self.arrivals = array("Q")
        self.latitudes_e5 = array("q")
        self.longitudes_e5 = array("q")
        self._tiles = array("I")
        self._slots = array("I")
        self._groups: list[Group | None] = []  # by number, as the columns above
        self._countries: dict[str, Group] = {}
        self._index = SpatialIndex(vectorised)
        self._free: list[int] = []

    def __len__(self) -> int:
        return len(self._groups) - len(self._free)

    def add(
        self, timestamp_ms: int, arrival: int, latitude_e5: int | None, longitude_e5: int | None, country: str | None
    ) -> int:
        """Keep a record; returns its number. One without a country is kept but never found."""
        number = self._free.pop() if self._free else self._grow()
        self.timestamps_ms[number], self.arrivals[number] = timestamp_ms, arrival
        self.latitudes_e5[number] = NULL if latitude_e5 is None else latitude_e5
        self.longitudes_e5[number] = NULL if longitude_e5 is None else longitude_e5
        if country is not None:
            self._file(number, self._countries.setdefault(country, Group(country)))
        return number

    def remove(self, number: int) -> None:
        group, timestamp_ms = self._groups[number], self.timestamps_ms[number]
        if group is not None:
            group.line.remove(timestamp_ms, number)
            if self.point(number) is None:
                group.nowhere.remove(timestamp_ms, number)
            else:
                self._index.take(self._tiles[number], self._slots[number])
            if not group.line:
                del self._countries[group.key]
        self._groups[number] = None
        self._free.append(number)

    def country(self, number: int) -> str | None:
        group = self._groups[number]
        return None if group is None else group.key

    def point(self, number: int) -> LatLon | None:
        """Where a record is; None when that is nowhere on Earth, which GEO_DISTANCE refuses."""
        latitude_e5, longitude_e5 = self.latitudes_e5[number], self.longitudes_e5[number]
        if abs(latitude_e5) > 90 * E5 or abs(longitude_e5) > 180 * E5:
            return None
        return LatLon(latitude_e5 / E5, longitude_e5 / E5)

    def about(self, country: str, point: LatLon | None, first_ms: int, last_ms: int) -> list[int]:
        """The records of a country from one time to another that a point must be tested against.

        All within 100 ft are among them, and all that are nowhere; without a point, all are.
        """
        group = self._countries.get(country)
        if group is None:
            return []
        if point is None:
            return list(group.line.between(first_ms, last_ms))
        times, groups = self.timestamps_ms, self._groups
        near = [number for number in self._index.within_reach(point)
                if first_ms <= times[number] <= last_ms and groups[number] is group]  # fmt: skip
        return near + list(group.nowhere.between(first_ms, last_ms))

    def in_order(self, numbers: Iterable[int]) -> list[int]:
        """Numbers by time, then by arrival."""
        return sorted(numbers, key=lambda number: (self.timestamps_ms[number], self.arrivals[number]))

    def until(self, last_ms: int) -> list[int]:
        """All records that have a country, up to a time."""
        return [number for group in self._countries.values() for number in group.line.until(last_ms)]

    def oldest(self, country: str) -> int | None:
        """The oldest record of a country."""
        group = self._countries.get(country)
        return None if group is None else group.line.oldest()

    def _grow(self) -> int:
        for column in (
            self.timestamps_ms,
            self.arrivals,
            self.latitudes_e5,
            self.longitudes_e5,
            self._tiles,
            self._slots,
        ):
            column.append(0)
        self._groups.append(None)
        return len(self._groups) - 1

    def _file(self, number: int, group: Group) -> None:
        self._groups[number] = group
        group.line.add(self.timestamps_ms[number], number)
        point = self.point(number)
        if point is None:
            group.nowhere.add(self.timestamps_ms[number], number)
        else:
            tile, self._slots[number] = self._index.put(number, point)
            self._tiles[number] = tile.number
