"""Fetching: what the app asks the shop for, when it is due, and what it does with the answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from endcap.errors import NotAuthorised, Refused, Unreachable
from endcap.geo import LatLon
from endcap_shopper.coupons import CouponBook
from endcap_shopper.floor import FloorPlan
from endcap_shopper.ground import Ground
from endcap_shopper.lane import Lane
from endcap_shopper.loyalty import Loyalty
from endcap_shopper.route import Stop, find_route
from endcap_shopper.shop import HelpCall, Pickup, Product, Shop, Store
from endcap_shopper.views import Page

T = TypeVar("T")

FRESH = {  # an answer this old is asked for anew when its page is opened
    "coupons": timedelta(seconds=30),
    "loyalty": timedelta(seconds=30),
    "wishlist": timedelta(seconds=30),
    "stores": timedelta(hours=1),
    "plan": timedelta(hours=1),
    "products": timedelta(minutes=5),
    "pickups": timedelta(minutes=1),
}
CLOSE_S = 2.0  # patience with a question that is on its way when the app ends
RETRY_S = 15.0  # a question that found no network is asked again, at the soonest
LOOKED_UP = 15  # things of her list that are looked up at once
PRODUCTS_KEPT = 300
MOVED_M = 3.0  # the route is found anew when she has moved so far
COLD = ("frozen", "ice", "chilled", "tiefkühl", "tk-")  # in the name of what is fetched last


class Fetching:
    """Asks on lanes of its own, applies on the window's thread. Every method is called there and returns at once."""

    def __init__(self, ground: Ground, shop: Shop) -> None:
        self._ground, self._shop = ground, shop
        self._asking = Lane("endcap-shop", self._failed)
        self._quick = Lane("endcap-till", self._failed)  # the till's code does not wait behind a slow list
        self._asked_s: dict[str, float] = {}
        self.on_help: Callable[[HelpCall | None], None] = lambda call: None
        self.on_coupons: Callable[[], None] = lambda: None
        self.on_prices: Callable[[], None] = lambda: None
        self._routed: tuple[Any, ...] = ()
        self._offered: set[int] = set()  # what was looked up, known to the shop or not

    def close(self) -> None:
        """End both, then wait for what is on its way."""
        for patience_s in (0.0, CLOSE_S):
            self._asking.close(patience_s)
            self._quick.close(patience_s)

    def until_idle(self, timeout_s: float = 10.0) -> bool:
        """Block, in real time, until all is answered; for tests."""
        return self._asking.until_idle(timeout_s) and self._quick.until_idle(timeout_s)

    def again(self) -> None:
        """Forget what was asked when: consent has changed, or the network is back."""
        self._asked_s.clear()
        self._offered.clear()

    # What is due

    def stores(self) -> None:
        self._when_due("stores", self._shop.stores, self._have_stores, public=True)

    def plan(self) -> None:
        """The map of the store she looks at."""
        store = self._ground.state.store
        if store:
            self._when_due(f"plan:{store}", lambda: self._shop.plan(store), self._have_plan, public=True)

    def coupons(self) -> None:
        self._when_due("coupons", self._shop.coupons, self._have_coupons)

    def loyalty(self) -> None:
        self._when_due("loyalty", self._shop.loyalty, self._have_loyalty)

    def wishlist(self) -> None:
        self._when_due("wishlist", self._shop.wishlist, self.merge_wishes)

    def help(self) -> None:
        """How far her open call is."""
        call = self._ground.state.help
        if call is not None and call.open:
            self.help_of(call.id)

    def help_of(self, id: str) -> None:
        self._ask("help", lambda: self._shop.help(id), self._have_help)

    def pickups(self) -> None:
        self._when_due("pickups", self._shop.pickups, self._have_pickups)

    def pickups_again(self) -> None:
        """An order has changed."""
        self._asked_s.pop("pickups", None)
        self.pickups()

    def code(self) -> None:
        """A code for the till, when there is none that is good for a while yet."""
        state = self._ground.state
        if state.code is None or state.now >= state.code.renew_at():
            self._when_due("code", self._shop.till_code, self._have_code, quick=True)

    def best(self) -> None:
        """The best combination for what is on her list, as far as its prices are known."""
        state = self._ground.state
        found = [(item, state.product_of(item)) for item in state.wishes.shown]
        basket = [(p.sku, item.quantity, p.price) for item, p in found if p is not None and p.price is not None]
        if basket:
            self._ask("best", lambda: self._shop.best(basket), self._have_best)
        else:
            state.best = None

    def products(self) -> None:
        """Look up what is on her list: price, stock and place in this store."""
        state = self._ground.state
        texts = [item.text for item in state.wishes.wanted][:LOOKED_UP]
        near, store = self._near(), state.store
        if texts:
            key = f"products:{store}:{hash(tuple(sorted(texts)))}"
            self._when_due(key, lambda: self._look_up(texts, near, store), self._have_products)

    def offered(self) -> None:
        """Look up what she is offered and is not known yet: where it stands, and what it costs."""
        state = self._ground.state
        told = {card.alert.sku: card.alert.store for card in state.inbox.at(state.now).cards}
        seen = state.products.keys() | self._offered
        unknown = {sku: store for sku, store in told.items() if sku is not None and sku not in seen}
        wanted = dict(list(unknown.items())[-LOOKED_UP:])
        if wanted and state.known:
            self._offered |= wanted.keys()
            self._ask("offered", lambda: self._look_up_skus(wanted), self._have_offered)

    def alternatives(self, sku: int) -> None:
        near, store = self._near(), self._ground.state.store
        self._ask(
            "alternatives",
            lambda: self._shop.alternatives(sku, near=near, store=store),
            lambda found: self._have_alternatives(sku, found),
        )

    def suggest(self, text: str) -> None:
        """Look for products of that name."""
        near, store = self._near(), self._ground.state.store
        self._ask(
            "suggest",
            lambda: self._shop.products(text, near=near, store=store, limit=6),
            lambda found: self._have_suggestions(text, found),
            quick=True,
        )

    def share(self) -> None:
        self._ask("share", self._shop.share, self._have_share)

    def route(self) -> None:
        """Find the way through her list anew, when the list, the store or her place has changed."""
        state = self._ground.state
        stops = tuple(self._stops())
        here = state.located
        if here is None or not state.inside or state.plan is None or not stops:
            changed, self._routed = bool(state.route.legs), ()
            state.route = type(state.route)()
            if changed:
                self._ground.tell("map", "near", "wishlist")
            return
        east_m, north_m = state.plan.plane(here.point)
        sought = (state.store, stops, round(east_m / MOVED_M), round(north_m / MOVED_M))
        if sought == self._routed:
            return
        self._routed, aisles = sought, state.plan.aisles
        self._quick.do(
            "route",
            self._then(lambda: find_route(aisles, here.point, stops), self._have_route),
        )

    # What came

    def merge_wishes(self, theirs: Any) -> None:
        """Take in what other devices did; what was done here and is newer stays."""
        state = self._ground.state
        merged = state.wishes.merged(theirs)
        if merged != state.wishes:
            self._ground.wallet.keep_wishes(merged)
            state.wishes = merged
            self.route()
            self._ground.tell("wishlist", "map", "near")

    def _have_help(self, call: HelpCall) -> None:
        if call != self._ground.state.help:
            self.on_help(call)

    def _have_stores(self, stores: tuple[Store, ...]) -> None:
        self._ground.state.stores = stores
        self._keep("stores", [store.to_json() for store in stores])
        self._ground.tell("map", "near")
        self.plan()

    def _have_plan(self, body: dict[str, Any]) -> None:
        plan = FloorPlan.from_json(body)
        self._ground.state.plans[plan.store] = plan
        self._keep(f"plan:{plan.store}", body)
        self.route()
        self._ground.tell("map", "near", "wishlist")

    def _have_coupons(self, book: CouponBook) -> None:
        self._ground.state.book = book
        self._keep("coupons", book.to_json())
        self.on_coupons()
        self._ground.tell("coupons", "near", "card")

    def _have_loyalty(self, body: dict[str, Any]) -> None:
        self._ground.state.loyalty = Loyalty.from_json(body)
        self._keep("loyalty", body)
        self._ground.tell("points", "card")

    def _have_pickups(self, orders: tuple[Pickup, ...]) -> None:
        self._ground.state.pickups = orders
        self._ground.tell("near")

    def _have_code(self, code: Any) -> None:
        self._ground.state.code = code
        self._ground.tell("card")

    def _have_best(self, best: Any) -> None:
        self._ground.state.best = best
        self._ground.tell("coupons")

    def _have_products(self, found: dict[str, tuple[Product, ...]]) -> None:
        state = self._ground.state
        for text, products in found.items():
            for product in products:
                state.products[product.sku] = product
            if products:
                state.matches[text.casefold()] = products[0].sku
        self._keep("matches", state.matches)
        self._keep_products()
        self.route()
        self.on_prices()
        self._ground.tell("wishlist", "map", "near")

    def _have_offered(self, found: tuple[Product, ...]) -> None:
        self._ground.state.products |= {product.sku: product for product in found}
        self._keep_products()
        self._ground.tell("near")

    def _have_alternatives(self, sku: int, found: tuple[Product, ...]) -> None:
        state = self._ground.state
        state.products |= {product.sku: product for product in found if product.sku not in state.products}
        if state.original == sku:
            state.alternatives = found
            self._ground.tell("alternatives")

    def _have_suggestions(self, text: str, found: tuple[Product, ...]) -> None:
        state = self._ground.state
        if state.searched == text:
            state.suggestions = found
            state.products |= {product.sku: product for product in found}
            self._ground.tell("wishlist")

    def _have_share(self, share: Any) -> None:
        self._ground.state.share = share
        self._ground.tell("wishlist")

    def _have_route(self, route: Any) -> None:
        self._ground.state.route = route
        self._ground.tell("map", "near")

    # How

    def _when_due(
        self,
        key: str,
        ask: Callable[[], T],
        have: Callable[[T], None],
        *,
        public: bool = False,
        quick: bool = False,
    ) -> None:
        now_s = self._ground.clock.monotonic()
        fresh_s = FRESH.get(key.partition(":")[0], timedelta(0)).total_seconds()
        if now_s - self._asked_s.get(key, float("-inf")) < fresh_s:
            return
        if public or self._ground.state.known:
            self._asked_s[key] = now_s
            self._ask(key, ask, have, quick=quick, public=public)

    def _ask(
        self,
        key: str,
        ask: Callable[[], T],
        have: Callable[[T], None],
        *,
        quick: bool = False,
        public: bool = False,
    ) -> None:
        (self._quick if quick else self._asking).do(key, self._then(ask, have, online=True, public=public))

    def _then(
        self, ask: Callable[[], T], have: Callable[[T], None], *, online: bool = False, public: bool = False
    ) -> Callable[[], None]:
        def call() -> None:
            found = ask()
            self._ground.post(lambda: self._came(found, have, online, public))

        return call

    def _came(self, found: T, have: Callable[[T], None], online: bool, public: bool) -> None:
        if online:
            self.reached()
        if public or not online or self._ground.state.granted:  # else it was asked for somebody who is gone
            have(found)

    def reached(self) -> None:
        """The shop has answered."""
        state = self._ground.state
        was, state.online, state.fresh_at = state.online, True, self._ground.now()
        if was is False:
            self._ground.tell(None)

    def _failed(self, key: str, fault: Exception) -> None:
        self._ground.post(lambda: self._lost(key, fault))

    def _lost(self, key: str, fault: Exception) -> None:
        state = self._ground.state
        fresh_s = FRESH.get(key.partition(":")[0], timedelta(0)).total_seconds()
        if isinstance(fault, Unreachable | NotAuthorised):
            self._asked_s[key] = self._ground.clock.monotonic() - max(0.0, fresh_s - RETRY_S)
        if isinstance(fault, Unreachable) and state.online is not False:
            state.online = False
            self._ground.tell(None)
        if key == "offered":
            self._offered.clear()
        if isinstance(fault, Refused) and key == "help" and fault.status == 404:
            self.on_help(None)

    def _look_up(self, texts: list[str], near: LatLon | None, store: str) -> dict[str, tuple[Product, ...]]:
        return {text: self._shop.products(text, near=near, store=store, limit=3) for text in texts}

    def _look_up_skus(self, wanted: dict[int, str | None]) -> tuple[Product, ...]:
        found = (self._shop.products(str(sku), store=store or "", limit=3) for sku, store in wanted.items())
        return tuple(product for products in found for product in products if product.sku in wanted)

    def _keep_products(self) -> None:
        products = self._ground.state.products
        while len(products) > PRODUCTS_KEPT:
            del products[next(iter(products))]
        self._keep("products", [_product_json(each) for each in products.values()])

    def _stops(self) -> Any:
        state = self._ground.state
        for item in state.wishes.wanted:
            place = state.place_of(item)
            if place is not None:
                product = state.product_of(item)
                kind = (item.segment or (product.segment if product else None) or "").casefold()
                yield Stop(item.id, place[0], last=any(cold in kind for cold in COLD))

    def _near(self) -> LatLon | None:
        here = self._ground.state.located
        return here.point if here is not None and "location" in self._ground.state.granted else None

    def _keep(self, name: str, body: Any) -> None:
        self._ground.wallet.keep_answer(name, body, self._ground.now())


PAGES_OF: dict[Page, tuple[str, ...]] = {  # what a page wants to have fresh
    "near": ("stores", "plan", "coupons", "wishlist", "products", "offered", "loyalty", "pickups"),
    "map": ("stores", "plan", "wishlist", "products"),
    "wishlist": ("wishlist", "stores", "plan", "products"),
    "coupons": ("coupons", "products", "best"),
    "card": ("loyalty", "coupons", "code"),
    "points": ("loyalty",),
    "help": ("stores",),
}


def _product_json(product: Product) -> dict[str, Any]:
    promotion = {"promotion": product.promotion.to_json()} if product.promotion else {}
    return product.to_json() | promotion
