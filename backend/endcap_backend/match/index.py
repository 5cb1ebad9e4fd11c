"""The spatial index both modes share: points in tiles, and those within 100 ft of a place."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec

from endcap.geo import LatLon
from endcap_backend.match.tile import E5, Tile
from endcap_backend.match.tiling import (
    centre_of,
    column_of,
    columns_of,
    reach_columns,
    reach_half_width_deg,
    reach_rows,
    row_of,
)


class SpatialIndex:
    """Points by tile. `vectorised` None takes numpy where it is installed; with and without, the answers are the same.

    One owner thread. Held: what is put and not taken, 12 B a point and 400 B a tile.
    """

    def __init__(self, vectorised: bool | None = None) -> None:
        self.vectorised = numpy_is_there() if vectorised is None else vectorised
        self._tile = _tile_type(self.vectorised)
        self._rows: dict[int, dict[int, Tile]] = {}
        self.tiles: list[Tile] = []  # by number
        self._spare: list[int] = []

    def put(self, id: int, point: LatLon) -> tuple[Tile, int]:
        """Add a point under an id of the caller's, 0 to 2**32 - 1; returns its tile and its slot there."""
        tile = self._tile_at(point)
        return tile, tile.put(id, round(point.latitude_deg * E5), round(point.longitude_deg * E5))

    def take(self, number: int, slot: int) -> None:
        """Remove a point; a tile that is left empty goes, and its number is given to another."""
        tile = self.tiles[number]
        tile.take(slot)
        if not tile.occupied:
            row = row_of(tile.centre.latitude_deg)
            del self._rows[row][column_of(tile.centre.longitude_deg, columns_of(row))]
            if not self._rows[row]:
                del self._rows[row]
            self._spare.append(number)

    def touched(self, point: LatLon) -> Iterator[Tile]:
        """The tiles that hold what may lie within 100 ft of a point."""
        latitude_deg, longitude_deg = point
        half_width_deg = 0.0
        for row in reach_rows(latitude_deg):
            tiles = self._rows.get(row)
            if tiles is None:
                continue
            half_width_deg = half_width_deg or reach_half_width_deg(latitude_deg)
            for column in reach_columns(longitude_deg, half_width_deg, columns_of(row)):
                tile = tiles.get(column)
                if tile is not None:
                    yield tile

    def within_reach(self, point: LatLon) -> list[int]:
        """The ids of the points that may lie within 100 ft: all that do, and some up to 16 mm beyond."""
        latitude_e5, longitude_e5 = round(point.latitude_deg * E5), round(point.longitude_deg * E5)
        ids: list[int] = []
        for tile in self.touched(point):
            slots = tile.pick(*tile.offset(latitude_e5, longitude_e5), tile.occupied, None)
            ids.extend(map(tile.ids.__getitem__, slots))
        return ids

    def nbytes(self) -> int:
        """What the index takes."""
        return sum(tile.nbytes() for tile in self.tiles) + 200 * len(self.tiles)  # 200: two dict entries

    def _tile_at(self, point: LatLon) -> Tile:
        row = row_of(point.latitude_deg)
        column = column_of(point.longitude_deg, columns_of(row))
        tiles = self._rows.setdefault(row, {})
        tile = tiles.get(column)
        if tile is None:
            number = self._spare.pop() if self._spare else len(self.tiles)
            tile = tiles[column] = self._tile(number, centre_of(row, column))
            self.tiles[number : number + 1] = [tile]
        return tile


@cache
def numpy_is_there() -> bool:
    """Whether numpy can be imported; it comes with the `backend` extra."""
    return find_spec("numpy") is not None


def _tile_type(vectorised: bool) -> type[Tile]:
    if not vectorised:
        return Tile
    from endcap_backend.match.vector import VectorTile  # numpy costs 100 ms at import; only who vectorises pays

    return VectorTile
