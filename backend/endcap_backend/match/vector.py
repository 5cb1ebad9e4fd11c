"""The tile's arithmetic in numpy: one fix against a tile, or many at once; the same answers as `tile.py`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from endcap_backend.match.tile import FEW, REACH_SQUARED, Tile, furthest

Floats = npt.NDArray[np.float32]


class VectorTile(Tile):
    """A tile whose columns numpy looks at in place."""

    __slots__ = ()

    def pick(self, east: int, north: int, among: int, count: int | None) -> Sequence[int]:
        if self.polar or among.bit_count() <= FEW:
            return super().pick(east, north, among, count)
        return self.pick_squares(self.squares(east, north), among, count)

    def squares(self, east: int, north: int) -> Floats:
        """Squared distances in units from an offset to every slot."""
        easts, norths = self._columns()
        to_east = easts - east
        to_east *= to_east
        to_east *= np.float32(self.shrink)
        to_north = norths - north
        to_north *= to_north
        to_east += to_north
        return to_east

    def pick_squares(self, squares: Floats, among: int, count: int | None) -> Sequence[int]:
        """`pick` with the squared distances at hand."""
        within = squares <= REACH_SQUARED
        if among != self.occupied:
            within &= _booleans(among, len(squares))
        hits = np.flatnonzero(within)
        if count is not None and len(hits) > count:
            near = squares[hits]
            hits = hits[near <= furthest(float(np.partition(near, count - 1)[count - 1]))]
        slots: list[int] = hits.tolist()
        return slots

    def squares_many(self, easts: Sequence[int], norths: Sequence[int]) -> Floats:
        """A row of `squares` for each offset."""
        slot_easts, slot_norths = self._columns()
        squares = slot_easts - np.asarray(easts, np.float32)[:, None]
        squares *= squares
        squares *= np.float32(self.shrink)
        to_north = slot_norths - np.asarray(norths, np.float32)[:, None]
        to_north *= to_north
        squares += to_north
        return squares

    def _columns(self) -> tuple[Floats, Floats]:
        if self.views is None:
            self.views = (np.frombuffer(self.easts, np.float32), np.frombuffer(self.norths, np.float32))
        views: tuple[Floats, Floats] = self.views
        return views


def reached(squares: Floats) -> list[int]:
    """For each row of squared distances, the set of slots within reach."""
    packed = np.packbits(squares <= REACH_SQUARED, axis=1, bitorder="little")
    width = packed.shape[1]
    data = packed.tobytes()
    return [int.from_bytes(data[at : at + width], "little") for at in range(0, len(data), width)]


def _booleans(mask: int, count: int) -> npt.NDArray[np.bool_]:
    data = np.frombuffer(mask.to_bytes((count + 7) // 8, "little"), np.uint8)
    return np.unpackbits(data, count=count, bitorder="little").view(np.bool_)
