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
    CUSTOMERS_EVENTS,
    CUSTOMERS_LOCATIONS,
    PRODUCTS_PROMOTIONS,
    STORES_PRODUCTS,
    WITHHELD,
    CustomerAlert,
    CustomerEvent,
    CustomerLocation,
    NearbyPromotion,
    ProductPromotion,
    StoreProduct,
)
from endcap.wire import epoch_ms
from endcap_backend.decide import Choice, Decider, Limits
from endcap_backend.log import LogReader, NewRecord, Record
from endcap_backend.match.product import ProductMatch
from endcap_backend.pipeline.deadletter import dead_letter
from endcap_backend.pipeline.history import records_since
from endcap_backend.pipeline.learning import Learning
from endcap_backend.pipeline.seeking import seekers, sought_near
from endcap_backend.pipeline.waiting import shelves_of
from endcap_backend.pipeline.withheld import as_withheld

M = TypeVar("M")

log = logging.getLogger("endcap.pipeline")

TOPICS = (CUSTOMERS_LOCATIONS, STORES_PRODUCTS, PRODUCTS_PROMOTIONS, CUSTOMERS_EVENTS)
DAY_MS = 86_400_000
NEAREST_SHELVES = 16  # weighed at a fix; in a store a thousand lie within 100 ft, and at most a few are told
FRESH_MS = 120_000  # where she stood longer ago (offline, or we were behind) says nothing of what is near her now
UNKNOWN_M = float("inf")  # the accuracy of where she is when it is the shop that moved


