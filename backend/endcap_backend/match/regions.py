"""The Earth in regions of about a kilometre: the unit by which a cluster shares the match out.

A fix belongs to the one region it lies in; a shelf to each region from which it can be within 100 ft, so that whoever
has a region has all that can match there. A store of 100 m lies in one region nearly always: what its shoppers have
been told stays in one place. Rows of 0.01 degree are cut into columns at least as wide as that row is high.
"""

from __future__ import annotations

from functools import lru_cache
from math import asin, cos, degrees, floor, radians, sin
from zlib import crc32

from endcap_backend.match.tiling import REACH_DEG

ROWS = 18_000
ROW_DEG = 180.0 / ROWS  # 1.1 km
_COLUMN_BITS = 16  # a row has at most 36 000 columns
_SIN_REACH = sin(radians(REACH_DEG))


def region_of(latitude_deg: float, longitude_deg: float) -> int:
    """The region a point lies in. The north pole belongs to the last row; -180 and 180 degrees are the same place."""
    row = _row(latitude_deg)
    columns = _columns(row)
    return row << _COLUMN_BITS | _column(longitude_deg, columns) % columns


def regions_about(latitude_deg: float, longitude_deg: float) -> frozenset[int]:
    """The regions in which a fix may lie that is within 100 ft of a point: one, seldom more."""
    shrink = cos(radians(latitude_deg))
    half_width_deg = 180.0 if shrink <= _SIN_REACH else degrees(asin(_SIN_REACH / shrink))
    found: set[int] = set()
    for row in range(_row(latitude_deg - REACH_DEG), _row(latitude_deg + REACH_DEG) + 1):
        columns = _columns(row)
        first, last = (_column(longitude_deg + side, columns) for side in (-half_width_deg, half_width_deg))
        across = range(columns) if last - first + 1 >= columns else range(first, last + 1)
        found.update(row << _COLUMN_BITS | column % columns for column in across)
    return frozenset(found)


def partition_of(region: int, partitions: int) -> int:
    """The partition that has a region: neighbours are strewn, so that one town does not lie in one partition."""
    return crc32(region.to_bytes(8, "big")) % partitions


def _row(latitude_deg: float) -> int:
    return min(ROWS - 1, max(0, floor((latitude_deg + 90.0) / ROW_DEG)))


def _column(longitude_deg: float, columns: int) -> int:
    return floor((longitude_deg + 180.0) / 360.0 * columns)


@lru_cache(maxsize=ROWS)
def _columns(row: int) -> int:
    """How many columns a row has; one where a pole touches it."""
    edge_deg = max(abs(row * ROW_DEG - 90.0), abs((row + 1) * ROW_DEG - 90.0))
    return max(1, floor(360.0 / ROW_DEG * cos(radians(min(edge_deg, 90.0)))))
