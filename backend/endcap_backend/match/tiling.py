"""The Earth in tiles of about 120 m, and which of them a circle of 100 ft touches, at the antimeridian and poles too.

Rows run south to north, all of one height. A row is cut into columns eastwards from the antimeridian, as many as stay
at least 120 m wide at the row's edge nearest a pole, so a circle of 100 ft never touches more than four tiles, but for
the rows at the poles, which have few columns and may be touched in all of them.
"""

from __future__ import annotations

from functools import lru_cache
from math import asin, cos, degrees, floor, pi, radians, sin

from endcap.geo import EARTH_RADIUS_KM, METRES_PER_DEGREE, NEAR_M, LatLon

TILE_M = 120.0  # > 2 x 30.48, so that a circle of 100 ft spans two rows and two columns at most
ROWS = floor(pi * EARTH_RADIUS_KM * 1000 / TILE_M)  # 166 792
ROW_DEG = 180.0 / ROWS
REACH_M = NEAR_M + 0.001  # a millimetre more than the limit: what may lie within it, before the exact test
REACH_DEG = REACH_M / METRES_PER_DEGREE
_SIN_REACH = sin(radians(REACH_DEG))


def row_of(latitude_deg: float) -> int:
    """The row of a latitude; the north pole belongs to the last."""
    return min(ROWS - 1, floor((latitude_deg + 90.0) / ROW_DEG))


@lru_cache(maxsize=65_536)
def columns_of(row: int) -> int:
    """How many columns a row has; one where a pole touches it."""
    edge_deg = max(abs(row * ROW_DEG - 90.0), abs((row + 1) * ROW_DEG - 90.0))
    around_m = 2 * pi * EARTH_RADIUS_KM * 1000 * cos(radians(min(edge_deg, 90.0)))
    return max(1, floor(around_m / TILE_M))


def column_of(longitude_deg: float, columns: int) -> int:
    """The column of a longitude in a row of `columns`; -180 and 180 are the same place."""
    return floor((longitude_deg + 180.0) / 360.0 * columns) % columns


def centre_of(row: int, column: int) -> LatLon:
    """The middle of a tile."""
    return LatLon((row + 0.5) * ROW_DEG - 90.0, (column + 0.5) * 360.0 / columns_of(row) - 180.0)


def reach_rows(latitude_deg: float) -> range:
    """The rows that a circle of 100 ft about this latitude touches."""
    return range(
        max(0, floor((latitude_deg - REACH_DEG + 90.0) / ROW_DEG)), row_of(min(90.0, latitude_deg + REACH_DEG)) + 1
    )


def reach_half_width_deg(latitude_deg: float) -> float:
    """Half the longitudes that a circle of 100 ft spans; 180 when a pole lies in it."""
    shrink = cos(radians(latitude_deg))
    if abs(latitude_deg) + REACH_DEG >= 90.0 or shrink <= _SIN_REACH:
        return 180.0
    return degrees(asin(_SIN_REACH / shrink))


def reach_columns(longitude_deg: float, half_width_deg: float, columns: int) -> list[int]:
    """The columns of a row of `columns` that a circle touches, each once."""
    per_degree = columns / 360.0
    first = floor((longitude_deg - half_width_deg + 180.0) * per_degree)
    last = floor((longitude_deg + half_width_deg + 180.0) * per_degree)
    if last - first + 1 >= columns:
        return list(range(columns))
    return [column % columns for column in range(first, last + 1)]