class Matching:
    """The state between fixes and alerts: the match's and the decider's. One owner thread.

    What it answers depends on the order of the records only, not on how they were cut into batches.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        clock: Clock | None = None,
        *,
        learning: Learning | None = None,
        held_out: float = 0.0,
        currency: str = "EUR",
    ) -> None:
        self._limits = limits or Limits()
        self._clock = clock or SystemClock()
        self._match = ProductMatch(most_shelves=NEAREST_SHELVES)
        self._learning = learning or Learning(clock=self._clock)
        self._decider = Decider(self._limits, knowledge=self._learning.knowledge, held_out=held_out, currency=currency)
        self._fixes = self._stale = 0
        self._refused: Counter[str] = Counter()

    def rebuild(self, records: LogReader, position: int) -> None:
        """Become what it was when it had handled every record up to `position`: the state is not stored, only read.

        The shop as it stands now, what was told (or withheld) in the last day, and of the last visit's gap each
        shopper's last fix and what happened on her phone.
        """
        now_ms = epoch_ms(self._clock.now())
        gap_ms = now_ms - int(self._limits.visit_gap_s * 1000)
        for topic in (STORES_PRODUCTS, PRODUCTS_PROMOTIONS):
            for record in records.latest(topic):
                self._change_shop(record)
        for record in records_since(records, now_ms - DAY_MS, (CUSTOMERS_ALERTS, CUSTOMERS_EVENTS)):
            self._restore(record)
        self._resume(records_since(records, gap_ms, (CUSTOMERS_LOCATIONS,)), position)
        for record in records_since(records, gap_ms, (CUSTOMERS_EVENTS,)):
            if record.offset <= position and (event := self._read(CustomerEvent.from_text, record)) is not None:
                self._note(event, record.timestamp_ms)
        log.info("the match is rebuilt: %s", dict(self._match.stats()))

    def handle(self, records: Sequence[Record]) -> list[NewRecord]:
        """The alerts of these records, in their order; a record that can't be read becomes a dead letter."""
        self._learn(records)
        produced: list[NewRecord] = []
        for topic, run in groupby(records, lambda record: record.topic):
            if topic == CUSTOMERS_LOCATIONS:
                produced += self._locate(run)
            elif topic == CUSTOMERS_EVENTS:
                for record in run:
                    produced += self._event_alerts(record)
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
            **{f"knowledge {name}": count for name, count in self._learning.stats().items()},
            **{f"unreadable {topic}": count for topic, count in self._refused.items()},
        }

    def _learn(self, records: Sequence[Record]) -> None:
        """Before anything is decided: what is known of the shoppers in a batch. Who became a member hears anew."""
        uids = {each.key for each in records if each.topic == CUSTOMERS_LOCATIONS and each.key is not None}
        promoted = any(each.topic == PRODUCTS_PROMOTIONS for each in records)
        for uid in self._learning.attend(uids, terms_changed=promoted):
            self._match.hear_anew(uid)

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
                produced += self._help(location.uid, record.timestamp_ms)
        return produced + self._locate_once(fixes)

    def _may_hear(self, uid: str, at_ms: int) -> bool:
        """Whether a fix can bring an alert at all: it is fresh, and she has room for one."""
        self._fixes += 1
        if self._is_stale(at_ms):
            self._stale += 1
            self._decider.see(uid, at_ms)
            return False
        return self._decider.has_room(uid, at_ms)

    def _help(self, uid: str, at_ms: int) -> list[NewRecord]:
        """Who has no room for offers may still need help."""
        if self._is_stale(at_ms) or not self._decider.lingers(uid, at_ms):
            return []
        return self._written(uid, self._decider.take(uid, (), at_ms), at_ms)

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

    def _event_alerts(self, record: Record) -> list[NewRecord]:
        """What she hears because of what happened on her phone: whether she needs help, once she lingers."""
        produced: list[NewRecord] = []
        event = self._read(CustomerEvent.from_text, record, produced) if record.value is not None else None
        if event is None or not self._note(event, record.timestamp_ms) or self._is_stale(record.timestamp_ms):
            return produced
        return produced + self._alerts(event.uid, (), record.timestamp_ms, UNKNOWN_M)

    def _note(self, event: CustomerEvent, at_ms: int) -> bool:
        return event.kind != WITHHELD and self._decider.note(event, at_ms)

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
        for uid in self._seekers(record):
            by_uid.setdefault(uid, [])
        for uid, rows in by_uid.items():
            produced += self._alerts(uid, rows, record.timestamp_ms, UNKNOWN_M)
        return produced

    def _seekers(self, record: Record) -> Iterable[str]:
        """Who stands near a shelf that changed and wishes what is on it: its price may have come down."""
        if record.topic != STORES_PRODUCTS or not self._decider.anybody_seeks:
            return ()
        if (product := self._read(StoreProduct.from_text, record)) is None:
            return ()
        return seekers(self._decider, self._match, product, record.timestamp_ms)

    def _change_shop(self, record: Record, refused: list[NewRecord] | None = None) -> list[NearbyPromotion]:
        if record.topic == STORES_PRODUCTS:
            product = self._read(StoreProduct.from_text, record, refused)
            return self._match.place(product, record.timestamp_ms) if product else []
        promotion = self._read(ProductPromotion.from_text, record, refused)
        return self._match.promote(promotion, record.timestamp_ms) if promotion else []

    def _restore(self, record: Record) -> None:
        """Remember an alert that she was told, or would have been."""
        if record.topic == CUSTOMERS_ALERTS:
            self._decider.restore(CustomerAlert.from_text(record.value or ""), record.timestamp_ms)
        elif (event := self._read(CustomerEvent.from_text, record)) is not None and event.kind == WITHHELD:
            self._decider.restore_withheld(event, record.timestamp_ms)

    def _resume(self, fixes: Iterable[Record], position: int) -> None:
        """Put every shopper back where she stood; what is near her there she may still hear at her next fix."""
        last: dict[str | None, Record] = {}
        for record in fixes:
            if record.offset > position:
                break
            last.pop(record.key, None)
            last[record.key] = record
        for record in last.values():
            if record.value is None:
                self._forget(record.key or "")
            elif location := self._read(CustomerLocation.from_text, record):
                self._match.stand(location, record.timestamp_ms)
                self._decider.resume(location.uid, record.timestamp_ms)

    def _alerts(
        self, uid: str, rows: Sequence[NearbyPromotion], at_ms: int, accuracy_m: float | None
    ) -> list[NewRecord]:
        shelves = sought_near(self._decider, self._match, uid, at_ms)
        if not (rows or shelves or self._decider.lingers(uid, at_ms)):
            return []
        choice = self._decider.take(uid, rows, at_ms, accuracy_m, shelves)
        found = shelves_of(rows)  # what she seeks besides is looked at anyway
        self._match.retract(uid, [shelf for shelf in shelves_of(choice.waiting) if shelf in found])
        return self._written(uid, choice, at_ms)

    def _written(self, uid: str, choice: Choice, at_ms: int) -> list[NewRecord]:
        withheld = [as_withheld(alert, at_ms) for alert in choice.withheld]
        told = [NewRecord(CUSTOMERS_ALERTS, uid, alert.to_text(), at_ms, alert.id) for alert in choice.alerts]
        return told + withheld

    def _read(self, read: Callable[[str], M], record: Record, refused: list[NewRecord] | None = None) -> M | None:
        try:
            return read(record.value or "")
        except EndcapError as fault:
            self._refused[record.topic] += 1
            if refused is not None:
                refused.append(dead_letter(record, str(fault), "match"))
            return None
