"""The spatial index both modes share: points in tiles, and those within 100 ft of a place."""

from __future__ import annotations

from collections import Counter
from functools import cache
from importlib.util import find_spec

from endcap.geo import LatLon
from endcap_backend.match.tile import E5, Tile
from endcap_backend.match.tiling import cell_of, cells_about, row_of

MOST_REMEMBERED = 65_536  # cells whose tiles about them are remembered: 10 MB


class SpatialIndex:
    """Points by tile. `vectorised` None takes numpy where it is installed; with and without, the answers are the same.

    One owner thread. Held: what is put and not taken, 12 B a point and 600 B a tile.
    """

    def __init__(self, vectorised: bool | None = None) -> None:
        self.vectorised = numpy_is_there() if vectorised is None else vectorised
        self.tiles: list[Tile] = []  # by number
        self.layout = 0  # grows with each tile that comes or goes
        self._tile = _tile_type(self.vectorised)
        self._by_cell: dict[int, Tile] = {}
        self._rows: Counter[int] = Counter()  # how many tiles each row has
        self._about: dict[int, tuple[Tile, ...]] = {}
        self._spare: list[int] = []

    def put(self, id: int, point: LatLon) -> tuple[Tile, int]:
        """Add a point under an id of the caller's, 0 to 2**32 - 1; returns its tile and its slot there."""
        cell = cell_of(*point)
        tile = self._by_cell.get(cell) or self._add(cell)
        return tile, tile.put(id, round(point.latitude_deg * E5), round(point.longitude_deg * E5))

    def take(self, number: int, slot: int) -> None:
        """Remove a point; a tile that is left empty goes, and its number is given to another."""
        tile = self.tiles[number]
        tile.take(slot)
        if not tile.occupied:
            del self._by_cell[tile.cell]
            row = row_of(tile.cell)
            self._rows[row] -= 1
            if not self._rows[row]:
                del self._rows[row]
            self._about.clear()
            self.layout += 1
            self._spare.append(number)

    def about(self, cell: int) -> tuple[Tile, ...]:
        """The tiles that hold what may lie within 100 ft of some point of a cell."""
        tiles = self._about.get(cell)
        return self._find(cell) if tiles is None else tiles

    def within_reach(self, point: LatLon) -> list[int]:
        """The ids of the points that may lie within 100 ft: all that do, and some up to 16 mm beyond."""
        latitude_e5, longitude_e5 = round(point.latitude_deg * E5), round(point.longitude_deg * E5)
        ids: list[int] = []
        for tile in self.about(cell_of(*point)):
            if (offset := tile.look(latitude_e5, longitude_e5)) is not None:
                ids += tile.ids_within(*offset)
        return ids

    def nbytes(self) -> int:
        """What the index takes."""
        return sum(tile.nbytes() for tile in self.tiles) + 150 * (len(self.tiles) + len(self._about))

    def _find(self, cell: int) -> tuple[Tile, ...]:
        row = row_of(cell)
        if not any(near in self._rows for near in (row - 1, row, row + 1)):
            return ()  # nearly everywhere; not worth remembering
        if len(self._about) >= MOST_REMEMBERED:
            self._about.clear()
        found = tuple(tile for near in cells_about(cell) if (tile := self._by_cell.get(near)) is not None)
        self._about[cell] = found
        return found

    def _add(self, cell: int) -> Tile:
        number = self._spare.pop() if self._spare else len(self.tiles)
        tile = self._by_cell[cell] = self._tile(number, cell)
        self.tiles[number : number + 1] = [tile]
        self._rows[row_of(cell)] += 1
        self._about.clear()
        self.layout += 1
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
