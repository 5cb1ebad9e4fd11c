"""The decision on Kafka: whoever has a shopper's partition of `NEARBY_CUSTOMERS` decides what she is told."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from endcap.clock import Clock, SystemClock
from endcap.errors import EndcapError
from endcap.messages import (
    CUSTOMERS_ALERTS,
    NEARBY_CUSTOMERS,
    CustomerAlert,
    CustomerLocation,
    NearbyPromotion,
    StoreProduct,
)
from endcap.wire import epoch_ms
from endcap_backend.decide import Limits
from endcap_backend.pipeline.deciding import Deciding
from endcap_backend.pipeline.kafka import KafkaSettings
from endcap_backend.pipeline.stages.marks import FIX, PART, SHOP
from endcap_backend.pipeline.stages.match import read_change
from endcap_backend.pipeline.stages.reading import ends_of, offsets_at, read_between
from endcap_backend.pipeline.stages.records import Inflow, Outcome, Outflow, Share, Start, dead_letter
from endcap_backend.pipeline.stages.shop import TOPICS as SHOP_TOPICS
from endcap_backend.pipeline.stages.shop import ShopTopics
from endcap_backend.pipeline.stages.stage import Stage
from endcap_backend.pipeline.stages.topics import check_alike, ensure_topics

log = logging.getLogger("endcap.stages")

NAME = "decide"
REMEMBERED_MS = 72 * 3600_000  # alerts read again, so that nobody is told twice; as long as they are kept


class Decisions:
    """One partition's shoppers."""

    def __init__(self, number: int, limits: Limits, clock: Clock) -> None:
        self._number = number
        self.deciding = Deciding(limits, clock)
        self._loose: list[NearbyPromotion] = []  # rows of one shopper and moment that no mark follows
        self._loose_ms = 0

    def handle(self, records: Sequence[Inflow]) -> Outcome:
        produced: list[Outflow] = []
        for record in records:
            if self._loose and (PART in record.headers or not self._goes_on(record)):
                self._tell_loose(produced)
            self._take(record, produced)
        if self._loose:
            self._tell_loose(produced)
        return Outcome(produced, len(records))

    def note(self) -> str:
        return ""

    def recall(self, record: Inflow) -> None:
        """Take in a record that was dealt with: what it found may still be waiting."""
        if record.value is not None:
            row = _row(record)
            if row is not None:
                self.deciding.found(row, record.timestamp_ms)
        elif FIX in record.headers:
            self.deciding.resume(CustomerLocation.from_text(record.headers[FIX]), record.timestamp_ms)
        elif SHOP not in record.headers:
            self.deciding.forget(record.key or "")

    def _take(self, record: Inflow, produced: list[Outflow]) -> None:
        at_ms = record.timestamp_ms
        if record.value is not None:
            row = _row(record, produced)
            if row is not None and PART in record.headers:
                self.deciding.found(row, at_ms)
            elif row is not None:
                self._loose.append(row)
                self._loose_ms = at_ms
        elif FIX in record.headers:
            location = CustomerLocation.from_text(record.headers[FIX])
            produced += self._written(self.deciding.fix(location, at_ms), at_ms)
        elif SHOP in record.headers:
            produced += self._written(self.deciding.shop(record.key or "", at_ms), at_ms)
        else:
            self.deciding.forget(record.key or "")

    def _goes_on(self, record: Inflow) -> bool:
        return (record.key, record.timestamp_ms) == (self._loose[0].uid, self._loose_ms)

    def _tell_loose(self, produced: list[Outflow]) -> None:
        rows, self._loose = self._loose, []
        produced += self._written(self.deciding.told_of(rows[0].uid, rows, self._loose_ms), self._loose_ms)

    def _written(self, alerts: Iterable[CustomerAlert], at_ms: int) -> list[Outflow]:
        return [Outflow(CUSTOMERS_ALERTS, each.uid, each.to_text(), at_ms, self._number) for each in alerts]


