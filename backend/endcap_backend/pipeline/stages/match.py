"""The match on Kafka: a partition of regions, each with the shelves that can match there and who walks there."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from heapq import merge
from itertools import accumulate
from operator import itemgetter
from typing import NamedTuple, TypeVar

from endcap.clock import Clock, SystemClock
from endcap.errors import EndcapError
from endcap.messages import (
    NEARBY_CUSTOMERS,
    PRODUCTS_PROMOTIONS,
    STORES_PRODUCTS,
    CustomerLocation,
    NearbyPromotion,
    ProductPromotion,
    StoreProduct,
)
from endcap.wire import epoch_ms
from endcap_backend.match.product import ProductMatch
from endcap_backend.match.regions import partition_of, regions_about
from endcap_backend.pipeline.kafka import KafkaSettings
from endcap_backend.pipeline.matching import NEAREST_SHELVES
from endcap_backend.pipeline.stages.marks import FOLLOWED, matched, moved
from endcap_backend.pipeline.stages.reading import Place, offsets_at, read_between
from endcap_backend.pipeline.stages.records import Inflow, Outcome, Outflow, Share, Start, dead_letter
from endcap_backend.pipeline.stages.shop import TOPICS as SHOP_TOPICS
from endcap_backend.pipeline.stages.shop import ShopTopics, read_note, write_note
from endcap_backend.pipeline.stages.stage import Stage
from endcap_backend.pipeline.stages.topics import LOCATIONS_BY_CELL, ensure_topics

M = TypeVar("M")

log = logging.getLogger("endcap.stages")

NAME = "match"
REMEMBERED_MS = 30 * 60_000  # fixes read again for who stands where and what was found: a visit ends after so long
LATEST_MS = 2**63
Change = StoreProduct | ProductPromotion


class Changed(NamedTuple):
    """A change of the shop, and where it stands in its topic."""

    place: Place
    offset: int
    timestamp_ms: int
    change: Change

    def comes_after(self, known: Mapping[Place, int]) -> bool:
        return self.offset >= known.get(self.place, 0)


class Cells:
    """One partition's match: the shelves within reach of its regions, all promotions, the shoppers in its regions.

    For each fix it writes the rows that are new to her, then one record that says the fix is matched.
    """

    def __init__(self, number: int, partitions: int) -> None:
        self._number, self._partitions = number, partitions
        self.match = ProductMatch(most_shelves=NEAREST_SHELVES)
        self.shop: Mapping[Place, int] = {}  # how far the shop's topics have been taken in
        self.fixes = 0
        self._due: list[Outflow] = []

    def handle(self, records: Sequence[Inflow]) -> Outcome:
        produced, self._due = self._due, []
        fixes: list[tuple[Inflow, CustomerLocation]] = []
        for record in records:
            location = _read(CustomerLocation.from_text, record, produced) if record.value is not None else None
            if location is not None:
                fixes.append((record, location))
            elif record.value is None:
                produced += self._locate(fixes)
                fixes = []
                produced.append(self._forget(record))
        return Outcome(produced + self._locate(fixes), len(records))

    def note(self) -> str:
        return write_note(self.shop)

    def concerns(self, change: Change) -> bool:
        """Whether a record of the shop matters here: not a shelf out of reach of its regions."""
        if isinstance(change, ProductPromotion):
            return True
        regions = regions_about(*change.point)
        if any(partition_of(region, self._partitions) == self._number for region in regions):
            return True
        return self.match.knows(change.sku, change.store)  # it stood here, and is now elsewhere

    def put(self, change: Change, timestamp_ms: int) -> list[NearbyPromotion]:
        """Take in a record of the shop; rows for who stands there."""
        if isinstance(change, StoreProduct):
            return self.match.place(change, timestamp_ms)
        return self.match.promote(change, timestamp_ms)

    def tell(self, change: Change, timestamp_ms: int) -> None:
        """Take in a record of the shop, and write its rows with the next transaction."""
        by_uid: dict[str, list[NearbyPromotion]] = {}
        for row in self.put(change, timestamp_ms):
            by_uid.setdefault(row.uid, []).append(row)
        for uid, rows in by_uid.items():
            self._due += [*_rows(rows, timestamp_ms), moved(uid, timestamp_ms)]

    def recall(self, fixes: Sequence[Inflow], changes: Sequence[Changed]) -> None:
        """Become what it was after these records, which were handled once; `changes` are in order of time."""
        run: list[tuple[CustomerLocation, int]] = []
        for each in _by_time(fixes, changes):
            location = _read(CustomerLocation.from_text, each) if isinstance(each, Inflow) and each.value else None
            if location is not None:
                run.append((location, each.timestamp_ms))
                continue
            self.match.locate_many(run)
            run = []
            if isinstance(each, Changed):
                self.put(each.change, each.timestamp_ms)
            elif each.value is None:
                self.match.forget(each.key or "")
        self.match.locate_many(run)

    def _locate(self, fixes: Sequence[tuple[Inflow, CustomerLocation]]) -> list[Outflow]:
        self.fixes += len(fixes)
        found = self.match.locate_many([(location, record.timestamp_ms) for record, location in fixes])
        produced: list[Outflow] = []
        for (record, location), rows in zip(fixes, found, strict=True):
            produced += _rows(rows, record.timestamp_ms)
            produced.append(matched(location.uid, record.value or b"", record.timestamp_ms))
        return produced

    def _forget(self, record: Inflow) -> Outflow:
        self.match.forget(record.key or "")
        return Outflow(NEARBY_CUSTOMERS, record.key, None, record.timestamp_ms)


class CellMatching:
    """The work of the stage: the shop's topics, and a `Cells` for each partition it has."""

    def __init__(self, settings: KafkaSettings, partitions: int, clock: Clock) -> None:
        self._settings = settings
        self._partitions = partitions
        self._clock = clock
        self._shop = ShopTopics(settings)
        self._cells: dict[int, Cells] = {}
        self._unreadable: Counter[str] = Counter()

    def take_on(self, starts: Mapping[int, Start]) -> Mapping[int, Share]:
        """Read the shop from its beginning, and the last half hour's fixes; once for all partitions."""
        self._shop.begin()
        taken = {number: Cells(number, self._partitions) for number in starts}
        known = {number: read_note(start.note) or dict(self._shop.positions) for number, start in starts.items()}
        fixes = self._fixes(starts, epoch_ms(self._clock.now()) - REMEMBERED_MS)
        first_ms = min((each.timestamp_ms for found in fixes.values() for each in found), default=LATEST_MS)
        recent: list[Changed] = []  # what may have come between the fixes, or after the last commit
        for changed in self._changes(self._shop.past()):
            if changed.timestamp_ms >= first_ms or any(changed.comes_after(each) for each in known.values()):
                recent.append(changed)
            else:
                self._give(changed, taken.values(), Cells.put)
        recent.sort(key=lambda changed: changed.timestamp_ms)
        for number, cells in taken.items():
            old = [each for each in recent if not each.comes_after(known[number]) and cells.concerns(each.change)]
            cells.recall(fixes[number], old)
            for changed in recent:
                if changed.comes_after(known[number]):
                    self._give(changed, [cells], Cells.tell)
            cells.shop = dict(self._shop.positions)
        self._cells |= taken
        log.info("the match of partitions %s is rebuilt", sorted(taken))
        return taken

    def look(self, shares: Mapping[int, Share]) -> None:
        self._cells = {number: share for number, share in shares.items() if isinstance(share, Cells)}
        if not self._cells:
            return
        for changed in self._changes(self._shop.take()):
            self._give(changed, self._cells.values(), Cells.tell)
        for cells in self._cells.values():
            cells.shop = self._shop.positions

    def stats(self) -> Mapping[str, float]:
        total: Counter[str] = Counter()
        for cells in list(self._cells.values()):
            total.update(cells.match.stats())
            total["fixes"] += cells.fixes
        return {**total, **{f"unreadable {topic}": count for topic, count in self._unreadable.items()}}

    def close(self) -> None:
        self._shop.close()

    def _fixes(self, starts: Mapping[int, Start], since_ms: int) -> dict[int, list[Inflow]]:
        """The fixes of each partition that were matched, from some time on."""
        done = {number: start.positions[LOCATIONS_BY_CELL] or 0 for number, start in starts.items()}
        first = offsets_at(self._settings, [(LOCATIONS_BY_CELL, number) for number in starts], since_ms)
        spans = {place: (offset, done[place[1]]) for place, offset in first.items()}
        found: dict[int, list[Inflow]] = {number: [] for number in starts}
        for record in read_between(self._settings, spans):
            found[record.partition].append(record)
        return found

    def _changes(self, records: Iterable[Inflow]) -> Iterator[Changed]:
        return changes_in(records, self._unreadable)

    def _give(self, changed: Changed, cells: Iterable[Cells], how: Callable[[Cells, Change, int], object]) -> None:
        for each in cells:
            if each.concerns(changed.change):
                how(each, changed.change, changed.timestamp_ms)


