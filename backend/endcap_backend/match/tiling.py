"""The Earth in tiles of about 120 m, and which of them circles of 100 ft touch, at the antimeridian and the poles too.

Rows run south to north, all of one height. A row is cut into columns eastwards from the antimeridian, as many as stay
at least 120 m wide at the row's edge nearest a pole; the rows at the poles have one. A cell is the number of a tile.
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
Bounds = tuple[float, float, float, float]
_COLUMN_BITS = 19  # a row has at most 333 584 columns
_COLUMN_MASK = (1 << _COLUMN_BITS) - 1
_SIN_REACH = sin(radians(REACH_DEG))


@lru_cache(maxsize=65_536)
def columns_of(row: int) -> int:
    """How many columns a row has; one where a pole touches it."""
    edge_deg = max(abs(row * ROW_DEG - 90.0), abs((row + 1) * ROW_DEG - 90.0))
    around_m = 2 * pi * EARTH_RADIUS_KM * 1000 * cos(radians(min(edge_deg, 90.0)))
    return max(1, floor(around_m / TILE_M))


def cell_of(latitude_deg: float, longitude_deg: float) -> int:
    """The cell a point lies in. The north pole belongs to the last row; -180 and 180 degrees are the same place."""
    row = min(ROWS - 1, int((latitude_deg + 90.0) / ROW_DEG))
    columns = columns_of(row)
    return row << _COLUMN_BITS | int((longitude_deg + 180.0) / 360.0 * columns) % columns


def row_of(cell: int) -> int:
    return cell >> _COLUMN_BITS


def centre_of(cell: int) -> LatLon:
    """The middle of a cell."""
    row = row_of(cell)
    column = cell & _COLUMN_MASK
    return LatLon((row + 0.5) * ROW_DEG - 90.0, (column + 0.5) * 360.0 / columns_of(row) - 180.0)


def bounds_of(cell: int) -> Bounds:
    """The southern, northern, western and eastern edge of a cell, in degrees; the last bit may be a neighbour's."""
    row, columns = row_of(cell), columns_of(row_of(cell))
    west_deg = (cell & _COLUMN_MASK) * 360.0 / columns - 180.0
    return row * ROW_DEG - 90.0, (row + 1) * ROW_DEG - 90.0, west_deg, west_deg + 360.0 / columns


@lru_cache(maxsize=4096)  # products are placed store by store
def cells_about(cell: int) -> tuple[int, ...]:
    """The cells that hold what may lie within 100 ft of some point of a cell, itself among them."""
    row, longitude_deg = row_of(cell), centre_of(cell).longitude_deg
    half_cell_deg = 180.0 / columns_of(row)
    cells: list[int] = []
    for other in range(max(0, row - 1), min(ROWS - 1, row + 1) + 1):
        columns = columns_of(other)
        half_width_deg = half_cell_deg + max(_half_width_deg(row), _half_width_deg(other))
        first = floor((longitude_deg - half_width_deg + 180.0) / 360.0 * columns)
        last = floor((longitude_deg + half_width_deg + 180.0) / 360.0 * columns)
        every = range(columns) if last - first + 1 >= columns else range(first, last + 1)
        cells += [other << _COLUMN_BITS | column % columns for column in every]
    return tuple(cells)


def _half_width_deg(row: int) -> float:
    """Half the longitudes that a circle of 100 ft about a point of a row spans; 180 when a pole may lie in it."""
    edge_deg = max(abs(row * ROW_DEG - 90.0), abs((row + 1) * ROW_DEG - 90.0))
    shrink = cos(radians(min(90.0, edge_deg)))
    return 180.0 if shrink <= _SIN_REACH else degrees(asin(_SIN_REACH / shrink))
