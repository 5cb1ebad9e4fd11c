"""One tile of the spatial index: points as offsets from its middle in arrays, 12 B each, and which are within reach.

Offsets are whole 1e-5 degrees (coordinates have five decimals, so nothing is lost), held as float32 for numpy's sake.
The distance test on the tile's plane errs by less than 3 mm up to 80 degrees of latitude, and lets 16 mm more than
100 ft through: the exact haversine, which every pair that is told needs anyway, has the last word. Poleward of 80
degrees the plane is not used at all.

A set of points is an int with the bit of each one's slot: `&`, `|` and `~` are its operations, at 88 B for 700 points.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from math import cos, inf, isnan, nan, radians, sqrt
from typing import Any

from endcap.geo import METRES_PER_DEGREE, NEAR_M, haversine_km
from endcap_backend.match.tiling import centre_of

E5 = 100_000  # coordinates are counted in 1e-5 degrees
UNIT_M = METRES_PER_DEGREE / E5  # one of them along a meridian: 1.11 m
TURN = 360 * E5
FLAT_LIMIT_DEG = 80.0  # beyond it the plane errs by more than 3 mm across a tile
SLACK = 0.016 / UNIT_M  # five times what the plane can err
REACH = NEAR_M / UNIT_M + SLACK
REACH_SQUARED = REACH * REACH
FEW = 64  # below so many candidates a loop beats numpy's call overhead


class Tile:
    """Points about one place, each in a numbered slot that is reused once it is free. One owner thread."""

    __slots__ = (
        "cell", "easts", "free", "ids", "latitude_e5", "longitude_e5", "norths", "number", "occupied", "polar",
        "shrink", "views", "within_east", "within_north",
    )  # fmt: skip

    def __init__(self, number: int, cell: int) -> None:
        centre = centre_of(cell)
        self.number = number
        self.cell = cell
        self.latitude_e5 = round(centre.latitude_deg * E5)
        self.longitude_e5 = round(centre.longitude_deg * E5)
        self.shrink = cos(radians(self.latitude_e5 / E5)) ** 2  # of squared longitude differences
        self.polar = abs(centre.latitude_deg) > FLAT_LIMIT_DEG
        code = "d" if self.polar else "f"  # a polar tile may be 36 million units wide: more than a float32 counts
        self.norths: array[float] = array(code)
        self.easts: array[float] = array(code)
        self.ids = array("I")
        self.free: list[int] = []
        self.occupied = 0
        self.within_east = self.within_north = (inf, -inf)  # from where points may be within reach; never narrowed
        self.views: Any = None  # numpy's views of the arrays, while nothing changes

    def offset(self, latitude_e5: int, longitude_e5: int) -> tuple[int, int]:
        """Units east and north of the middle, the short way round."""
        east = (longitude_e5 - self.longitude_e5 + TURN // 2) % TURN - TURN // 2
        return east, latitude_e5 - self.latitude_e5

    def put(self, id: int, latitude_e5: int, longitude_e5: int) -> int:
        """Add a point; returns its slot."""
        east, north = self.offset(latitude_e5, longitude_e5)
        self._widen(east, north)
        self.views = None
        if self.free:
            slot = self.free.pop()
            self.easts[slot], self.norths[slot], self.ids[slot] = east, north, id
        else:
            slot = len(self.ids)
            self.easts.append(east)
            self.norths.append(north)
            self.ids.append(id)
        self.occupied |= 1 << slot
        return slot

    def look(self, latitude_e5: int, longitude_e5: int) -> tuple[int, int] | None:
        """The offset of a place; None when no point here can be within 100 ft of it."""
        north = latitude_e5 - self.latitude_e5
        low, high = self.within_north
        if not low <= north <= high:
            return None
        east = (longitude_e5 - self.longitude_e5 + TURN // 2) % TURN - TURN // 2
        low, high = self.within_east
        return (east, north) if low <= east <= high else None

    def take(self, slot: int) -> None:
        """Free a slot; a point that is no number is within no reach."""
        self.easts[slot] = self.norths[slot] = nan
        self.occupied &= ~(1 << slot)
        self.free.append(slot)

    def point(self, slot: int) -> tuple[float, float]:
        """A slot's latitude and longitude in degrees, to the last bit of what was put."""
        longitude_e5 = (self.longitude_e5 + int(self.easts[slot]) + TURN // 2) % TURN - TURN // 2
        return (self.latitude_e5 + int(self.norths[slot])) / E5, longitude_e5 / E5

    def pick(self, east: int, north: int, among: int, count: int | None) -> Sequence[int]:
        """The slots `among` these that may lie within 100 ft of an offset: all of them, or enough to hold the nearest
        `count`; up to 16 mm beyond the limit are among them."""
        squares = {}
        for slot in slots_of(among):
            square = self._square(slot, east, north)
            if square <= REACH_SQUARED:
                squares[slot] = square
        if count is None or len(squares) <= count:
            return list(squares)
        limit = furthest(sorted(squares.values())[count - 1])
        return [slot for slot, square in squares.items() if square <= limit]

    def ids_within(self, east: int, north: int) -> list[int]:
        """The ids of all points that may lie within 100 ft of an offset."""
        return [self.ids[slot] for slot in self.pick(east, north, self.occupied, None)]

    def nbytes(self) -> int:
        """What the tile takes, but for the ints that name sets."""
        columns = len(self.ids) * (2 * self.norths.itemsize + self.ids.itemsize)
        return 400 + columns + columns // 8  # an array grows by an eighth ahead; 400: the object and its empty parts

    def _widen(self, east: int, north: int) -> None:
        low, high = self.within_north
        self.within_north = min(low, north - REACH - 1), max(high, north + REACH + 1)
        reach = TURN if self.polar else REACH / cos(radians(abs(self.latitude_e5) / E5 + 0.002)) + 1  # at its far edge
        low, high = self.within_east
        self.within_east = min(low, east - reach), max(high, east + reach)

    def _square(self, slot: int, east: int, north: int) -> float:
        """Squared distance in units, by the plane; near a pole by the sphere."""
        to_east = self.easts[slot] - east
        to_north = self.norths[slot] - north
        if not self.polar:
            return self.shrink * to_east * to_east + to_north * to_north
        if isnan(to_east):
            return inf
        here = (self.latitude_e5 + north) / E5
        return (haversine_km(here, 0.0, here + to_north / E5, to_east / E5) * 1000 / UNIT_M) ** 2


def furthest(square: float) -> float:
    """The squared distance up to which a point may in truth be nearer than one at `square`."""
    return (sqrt(square) + 2 * SLACK) ** 2


def slots_of(mask: int) -> Iterator[int]:
    """The numbers of the bits that are set, rising."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low
