"""What the app remembers from the last time, read at the start: every screen is there without a network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from endcap_shopper.calling import Calling
from endcap_shopper.clipping import Clipping
from endcap_shopper.coupons import CouponBook, savings
from endcap_shopper.floor import FloorPlan
from endcap_shopper.goods import HelpCall, Product, Store
from endcap_shopper.loyalty import Loyalty
from endcap_shopper.reading import each_of
from endcap_shopper.state import State
from endcap_shopper.wallet import Wallet

T = TypeVar("T")


def remember(state: State, wallet: Wallet, clipping: Clipping, calling: Calling) -> None:
    """Fill the state from the wallet; what a newer or older version wrote and can't be read is left out."""
    state.wishes = wallet.wishlist()
    state.inbox = wallet.inbox(state.now)
    state.stores = each_of(_body(wallet, "stores"), Store.from_json, "a store")
    plans = [_read(wallet, f"plan:{id}", FloorPlan.from_json) for id in {*(s.id for s in state.stores), state.store}]
    state.plans = {plan.store: plan for plan in plans if plan is not None}
    state.book = _read(wallet, "coupons", CouponBook.from_json) or CouponBook()
    state.loyalty = _read(wallet, "loyalty", Loyalty.from_json)
    state.savings = _read(wallet, "savings", savings) or ()
    products = each_of(_body(wallet, "products"), Product.read, "a product")
    state.products = {product.sku: product for product in products}
    state.matches = {str(text): int(sku) for text, sku in (_body(wallet, "matches") or {}).items()}
    call = wallet.get("help")
    state.help = next(iter(each_of([call] if call else [], HelpCall.from_json, "a call for help")), None)
    coupons = wallet.answer("coupons")
    state.fresh_at = None if coupons is None else coupons.at.astimezone(state.zone)
    state.waiting = wallet.waiting()
    clipping.reload()
    calling.reload()


def _body(wallet: Wallet, name: str) -> Any:
    kept = wallet.answer(name)
    return None if kept is None else kept.body


def _read(wallet: Wallet, name: str, read: Callable[[Any], T]) -> T | None:
    body = _body(wallet, name)
    return None if body is None else next(iter(each_of([body], read, f"what was kept of {name}")), None)
