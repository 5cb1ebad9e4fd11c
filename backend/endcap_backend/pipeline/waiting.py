"""What was found near a shopper and not told yet: the rows that may still become an alert when she has room."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime
from math import inf
from typing import NamedTuple

from endcap.geo import FEET_PER_KM, NEAR_FT, LatLon, haversine_km
from endcap.messages import NearbyPromotion, ProductPromotion, StoreProduct
from endcap.wire import from_epoch_ms
from endcap_backend.decide.candidates import Candidate

Shelf = tuple[int, str | None]  # SKU and store
MOST_SHELVES = 256  # of each shopper, 150 kB; beyond it the one found longest ago goes


class Found(NamedTuple):
    """A row of `NEARBY_CUSTOMERS`, and when that was. `barred`: it is for members, and she is none."""

    row: NearbyPromotion
    at_ms: int
    barred: bool = False


class There(NamedTuple):
    """Of a shelf: who waits for it, and for which promotions somebody has since the first of them came."""

    uids: set[str]
    pids: set[str]


class Waiting:
    """Rows by shopper and shelf, the latest of each promotion. One owner thread.

    Only rows that say where the shelf stands can wait: whether she is still near it is worked out anew at each fix.
    """

    def __init__(self) -> None:
        self._hers: dict[str, dict[Shelf, dict[str, Found]]] = {}
        self._at: defaultdict[Shelf, There] = defaultdict(lambda: There(set(), set()))
        self._of: defaultdict[str, set[Shelf]] = defaultdict(set)  # by promotion, as `There` has it by shelf

    def __len__(self) -> int:
        return sum(map(len, self._hers.values()))

    def add(self, row: NearbyPromotion, at_ms: int) -> None:
        shelves = self._hers.setdefault(row.uid, {})
        shelf = (row.sku, row.store)
        found = shelves.pop(shelf, {})
        found[row.pid] = Found(row, at_ms)
        shelves[shelf] = found
        self._at[shelf].uids.add(row.uid)
        self._at[shelf].pids.add(row.pid)
        self._of[row.pid].add(shelf)
        if len(shelves) > MOST_SHELVES:
            self.settle(row.uid, [next(iter(shelves))])

    def near(
        self, uid: str, point: LatLon, at_ms: int, most: int, only: Collection[Shelf] | None = None
    ) -> list[NearbyPromotion]:
        """The rows of the nearest `most` shelves within 100 ft of a point, as seen from there: in stock, not over."""
        reached: list[tuple[float, int, str, list[NearbyPromotion]]] = []
        shelves, now = self._hers.get(uid, {}), from_epoch_ms(at_ms)
        for shelf in shelves if only is None else [each for each in only if each in shelves]:
            rows = [found.row for found in shelves[shelf].values() if not found.barred and _holds(found.row, now)]
            distance_ft = _distance_ft(point, rows[0]) if rows else inf
            if distance_ft <= NEAR_FT:
                reached.append((distance_ft, shelf[0], shelf[1] or "", rows))
        reached.sort(key=lambda each: each[:3])
        return [
            replace(row, latitude_deg=point.latitude_deg, longitude_deg=point.longitude_deg, distance_ft=distance_ft)
            for distance_ft, _, _, rows in reached[:most]
            for row in rows
        ]

    def settle(self, uid: str, shelves: Iterable[Shelf], barred: Collection[str] = ()) -> None:
        """She was told of these, or never will be; but what `barred` names, by promotion, if she becomes a member."""
        hers = self._hers.get(uid, {})
        for shelf in shelves:
            kept = {pid: found._replace(barred=True) for pid, found in hers.get(shelf, {}).items() if pid in barred}
            if kept:
                hers[shelf] = kept
            elif hers.pop(shelf, None) is not None:
                self._leave(uid, shelf)
        if not hers:
            self._hers.pop(uid, None)

    def unbar(self, uid: str) -> None:
        """She has become a member: what she was kept from waits as all else does."""
        for found in self._hers.get(uid, {}).values():
            found.update({pid: each._replace(barred=False) for pid, each in found.items()})

    def forget(self, uid: str) -> None:
        self.settle(uid, list(self._hers.get(uid, ())))

    def place(self, product: StoreProduct, at_ms: int) -> None:
        """A shelf changed: rows from before have its price and stock now; when its place or its kind of product did,
        they are of the past."""
        shelf = (product.sku, product.store)
        for uid in self._who(shelf):
            found = self._hers[uid][shelf]
            for pid, (row, found_ms, barred) in list(found.items()):
                if found_ms > at_ms:
                    continue
                if (row.shelf_latitude_deg, row.shelf_longitude_deg, row.segment) == (*product.point, product.segment):
                    found[pid] = Found(replace(row, price=product.price, stock=product.stock), found_ms, barred)
                else:
                    del found[pid]
            if not found:
                self.settle(uid, [shelf])

    def promote(self, promotion: ProductPromotion, at_ms: int) -> None:
        """A promotion changed: rows from before that say otherwise are of the past."""
        for shelf in list(self._of.get(promotion.pid, ())):
            for uid in self._who(shelf):
                found = self._hers[uid][shelf]
                told = found.get(promotion.pid)
                if told is not None and told.at_ms <= at_ms and not _agree(told.row, promotion):
                    del found[promotion.pid]
                    if not found:
                        self.settle(uid, [shelf])

    def _who(self, shelf: Shelf) -> list[str]:
        return list(self._at[shelf].uids) if shelf in self._at else []

    def _leave(self, uid: str, shelf: Shelf) -> None:
        there = self._at[shelf]
        there.uids.discard(uid)
        if there.uids:
            return
        del self._at[shelf]
        for pid in there.pids:
            self._of[pid].discard(shelf)
            if not self._of[pid]:
                del self._of[pid]


def is_placed(row: NearbyPromotion) -> bool:
    """Whether a row says where the shelf stands, and so can wait."""
    return row.shelf_latitude_deg is not None and row.shelf_longitude_deg is not None


def _distance_ft(point: LatLon, row: NearbyPromotion) -> float:
    assert row.shelf_latitude_deg is not None
    assert row.shelf_longitude_deg is not None
    return haversine_km(*point, row.shelf_latitude_deg, row.shelf_longitude_deg) * FEET_PER_KM


def _holds(row: NearbyPromotion, now: datetime) -> bool:
    return row.stock != 0 and (row.ends_at is None or now < row.ends_at)


def _agree(row: NearbyPromotion, promotion: ProductPromotion) -> bool:
    same = (row.title, row.discount, row.ends_at) == (promotion.title, promotion.discount, promotion.ends_at)
    fits = promotion.sku == row.sku if promotion.sku is not None else promotion.segment == row.segment
    return same and fits


def shelves_of(found: Iterable[NearbyPromotion | Candidate]) -> list[Shelf]:
    """The shelves that rows or candidates are of, each once."""
    return list(dict.fromkeys((each.sku, each.store) for each in found if each.sku is not None))
