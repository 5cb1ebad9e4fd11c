"""The demo's coupons: one a store, for a product that is promoted there, so that an offer's card can be clipped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice

from endcap.messages import ProductPromotion, StoreProduct
from endcap_backend.retail.terms import CouponTerms
from endcap_devkit.simulate.store import Store

HOLD = timedelta(days=3)  # after today's end: a countdown one can look at


def coupons(stores: Iterable[Store], promotions: Sequence[ProductPromotion], now: datetime) -> list[CouponTerms]:
    """One a store, of all three kinds by turns; the same all day, so that loading them again changes nothing."""
    promoted = {each.sku for each in promotions}
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    chosen: dict[int, StoreProduct] = {}
    for store in stores:
        free = (each for each, _ in store.products if each.sku in promoted and each.stock and each.sku not in chosen)
        chosen |= {each.sku: each for each in islice(free, 1)}
    ends_at = midnight + timedelta(days=1) + HOLD
    return [_coupon(number, product, ends_at) for number, product in enumerate(chosen.values())]


def _coupon(number: int, product: StoreProduct, ends_at: datetime) -> CouponTerms:
    id, name, price = f"demo-{product.sku}", product.name or "", product.price or 0.0
    if number % 3 == 0:
        off = max(1, round(price / 5))
        return CouponTerms(id, f"€{off} off {name}", "amount", value=off, sku=product.sku, ends_at=ends_at)
    if number % 3 == 1:
        return CouponTerms(id, f"15 % off {name}", "percent", value=15, sku=product.sku, ends_at=ends_at)
    return CouponTerms(id, f"Two for one: {name}", "n_for_m", n=2, m=1, sku=product.sku, ends_at=ends_at)
