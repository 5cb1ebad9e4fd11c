"""A shelf near a shopper, promoted or not: what the decision looks at for her wishes."""

from __future__ import annotations

from typing import NamedTuple

from endcap.messages import ProductPromotion


class NearShelf(NamedTuple):
    """One product on one shelf within 100 ft of a shopper."""

    sku: int
    segment: str
    distance_ft: float
    variant: str | None = None
    name: str | None = None
    price: float | None = None  # before any discount
    stock: int | None = None  # pieces; None when nobody counts them
    store: str | None = None
    section: str | None = None
    promotion: ProductPromotion | None = None  # the live one that takes most off