def read_change(record: Inflow) -> Change | None:
    """A record of the shop's topics; None when it can't be read, which others have to complain of."""
    try:
        if record.topic == STORES_PRODUCTS:
            return StoreProduct.from_text(record.value or b"")
        assert record.topic == PRODUCTS_PROMOTIONS
        return ProductPromotion.from_text(record.value or b"")
    except EndcapError:
        return None


def changes_in(records: Iterable[Inflow], unreadable: Counter[str] | None = None) -> Iterator[Changed]:
    """The records of the shop's topics that can be read; the others are counted by topic."""
    for record in records:
        change = read_change(record)
        if change is not None:
            yield Changed((record.topic, record.partition), record.offset, record.timestamp_ms, change)
        elif unreadable is not None:
            unreadable[record.topic] += 1


def match_stage(settings: KafkaSettings, clock: Clock | None = None) -> Stage:
    """The stage that finds what is near."""

    def make() -> CellMatching:
        letters = f"{LOCATIONS_BY_CELL}_dlq"
        partitions = ensure_topics(settings, (LOCATIONS_BY_CELL, NEARBY_CUSTOMERS, letters, *SHOP_TOPICS))
        return CellMatching(settings, partitions[LOCATIONS_BY_CELL], clock or SystemClock())

    return Stage(settings, NAME, (LOCATIONS_BY_CELL,), make, clock=clock)


def _by_time(fixes: Iterable[Inflow], changes: Iterable[Changed]) -> Iterator[Inflow | Changed]:
    """Each side in its own order; a fix that came late is not put before those that came earlier."""
    newest_ms = accumulate((each.timestamp_ms for each in fixes), max)
    hers: Iterable[tuple[int, Inflow | Changed]] = zip(newest_ms, fixes, strict=True)
    merged = merge(hers, ((each.timestamp_ms, each) for each in changes), key=itemgetter(0))
    return (each for _, each in merged)


def _rows(rows: Iterable[NearbyPromotion], timestamp_ms: int) -> list[Outflow]:
    return [Outflow(NEARBY_CUSTOMERS, row.uid, row.to_text(), timestamp_ms, headers=FOLLOWED) for row in rows]


def _read(read: Callable[[bytes], M], record: Inflow, refused: list[Outflow] | None = None) -> M | None:
    try:
        return read(record.value or b"")
    except EndcapError as fault:
        if refused is not None:
            refused.append(dead_letter(record, str(fault), NAME))
        return None
