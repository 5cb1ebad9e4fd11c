"""A micro-batch of fixes: what each may be told is narrowed, a tile's fixes at once, before they are told in turn.

A batch only ever leaves out what lies beyond 100 ft or was told before the batch began, so that the rows are those of
the fixes one by one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from endcap.messages import CustomerLocation
from endcap_backend.match.offers import Offers, Shelves
from endcap_backend.match.shoppers import Shopper
from endcap_backend.match.tile import E5, Tile

Asked = tuple[Shopper | None, CustomerLocation, int, int, Shelves]  # with her cell and moment, and what may be news
WORTH_A_BLOCK = 4  # fixes in a tile; fewer are faster one by one


class Batch:
    """Fixes in order, and of each the shelves that may be news: first those untold, then those of them within reach."""

    def __init__(self, offers: Offers) -> None:
        self._offers = offers
        self._asked: list[Asked] = []
        self._by_tile: defaultdict[Tile, list[tuple[Shelves, int, int]]] = defaultdict(list)  # with offsets

    def add(self, shopper: Shopper | None, location: CustomerLocation, moment_ms: int) -> None:
        """One fix and whose it is; None when it came too late."""
        shelves: Shelves = {}
        self._asked.append((shopper, location, 0 if shopper is None else shopper.cell, moment_ms, shelves))
        tiles = () if shopper is None else self._offers.index.about(shopper.cell)
        if not tiles:
            return
        latitude_e5, longitude_e5 = round(location.latitude_deg * E5), round(location.longitude_deg * E5)
        for tile in tiles:
            east, north = tile.offset(latitude_e5, longitude_e5)
            if tile.touches(east, north):
                untold = self._offers.fronts[tile.number].untold(location.uid, moment_ms)
                if untold:
                    shelves[tile] = untold
                    self._by_tile[tile].append((shelves, east, north))

    def reached(self) -> Iterator[Asked]:
        """The fixes with the shelves that may be news to them."""
        from endcap_backend.match.vector import VectorTile, reached  # only who has numpy makes a batch

        for tile, fixes in self._by_tile.items():
            if len(fixes) < WORTH_A_BLOCK or not isinstance(tile, VectorTile) or tile.polar:
                continue
            squares = tile.squares_many([east for _, east, _ in fixes], [north for _, _, north in fixes])
            for (shelves, _, _), within in zip(fixes, reached(squares), strict=True):
                shelves[tile] &= within
                if not shelves[tile]:
                    del shelves[tile]
        return iter(self._asked)