class DecisionWork:
    """The work of the stage: it also follows the shop, for what waits."""

    def __init__(self, settings: KafkaSettings, limits: Limits, clock: Clock) -> None:
        self._settings = settings
        self._limits = limits
        self._clock = clock
        self._shop = ShopTopics(settings)
        self._shares: dict[int, Decisions] = {}

    def take_on(self, starts: Mapping[int, Start]) -> Mapping[int, Share]:
        """Read again the alerts that were decided, the rows of the last visit's gap, and the shop's changes in it."""
        now_ms = epoch_ms(self._clock.now())
        gap_ms = int(self._limits.visit_gap_s * 1000)
        self._shop.begin()
        taken = {number: Decisions(number, self._limits, self._clock) for number in starts}
        for record in self._alerts(starts, now_ms - REMEMBERED_MS):
            taken[record.partition].deciding.restore(CustomerAlert.from_text(record.value or b""), record.timestamp_ms)
        for record in self._rows(starts, now_ms - gap_ms):
            taken[record.partition].recall(record)
        since = offsets_at(self._settings, list(self._shop.positions), now_ms - gap_ms)
        self._apply(self._shop.past(since), taken)
        self._shares |= taken
        log.info("the decisions of partitions %s are rebuilt", sorted(taken))
        return taken

    def look(self, shares: Mapping[int, Share]) -> None:
        self._shares = {number: share for number, share in shares.items() if isinstance(share, Decisions)}
        if self._shares:
            self._apply(self._shop.take(), self._shares)

    def stats(self) -> Mapping[str, float]:
        total: Counter[str] = Counter()
        for share in list(self._shares.values()):
            total.update(share.deciding.stats())
        return dict(total)

    def close(self) -> None:
        self._shop.close()

    def _alerts(self, starts: Mapping[int, Start], since_ms: int) -> Iterable[Inflow]:
        places = [(CUSTOMERS_ALERTS, number) for number in starts]
        # settled: what the last owner decided just before it let go must be known
        first, ends = offsets_at(self._settings, places, since_ms), ends_of(self._settings, places, settled=True)
        return read_between(self._settings, {place: (first[place], ends[place]) for place in places})

    def _rows(self, starts: Mapping[int, Start], since_ms: int) -> Iterable[Inflow]:
        done = {(NEARBY_CUSTOMERS, number): start.positions[NEARBY_CUSTOMERS] or 0 for number, start in starts.items()}
        first = offsets_at(self._settings, list(done), since_ms)
        return read_between(self._settings, {place: (first[place], end) for place, end in done.items()})

    def _apply(self, records: Iterable[Inflow], shares: Mapping[int, Decisions]) -> None:
        for record in records:
            change = read_change(record)
            for share in shares.values() if change is not None else ():
                if isinstance(change, StoreProduct):
                    share.deciding.place(change, record.timestamp_ms)
                elif change is not None:
                    share.deciding.promote(change, record.timestamp_ms)


def decide_stage(settings: KafkaSettings, limits: Limits, clock: Clock | None = None) -> Stage:
    """The stage that decides."""

    def make() -> DecisionWork:
        found = ensure_topics(settings, (NEARBY_CUSTOMERS, CUSTOMERS_ALERTS, f"{NEARBY_CUSTOMERS}_dlq", *SHOP_TOPICS))
        check_alike({topic: found[topic] for topic in (NEARBY_CUSTOMERS, CUSTOMERS_ALERTS)})
        return DecisionWork(settings, limits, clock or SystemClock())

    return Stage(settings, NAME, (NEARBY_CUSTOMERS,), make, clock=clock)


def _row(record: Inflow, refused: list[Outflow] | None = None) -> NearbyPromotion | None:
    try:
        return NearbyPromotion.from_text(record.value or b"")
    except EndcapError as fault:
        if refused is not None:
            refused.append(dead_letter(record, str(fault), NAME))
        return None
