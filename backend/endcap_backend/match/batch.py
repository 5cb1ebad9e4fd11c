"""A micro-batch of fixes: what each may be told is narrowed, a tile's fixes at once, before they are told in turn.

A batch only ever leaves out what lies beyond 100 ft or was told before the batch began, so that the rows are those of
the fixes one by one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from endcap.messages import CustomerLocation
from endcap_backend.match.offers import Shelves
from endcap_backend.match.shoppers import Shopper
from endcap_backend.match.tile import E5, Tile

Asked = tuple[int, Shopper, CustomerLocation, int, Shelves]  # place in the batch, whose, where, when, what may be news
WORTH_A_BLOCK = 4  # fixes in a tile; fewer are faster one by one


class Batch:
    """Fixes in order, and of each the shelves that may be news: first those untold, then those of them within reach."""

    def __init__(self) -> None:
        self._asked: list[Asked] = []
        self._by_tile: defaultdict[Tile, list[tuple[Shelves, tuple[int, int]]]] = defaultdict(list)  # with offsets

    def add(self, at: int, shopper: Shopper, location: CustomerLocation, moment_ms: int, untold: Shelves) -> None:
        """A fix, and the shelves about it that are untold."""
        latitude_e5, longitude_e5 = round(location.latitude_deg * E5), round(location.longitude_deg * E5)
        shelves: Shelves = {}
        for tile, among in untold.items():
            offset = tile.look(latitude_e5, longitude_e5)
            if offset is not None:
                shelves[tile] = among
                self._by_tile[tile].append((shelves, offset))
        if shelves:
            self._asked.append((at, shopper, location, moment_ms, shelves))

    def narrowed(self) -> Iterator[Asked]:
        """The fixes that may have news, in order."""
        from endcap_backend.match.vector import VectorTile  # only who has numpy makes a batch

        for tile, fixes in self._by_tile.items():
            if len(fixes) < WORTH_A_BLOCK or not isinstance(tile, VectorTile) or tile.polar:
                continue
            within = tile.reached([offset for _, offset in fixes])
            for (shelves, _), reached in zip(fixes, within, strict=True):
                shelves[tile] &= reached
        return (asked for asked in self._asked if any(asked[4].values()))
