"""The shops of the simulated day: stores, what stands and changes in them, what is promoted, who wishes what."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random

from endcap.geo import LatLon, offset
from endcap.messages import ProductPromotion, StoreProduct
from endcap_backend.decide import Clip, Known, QuietHours, Terms, Wish
from endcap_devkit.simulate.shapes import Outline, Spot
from endcap_devkit.simulate.store import Premises, Store, furnish, promote

HELSINKI = LatLon(60.17, 24.94)
APART_M = 1500.0  # from store to store
WIDTH_M, DEPTH_M = 42.0, 30.0
OPENS_H, CLOSES_H = 8, 21  # UTC, as the shop's clock
PROMOTED = 0.4  # of all SKUs
MEMBERS_ONLY, SPENT, ENDS_TODAY, STARTS_TODAY = 0.15, 0.05, 0.2, 0.1  # of the promotions
MEMBERS, LISTED, COUPONED, QUIET, MUTED = 0.4, 0.6, 0.3, 0.05, 0.05  # of the shoppers
WISHES = (1, 8)
CHANGES_A_STORE = 40  # of stock or price, over the day
Shelf = tuple[int, str]  # SKU and store


@dataclass(frozen=True, slots=True)
class Change:
    """What a shop does at a moment: a shelf's latest facts, or a promotion's."""

    at: datetime
    message: StoreProduct | ProductPromotion


@dataclass(slots=True)
class World:
    """The shops as they begin the day, and what will change. `known` is what they know of each shopper."""

    stores: list[Store]
    origins: Mapping[str, LatLon]
    shelves: dict[Shelf, StoreProduct]
    promotions: dict[str, ProductPromotion]
    terms: Mapping[str, Terms]
    changes: list[Change]
    known: dict[str, Known] = field(default_factory=dict)

    def shoppers(self, uids: Collection[str]) -> Mapping[str, Known]:
        """What a database would answer."""
        return {uid: self.known[uid] for uid in uids if uid in self.known}

    def opening(self) -> Iterator[StoreProduct | ProductPromotion]:
        yield from self.shelves.values()
        yield from self.promotions.values()


def open_world(stores: int, day: datetime, luck: Random) -> World:
    """So many stores on a day that begins at midnight, UTC."""
    furnished, origins = [], {}
    for number in range(stores):
        outline = Outline(((Spot(0, 0), Spot(WIDTH_M, 0), Spot(WIDTH_M, DEPTH_M), Spot(0, DEPTH_M)),))
        premises = Premises(f"day-{number}", f"Store {number}", outline)
        origin = offset(HELSINKI, (number % 10) * APART_M, (number // 10) * APART_M)
        origins[premises.id] = origin
        furnished.append(furnish(premises, origin, Spot(WIDTH_M / 2, -5), luck))
    shelves = {(product.sku, store.id): product for store in furnished for product, _ in store.products}
    promotions = {each.pid: _timed(each, day, luck) for each in promote(furnished, PROMOTED, None, luck)}
    terms = {pid: each for pid in promotions if (each := _terms(luck)) != Terms()}
    return World(furnished, origins, shelves, promotions, terms, _changes(shelves, promotions, day, luck))


def known_of(world: World, luck: Random) -> Known:
    """What the shops know of one shopper: a list, coupons, a card, how she wants to hear."""
    shelves = list(world.shelves.values())
    wishes = tuple(_wish(luck.choice(shelves), luck) for _ in range(luck.randint(*WISHES)))
    coupons = tuple(
        Clip(f"c{each.sku % 50}", "Your coupon", "1.00 € off", each.sku) for each in luck.sample(shelves, 2)
    )
    return Known(
        wishes=wishes if luck.random() < LISTED else (),
        clips=coupons if luck.random() < COUPONED else (),
        tier="bronze" if luck.random() < MEMBERS else None,
        quiet=QuietHours.parse("12:00-14:00") if luck.random() < QUIET else None,
        muted=frozenset({"help"}) if luck.random() < MUTED else frozenset(),
    )


def _wish(shelf: StoreProduct, luck: Random) -> Wish:
    if luck.random() < 0.3:
        return Wish(shelf.segment, segment=shelf.segment)
    alert = round((shelf.price or 1.0) * luck.uniform(0.7, 1.0), 1) if luck.random() < 0.3 else None
    return Wish(shelf.name or "it", shelf.sku, price_alert=alert)


def _timed(promotion: ProductPromotion, day: datetime, luck: Random) -> ProductPromotion:
    moment = day + timedelta(hours=luck.uniform(OPENS_H, CLOSES_H))
    drawn = luck.random()
    if drawn < ENDS_TODAY:
        return replace(promotion, ends_at=moment)
    return replace(promotion, starts_at=moment) if drawn < ENDS_TODAY + STARTS_TODAY else promotion


def _terms(luck: Random) -> Terms:
    drawn = luck.random()
    return Terms(members_only=drawn < MEMBERS_ONLY, spent=MEMBERS_ONLY <= drawn < MEMBERS_ONLY + SPENT)


def _changes(
    shelves: Mapping[Shelf, StoreProduct], promotions: Mapping[str, ProductPromotion], day: datetime, luck: Random
) -> list[Change]:
    """Shelves that sell out or are filled, prices that change, promotions that are withdrawn."""
    stores = sorted({store for _, store in shelves})
    latest, found = dict(shelves), []
    moments = sorted(day + timedelta(hours=luck.uniform(OPENS_H, CLOSES_H)) for _ in stores * CHANGES_A_STORE)
    for moment in moments:
        key = luck.choice(list(latest))
        shelf = latest[key]
        if luck.random() < 0.7:
            shelf = replace(shelf, stock=luck.choice((0, 0, 12)))
        else:
            shelf = replace(shelf, price=round((shelf.price or 1.0) * luck.choice((0.7, 0.8, 1.2)), 1))
        latest[key] = shelf
        found.append(Change(moment, shelf))
    for pid in luck.sample(sorted(promotions), len(promotions) // 20):
        moment = day + timedelta(hours=luck.uniform(OPENS_H, CLOSES_H))
        found.append(Change(moment, replace(promotions[pid], ends_at=moment)))
    return sorted(found, key=lambda change: change.at)
