"""From a fix to the alerts that come of it: match, then decide. No thread of its own, no I/O but reading the log."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import TypeVar

from endcap.clock import Clock, SystemClock
from endcap.errors import EndcapError
from endcap.messages import (
    CUSTOMERS_ALERTS,
    CUSTOMERS_LOCATIONS,
    PRODUCTS_PROMOTIONS,
    STORES_PRODUCTS,
    CustomerAlert,
    CustomerLocation,
    NearbyPromotion,
    ProductPromotion,
    StoreProduct,
)
from endcap.wire import epoch_ms
from endcap_backend.decide import Decider, Limits
from endcap_backend.log import LogReader, NewRecord, Record
from endcap_backend.match.product import ProductMatch
from endcap_backend.pipeline.deadletter import dead_letter
from endcap_backend.pipeline.history import records_since

M = TypeVar("M")

log = logging.getLogger("endcap.pipeline")

TOPICS = (CUSTOMERS_LOCATIONS, STORES_PRODUCTS, PRODUCTS_PROMOTIONS)
DAY_MS = 86_400_000
NEAREST_SHELVES = 16  # weighed at a fix; in a store a thousand lie within 100 ft, and at most a few are told
FRESH_MS = 120_000  # where she stood longer ago (offline, or we were behind) says nothing of what is near her now
UNKNOWN_M = float("inf")  # the accuracy of where she is when it is the shop that moved


class Matching:
    """The state between fixes and alerts: the match's and the decider's. One owner thread.

    What it answers depends on the order of the records only, not on how they were cut into batches.
    """

    def __init__(self, limits: Limits | None = None, clock: Clock | None = None) -> None:
        self._limits = limits or Limits()
        self._clock = clock or SystemClock()
        self._match = ProductMatch(most_shelves=NEAREST_SHELVES)
        self._decider = Decider(self._limits)
        self._fixes = self._stale = 0
        self._refused: Counter[str] = Counter()

    def rebuild(self, records: LogReader, position: int) -> None:
        """Become what it was when it had handled every record up to `position`: the state is not stored, only read.

        The shop as it stands now, the alerts of the last day, and each shopper's last fix of the last visit's gap.
        """
        now_ms = epoch_ms(self._clock.now())
        for topic in (STORES_PRODUCTS, PRODUCTS_PROMOTIONS):
            for record in records.latest(topic):
                self._change_shop(record)
        for record in records_since(records, now_ms - DAY_MS, (CUSTOMERS_ALERTS,)):
            self._decider.restore(CustomerAlert.from_text(record.value or ""), record.timestamp_ms)
        gap_ms = int(self._limits.visit_gap_s * 1000)
        last: dict[str | None, Record] = {}
        for record in records_since(records, now_ms - gap_ms, (CUSTOMERS_LOCATIONS,)):
            if record.offset > position:
                break
            last.pop(record.key, None)
            last[record.key] = record
        for record in last.values():
            if record.value is None:
                self._forget(record.key or "")
            else:
                self._stand(record)
        log.info("the match is rebuilt: %s", dict(self._match.stats()))

    def handle(self, records: Iterable[Record]) -> list[NewRecord]:
        """The alerts of these records, in their order; a record that can't be read becomes a dead letter."""
        produced: list[NewRecord] = []
        for are_fixes, run in groupby(records, lambda record: record.topic == CUSTOMERS_LOCATIONS):
            if are_fixes:
                produced += self._locate(run)
            else:
                for record in run:
                    produced += self._shop_alerts(record)
        return produced

    def stats(self) -> Mapping[str, float]:
        return {
            "fixes": self._fixes,
            "stale fixes": self._stale,
            **{f"match {name}": count for name, count in self._match.stats().items()},
            **{f"decide {name}": count for name, count in self._decider.stats().items()},
            **{f"unreadable {topic}": count for topic, count in self._refused.items()},
        }

    def _locate(self, records: Iterable[Record]) -> list[NewRecord]:
        """Fixes by micro-batches that hold each shopper once: what she hears at one depends on the one before."""
        produced: list[NewRecord] = []
        fixes: dict[str, tuple[CustomerLocation, int]] = {}
        for record in records:
            if record.value is None:  # a tombstone: she was erased
                produced += self._locate_once(fixes)
                fixes = {}
                self._forget(record.key or "")
                continue
            location = self._read(CustomerLocation.from_text, record, produced)
            if location is None:
                continue
            if location.uid in fixes:
                produced += self._locate_once(fixes)
                fixes = {}
            if self._may_hear(location.uid, record.timestamp_ms):
                fixes[location.uid] = (location, record.timestamp_ms)
            else:
                self._match.stand(location, record.timestamp_ms)
        return produced + self._locate_once(fixes)

    def _may_hear(self, uid: str, at_ms: int) -> bool:
        """Whether a fix can bring an alert at all: it is fresh, and she has room for one."""
        self._fixes += 1
        if self._is_stale(at_ms):
            self._stale += 1
            self._decider.see(uid, at_ms)
            return False
        return self._decider.has_room(uid, at_ms)

    def _is_stale(self, at_ms: int) -> bool:
        return epoch_ms(self._clock.now()) - at_ms > FRESH_MS

    def _locate_once(self, fixes: Mapping[str, tuple[CustomerLocation, int]]) -> list[NewRecord]:
        produced: list[NewRecord] = []
        found = self._match.locate_many(list(fixes.values()))
        for (location, at_ms), rows in zip(fixes.values(), found, strict=True):
            produced += self._alerts(location.uid, rows, at_ms, location.accuracy_m)
        return produced

    def _forget(self, uid: str) -> None:
        self._match.forget(uid)
        self._decider.forget(uid)

    def _shop_alerts(self, record: Record) -> list[NewRecord]:
        """What shoppers hear because a shelf or a promotion changed while they stand there."""
        produced: list[NewRecord] = []
        by_uid: dict[str, list[NearbyPromotion]] = {}
        rows = self._change_shop(record, produced)
        if self._is_stale(record.timestamp_ms):  # the shop as it was when we were down; her next fix will find it
            for row in rows:
                self._match.retract(row.uid, [(row.sku, row.store)])
            return produced
        for row in rows:
            by_uid.setdefault(row.uid, []).append(row)
        for uid, rows in by_uid.items():
            produced += self._alerts(uid, rows, record.timestamp_ms, UNKNOWN_M)
        return produced

    def _change_shop(self, record: Record, refused: list[NewRecord] | None = None) -> list[NearbyPromotion]:
        if record.topic == STORES_PRODUCTS:
            product = self._read(StoreProduct.from_text, record, refused)
            return self._match.place(product, record.timestamp_ms) if product else []
        promotion = self._read(ProductPromotion.from_text, record, refused)
        return self._match.promote(promotion, record.timestamp_ms) if promotion else []

    def _stand(self, record: Record) -> None:
        """Put a shopper back where she stood; what is near her there she may still hear at her next fix."""
        if location := self._read(CustomerLocation.from_text, record):
            self._match.stand(location, record.timestamp_ms)
            self._decider.resume(location.uid, record.timestamp_ms)

    def _alerts(
        self, uid: str, rows: Sequence[NearbyPromotion], at_ms: int, accuracy_m: float | None
    ) -> list[NewRecord]:
        choice = self._decider.take(uid, rows, at_ms, accuracy_m)
        self._match.retract(uid, [(each.sku, each.store) for each in choice.waiting if each.sku is not None])
        return [NewRecord(CUSTOMERS_ALERTS, uid, alert.to_text(), at_ms, alert.id) for alert in choice.alerts]

    def _read(self, read: Callable[[str], M], record: Record, refused: list[NewRecord] | None = None) -> M | None:
        try:
            return read(record.value or "")
        except EndcapError as fault:
            self._refused[record.topic] += 1
            if refused is not None:
                refused.append(dead_letter(record, str(fault), "match"))
            return None
