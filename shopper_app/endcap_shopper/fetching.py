"""Fetching: what the app asks the shop for, and what it does with the answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from endcap.errors import Refused
from endcap_shopper.asking import Asking
from endcap_shopper.coupons import CouponBook, savings
from endcap_shopper.floor import FloorPlan
from endcap_shopper.goods import HelpCall, Pickup, Store
from endcap_shopper.ground import Ground
from endcap_shopper.guiding import Guiding
from endcap_shopper.loyalty import Loyalty
from endcap_shopper.shop import Shop


class Fetching:
    """Every method is called on the window's thread and returns at once."""

    def __init__(self, ground: Ground, shop: Shop, asking: Asking, guiding: Guiding) -> None:
        self._ground, self._shop, self._asking, self._guiding = ground, shop, asking, guiding
        self.on_help: Callable[[HelpCall | None], None] = lambda call: None
        self.on_coupons: Callable[[], None] = lambda: None

    def lost(self, key: str, fault: Exception) -> None:
        """A question found no answer."""
        if isinstance(fault, Refused) and key == "help" and fault.status == 404:
            self.on_help(None)

    def stores(self) -> None:
        self._asking.when_due("stores", self._shop.stores, self._have_stores, public=True)

    def plan(self) -> None:
        """The map of the store she looks at."""
        store = self._ground.state.store
        if store:
            self._asking.when_due(f"plan:{store}", lambda: self._shop.plan(store), self._have_plan, public=True)

    def coupons(self) -> None:
        self._asking.when_due("coupons", self._shop.coupons, self._have_coupons)

    def savings(self) -> None:
        self._asking.when_due("savings", self._shop.savings, self._have_savings)

    def loyalty(self) -> None:
        self._asking.when_due("loyalty", self._shop.loyalty, self._have_loyalty)

    def wishlist(self) -> None:
        self._asking.when_due("wishlist", self._shop.wishlist, self.merge_wishes)

    def help(self) -> None:
        """How far her open call is."""
        call = self._ground.state.help
        if call is not None and call.open:
            self._asking.ask("help", lambda: self._shop.help(call.id), self._have_help)

    def help_if_open(self, id: str) -> None:
        """Of a call the app does not know: it is hers to see only if it still is one."""
        self._asking.ask(f"help:{id}", lambda: self._shop.help(id), self._have_help_if_open)

    def pickups(self) -> None:
        self._asking.when_due("pickups", self._shop.pickups, self._have_pickups)

    def pickups_again(self) -> None:
        """An order has changed."""
        self._asking.forget("pickups")
        self.pickups()

    def code(self) -> None:
        """A code for the till, when there is none that is good for a while yet."""
        state = self._ground.state
        if state.code is None or state.now >= state.code.renew_at():
            self._asking.when_due("code", self._shop.till_code, self._have_code, quick=True)

    def best(self) -> None:
        """The best combination for what is on her list, as far as its prices are known."""
        state = self._ground.state
        found = [(item, state.product_of(item)) for item in state.wishes.shown]
        basket = [(p.sku, item.quantity, p.price) for item, p in found if p is not None and p.price is not None]
        if basket:
            self._asking.ask("best", lambda: self._shop.best(basket), self._have_best)
        else:
            state.best = None

    def share(self) -> None:
        self._asking.ask("share", self._shop.share, self._have_share)

    def merge_wishes(self, theirs: Any) -> None:
        """Take in what other devices did; what was done here and is newer stays."""
        state = self._ground.state
        merged = state.wishes.merged(theirs)
        if merged != state.wishes:
            self._ground.wallet.keep_wishes(merged)
            state.wishes = merged
            self._guiding.route()
            self._ground.tell("wishlist", "map", "near")

    def _have_help(self, call: HelpCall) -> None:
        if call != self._ground.state.help:
            self.on_help(call)

    def _have_help_if_open(self, call: HelpCall) -> None:
        if call.open:
            self._have_help(call)

    def _have_stores(self, stores: tuple[Store, ...]) -> None:
        self._ground.state.stores = stores
        self._ground.keep("stores", [store.to_json() for store in stores])
        self._ground.tell("map", "near")
        self.plan()

    def _have_plan(self, body: dict[str, Any]) -> None:
        plan = FloorPlan.from_json(body)
        self._ground.state.plans[plan.store] = plan
        self._ground.keep(f"plan:{plan.store}", body)
        self._guiding.route()
        self._ground.tell("map", "near", "wishlist")

    def _have_coupons(self, book: CouponBook) -> None:
        self._ground.state.book = book
        self._ground.keep("coupons", book.to_json())
        self.on_coupons()
        self._ground.tell("coupons", "near", "card")

    def _have_savings(self, body: dict[str, Any]) -> None:
        self._ground.state.savings = savings(body)
        self._ground.keep("savings", body)
        self._ground.tell("coupons")

    def _have_loyalty(self, body: dict[str, Any]) -> None:
        self._ground.state.loyalty = Loyalty.from_json(body)
        self._ground.keep("loyalty", body)
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

    def _have_share(self, share: Any) -> None:
        self._ground.state.share = share
        self._ground.tell("wishlist")
