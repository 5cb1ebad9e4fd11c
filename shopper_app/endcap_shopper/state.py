"""State: everything the screens are made from, held together by the window's thread alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from typing import Any

from endcap.geo import LatLon, distance_m
from endcap.messages import CustomerAlert
from endcap_shopper import views
from endcap_shopper.aisles import Reach
from endcap_shopper.coupons import Best, Coupon, CouponBook, Saving
from endcap_shopper.floor import FloorPlan
from endcap_shopper.goods import HelpCall, Pickup, Product, SharedList, Store, store_at
from endcap_shopper.i18n import Words
from endcap_shopper.inbox import Inbox
from endcap_shopper.loyalty import Loyalty, TillCode
from endcap_shopper.route import Route
from endcap_shopper.settings import AppSettings
from endcap_shopper.wallet import Sent
from endcap_shopper.wishlist import Item, Wishlist

STALE = timedelta(seconds=10)  # an older fix is no longer where she is
LOST = timedelta(minutes=10)  # and after so long it says nothing of the store either


@dataclass(frozen=True, slots=True)
class Here:
    """Where she was, the last time her phone knew."""

    point: LatLon
    at: datetime
    accuracy_m: float = 0.0
    heading_deg: float | None = None


@dataclass(frozen=True, slots=True)
class Undo:
    """What can be taken back for a while, and how."""

    id: str
    text: str
    until: datetime
    back: Callable[[], None]


@dataclass
class State:
    """What is known now. `now` is aware, in the zone of her clock; `online` None until somebody has tried."""

    words: Words
    now: datetime
    settings: AppSettings = field(default_factory=AppSettings)
    granted: frozenset[str] = frozenset()
    known: bool = False  # the SDK runs and may ask in her name
    chosen: frozenset[str] = frozenset()  # in the first run, before anything is granted
    inbox: Inbox = field(default_factory=Inbox)
    book: CouponBook = field(default_factory=CouponBook)
    pending_clips: tuple[tuple[str, bool], ...] = ()
    best: Best | None = None
    savings: tuple[Saving, ...] = ()
    loyalty: Loyalty | None = None
    code: TillCode | None = None
    wishes: Wishlist = field(default_factory=Wishlist)
    share: SharedList | None = None
    sharing: bool = False  # the sheet is up
    stores: tuple[Store, ...] = ()
    plans: dict[str, FloorPlan] = field(default_factory=dict)
    here: Here | None = None
    route: Route = field(default_factory=Route)
    products: dict[int, Product] = field(default_factory=dict)
    matches: dict[str, int] = field(default_factory=dict)  # what she wrote -> the product it most likely is
    searched: str = ""
    suggestions: tuple[Product, ...] = ()
    help: HelpCall | None = None
    help_waits: bool = False  # asked, and not told yet
    pickups: tuple[Pickup, ...] = ()
    original: int | None = None  # the SKU she looks at
    alternatives: tuple[Product, ...] | None = None
    sent: tuple[Sent, ...] = ()
    result: str = ""
    busy: bool = False
    undo: Undo | None = None
    online: bool | None = None
    fresh_at: datetime | None = None  # when the shop last answered
    fault: str = ""  # something she has to know, until the next thing she does
    source: str = "stopped"  # of endcap.ClientState
    listening: bool = False  # on her channel: what the shop tells her comes by itself
    waiting: int = 0
    can_walk: bool = False
    can_speak: bool = True
    backend_url: str = ""
    lite_url: str = ""
    version: str = ""
    deals: dict[str, tuple[Any, views.DealCard]] = field(default_factory=dict)  # as they were written last
    _reach: tuple[tuple[str, LatLon], Reach] | None = None

    @property
    def is_quiet(self) -> bool:
        """Whether these are hours in which she wants to hear of no offers."""
        quiet = self.settings.rules.quiet
        return quiet is not None and quiet.hold_at(self.now.time())

    # Where

    @property
    def zone(self) -> tzinfo | None:
        return self.now.tzinfo

    @property
    def located(self) -> Here | None:
        """Where she is, unless that was too long ago to mean anything."""
        return self.here if self.here is not None and self.now - self.here.at < LOST else None

    @property
    def inside(self) -> str:
        """The store she is in, "" for none."""
        here = self.located
        store = None if here is None else store_at(self.stores, here.point)
        return "" if store is None else store.id

    @property
    def store(self) -> str:
        """The store whose shelves she looks at: the one she is in, else the one she chose."""
        return self.inside or self.settings.store or (self.stores[0].id if len(self.stores) == 1 else "")

    @property
    def plan(self) -> FloorPlan | None:
        return self.plans.get(self.store)

    def store_name(self, id: str | None) -> str:
        plan = self.plans.get(id or "")
        named = next((store.name for store in self.stores if store.id == id and store.name), None)
        return named or (plan.name if plan else id or "")

    # What

    @property
    def coupons(self) -> CouponBook:
        """As she has it: with what is not told yet."""
        return self.book.with_pending(self.pending_clips, self.now)

    def coupon_for(self, alert: CustomerAlert, coupons: Iterable[Coupon] | None = None) -> Coupon | None:
        """The coupon behind an offer: of its promotion's id, else for its product; `coupons` are those that hold."""
        found = tuple(self.coupons.open(self.now) if coupons is None else coupons)
        by_id = next((each for each in found if each.id == alert.pid), None)
        return by_id or next((each for each in found if alert.sku is not None and each.sku == alert.sku), None)

    def product_of(self, item: Item) -> Product | None:
        """The product an item of the list most likely is."""
        sku = item.sku if item.sku is not None else self.matches.get(item.text.casefold())
        return None if sku is None else self.products.get(sku)

    def place_of(self, item: Item) -> tuple[LatLon, str] | None:
        """Where an item stands in this store, and the section's name; None when it is not known to be there."""
        product, plan = self.product_of(item), self.plan
        if product is not None and product.store == self.store and product.point is not None:
            return product.point, product.section or ""
        if plan is None:
            return None
        section = plan.section_of(item.sku, item.segment or (product.segment if product else None))
        return None if section is None else (plan.aisles.nearest(section.outline.centre), section.name)

    def walk_m(self, point: LatLon | None) -> float | None:
        """How far it is to walk from where she is; None when nobody knows."""
        here = self.located
        if here is None or point is None:
            return None
        if self.plan is None or not self.inside:
            return distance_m(here.point, point)
        if self._reach is None or self._reach[0] != (self.plan.store, here.point):
            self._reach = ((self.plan.store, here.point), Reach(self.plan.aisles, here.point))
        return self._reach[1].metres(point)

    def walk_to_offer_m(self, alert: CustomerAlert) -> float | None:
        """How far it is to an offer's shelf by the plan."""
        product = self.products.get(alert.sku) if alert.sku is not None else None
        if product is not None and product.store == alert.store and product.point is not None:
            return self.walk_m(product.point)
        plan = self.plans.get(alert.store or "")
        section = plan.section(alert.section) if plan else None
        if plan is None or section is None or alert.store != self.inside:
            return None
        return self.walk_m(plan.aisles.nearest(section.outline.centre))

    @property
    def paused(self) -> bool:
        until = self.settings.paused_until
        return until is not None and self.now < until

    @property
    def muted(self) -> bool:
        until = self.settings.muted_until
        return until is not None and self.now < until

    @property
    def sharing_location(self) -> views.Sharing:
        if "location" not in self.granted:
            return "off"
        return "paused" if self.paused else "on"
