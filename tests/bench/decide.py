"""What deciding costs and spares: records to alerts in a dense store, against the match alone and every match told.

One store of 1,000 promoted products within 100 ft of everybody, as real grocery data has it. Shoppers walk its aisles
at one fix a second for five minutes. Once nothing is known of them, once each has twelve wishes and three coupons, and
once the caps are so wide that every fix is decided.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Mapping

from endcap.messages import CUSTOMERS_LOCATIONS, PRODUCTS_PROMOTIONS, STORES_PRODUCTS, CustomerLocation, StoreProduct
from endcap.testing import NOON, ManualClock, a_location, a_product, a_promotion
from endcap.wire import Message, epoch_ms
from endcap_backend.decide import Clip, Known, Limits, Wish
from endcap_backend.log import Record
from endcap_backend.match.product import ProductMatch
from endcap_backend.pipeline.learning import Learning, Sources
from endcap_backend.pipeline.matching import Matching

LATITUDE_DEG, LONGITUDE_DEG = 60.17, 24.94
PRODUCTS = 1000
BATCH = 500  # records, as the pipeline reads them
NOON_MS = epoch_ms(NOON)


def run(quick: bool) -> str:
    shoppers, seconds = (20, 60) if quick else (100, 300)
    shop, fixes = _shop(), _fixes(shoppers, seconds)
    alone = [(CustomerLocation.from_text(each.value or ""), each.timestamp_ms) for each in fixes]
    wide = Limits(per_fix=1, per_visit=1000, per_hour=1000, per_day=1000)
    plain, knowing = _pipeline(shop), _pipeline(shop, known=True)
    every_fix, every_knowing = _pipeline(shop, wide), _pipeline(shop, wide, known=True)
    every, nearest = _match(None), _match(16)
    contenders: dict[str, Callable[[int, int], int]] = {
        "match alone, every new row": lambda start, end: sum(map(len, every.locate_many(alone[start:end]))),
        "match alone, the 16 nearest": lambda start, end: sum(map(len, nearest.locate_many(alone[start:end]))),
        "records to alerts: read, match, decide, write": lambda start, end: len(plain.handle(fixes[start:end])),
        "the same, 12 wishes and 3 coupons each": lambda start, end: len(knowing.handle(fixes[start:end])),
        "one alert a fix, no other cap": lambda start, end: len(every_fix.handle(fixes[start:end])),
        "one alert a fix, no other cap, 12 wishes and 3 coupons each": lambda start, end: len(
            every_knowing.handle(fixes[start:end])
        ),
    }
    rows = dict.fromkeys(contenders, 0)
    spent_s = dict.fromkeys(contenders, 0.0)
    for start in range(0, len(fixes), BATCH):  # they take turns, batch by batch
        for name, work in contenders.items():
            began_s = time.perf_counter()
            rows[name] += work(start, start + BATCH)
            spent_s[name] += time.perf_counter() - began_s
    base = spent_s["match alone, every new row"]
    lines = [
        f"### Deciding in a dense store: {PRODUCTS:,} products in reach, {shoppers} shoppers, {len(fixes):,} fixes",
        "",
        "| what | time to the match's | told | told a shopper |",
        "|---|---|---|---|",
        *(
            f"| {name} | {spent_s[name] / base:.2f} | {count:,} | {count / shoppers:.1f} |"
            for name, count in rows.items()
        ),
    ]
    return "\n".join(lines)


def _pipeline(shop: list[Record], limits: Limits | None = None, *, known: bool = False) -> Matching:
    clock = ManualClock()
    learning = Learning(Sources(_known, lambda after, most: {}, dict), clock) if known else None
    pipeline = Matching(limits, clock, learning=learning)
    pipeline.handle(shop)
    return pipeline


def _known(uids: Collection[str]) -> Mapping[str, Known]:
    found = {}
    for uid in uids:
        luck = random.Random(uid)
        wishes = tuple(Wish("w", luck.randrange(PRODUCTS), price_alert=luck.choice((None, 5.0))) for _ in range(12))
        clips = tuple(Clip(f"c{n}", "Coupon", "1.00 € off", luck.randrange(PRODUCTS)) for n in range(3))
        found[uid] = Known(wishes, clips, "bronze")
    return found


def _match(most_shelves: int | None) -> ProductMatch:
    match = ProductMatch(most_shelves=most_shelves)
    for sku in range(PRODUCTS):
        match.place(_product(sku), NOON_MS)
        match.promote(a_promotion(pid=f"p{sku}", sku=sku), NOON_MS)
    return match


def _product(sku: int) -> StoreProduct:
    luck = random.Random(sku)
    return a_product(
        sku=sku,
        latitude_deg=LATITUDE_DEG + luck.uniform(-15e-5, 15e-5),
        longitude_deg=LONGITUDE_DEG + luck.uniform(-30e-5, 30e-5),
    )


def _shop() -> list[Record]:
    products = [_record(n, STORES_PRODUCTS, str(n), _product(n), 0) for n in range(PRODUCTS)]
    promotions = [
        _record(PRODUCTS + n, PRODUCTS_PROMOTIONS, "coffee", a_promotion(pid=f"p{n}", sku=n), 0)
        for n in range(PRODUCTS)
    ]
    return products + promotions


def _fixes(shoppers: int, seconds: int) -> list[Record]:
    """Everybody walks up and down the aisles at a metre a second, each from another place."""
    records = []
    for second in range(seconds):
        for shopper in range(shoppers):
            place = (second + 7 * shopper) % 60
            at = place if place < 30 else 60 - place
            message = a_location(
                uid=f"u{shopper}",
                id=f"u{shopper}:{second}",
                latitude_deg=LATITUDE_DEG + (at - 15) * 0.9e-5,
                longitude_deg=LONGITUDE_DEG + (shopper % 20 - 10) * 2e-5,
            )
            records.append(_record(len(records), CUSTOMERS_LOCATIONS, f"u{shopper}", message, second * 1000))
    return records


def _record(offset: int, topic: str, key: str, message: Message, after_ms: int) -> Record:
    return Record(offset, topic, key, message.to_text(), NOON_MS + after_ms, None)
