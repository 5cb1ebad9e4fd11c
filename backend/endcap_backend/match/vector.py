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

    def ids_within(self, east: int, north: int) -> list[int]:
        if self.polar or len(self.ids) <= FEW:
            return super().ids_within(east, north)
        ids: list[int] = self._columns()[2][self.squares(east, north) <= REACH_SQUARED].tolist()
        return ids

    def squares(self, east: int, north: int) -> Floats:
        """Squared distances in units from an offset to every slot."""
        easts, norths, _ = self._columns()
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

    def reached(self, offsets: Sequence[tuple[int, int]]) -> list[int]:
        """For each offset the set of slots that may be within 100 ft: one product of two narrow matrices."""
        slot_easts, slot_norths, _ = self._columns()
        squeeze = np.float32(self.shrink**0.5)
        slot_easts = slot_easts * squeeze
        slots = np.stack((-2 * slot_easts, -2 * slot_norths, slot_easts**2 + slot_norths**2, np.ones_like(slot_easts)))
        fix_easts, fix_norths = np.array(offsets, np.float32).T
        fix_easts = fix_easts * squeeze
        fixes = np.stack((fix_easts, fix_norths, np.ones_like(fix_easts), fix_easts**2 + fix_norths**2), axis=1)
        with np.errstate(invalid="ignore"):  # a freed slot is no number
            within = fixes @ slots <= REACH_SQUARED
        packed = np.packbits(within, axis=1, bitorder="little")
        width, data = packed.shape[1], packed.tobytes()
        return [int.from_bytes(data[at : at + width], "little") for at in range(0, len(data), width)]

    def _columns(self) -> tuple[Floats, Floats, npt.NDArray[np.uint32]]:
        if self.views is None:
            easts, norths = np.frombuffer(self.easts, np.float32), np.frombuffer(self.norths, np.float32)
            self.views = (easts, norths, np.frombuffer(self.ids, np.uint32))
        views: tuple[Floats, Floats, npt.NDArray[np.uint32]] = self.views
        return views


def _booleans(mask: int, count: int) -> npt.NDArray[np.bool_]:
    data = np.frombuffer(mask.to_bytes((count + 7) // 8, "little"), np.uint8)
    return np.unpackbits(data, count=count, bitorder="little").view(np.bool_)
