"""Telling live promotions again, and where their products stand, before the windows of the match let them vanish.

The seed's SQL joins by time: a promotion and a placement within an hour of each other, and what comes of it and a fix
within 30 minutes. What is told once is forgotten; an ended promotion is not told again, and so it ends there, too.
"""

from __future__ import annotations

import logging

from sqlalchemy import and_, select

from endcap.clock import Clock
from endcap.wire import epoch_ms
from endcap_backend.retail.catalogue import chunks, placements_by, promotions_by, tell
from endcap_backend.retail.database import Database
from endcap_backend.retail.promoted import live
from endcap_backend.retail.schema import Placement, Product, Promotion
from endcap_backend.retail.terms import ShopPromotion

log = logging.getLogger("endcap.retail")

PROMOTIONS_EVERY_S = 20 * 60.0  # of the 30 minutes in which a fix finds one, ten are left to be late
PLACEMENTS_EVERY_S = 50 * 60.0  # of the hour in which a promotion finds one
LOOK_EVERY_S = 30.0  # how late a promotion that begins may be told

Goods = tuple[str, int | None]  # segment and SKU, as a promotion names them


class Refresh:
    """What has been told since the start; a new one tells everything that is live. One thread: the upkeep's."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._live: dict[str, Goods] = {}
        self._promotions_at_s = self._placements_at_s = float("-inf")

    def look(self) -> int:
        """Put on its way what is due: of all live promotions, or of those that began since; how many records."""
        now, now_s = self._clock.now(), self._clock.monotonic()
        with self._database.reading() as connection:
            found = promotions_by(connection, and_(*live(now)))
        new = {pid: each for pid, each in found.items() if self._live.get(pid) != _goods(each)}
        all_placements = now_s - self._placements_at_s >= PLACEMENTS_EVERY_S
        all_promotions = all_placements or now_s - self._promotions_at_s >= PROMOTIONS_EVERY_S
        told = self._tell(found if all_placements else new, found if all_promotions else new)
        self._live = {pid: _goods(each) for pid, each in found.items()}
        self._placements_at_s = now_s if all_placements else self._placements_at_s
        self._promotions_at_s = now_s if all_promotions else self._promotions_at_s
        return told

    def _tell(self, placed: dict[str, ShopPromotion], promoted: dict[str, ShopPromotion]) -> int:
        """Where the products of some promotions stand, then other promotions; a part at a time, so others may write."""
        told = 0
        at_ms = epoch_ms(self._clock.now())
        for skus in chunks(self._skus({_goods(each) for each in placed.values()})):
            with self._database.writing() as connection:
                shelves = list(placements_by(connection, Placement.sku.in_(skus)).values())
                tell(connection, shelves, at_ms)
            told += len(shelves)
        for pids in chunks(sorted(promoted)):
            with self._database.writing() as connection:
                now_there = promotions_by(connection, Promotion.pid.in_(pids))  # one may have changed meanwhile
                tell(connection, [each.published() for each in now_there.values()], at_ms)
            told += len(now_there)
        if told:
            log.info("told again before it is forgotten: %d records", told)
        return told

    def _skus(self, goods: set[Goods]) -> list[int]:
        """The products that are promoted, each once."""
        by_sku = {sku for _, sku in goods if sku is not None}
        segments = sorted({segment for segment, sku in goods if sku is None})
        with self._database.reading() as connection:
            for some in chunks(segments):
                by_sku |= set(connection.execute(select(Product.sku).where(Product.segment.in_(some))).scalars())
        return sorted(by_sku)


def _goods(promotion: ShopPromotion) -> Goods:
    return promotion.segment, promotion.sku
