"""Promotions by what they are for, so that each shelf of a plan can say what holds there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from endcap.messages import StoreProduct
from endcap_backend.console.forms import takes_off
from endcap_backend.retail.terms import ShopPromotion

TOLD = 3  # promotions by name on one square; it bears the rest as a number


class OnOffer:
    """Some promotions, in the order given. Immutable."""

    def __init__(self, promotions: Iterable[ShopPromotion]) -> None:
        self._of_product: dict[int, list[ShopPromotion]] = {}
        self._of_segment: dict[str, list[ShopPromotion]] = {}
        for each in promotions:
            if each.sku is not None:
                self._of_product.setdefault(each.sku, []).append(each)
            else:
                self._of_segment.setdefault(each.segment, []).append(each)

    def of(self, product: StoreProduct) -> list[ShopPromotion]:
        """Those that hold for a product: its own before those of its segment."""
        return self._of_product.get(product.sku, []) + self._of_segment.get(product.segment, [])

    def of_segments(self, segments: Iterable[str]) -> list[ShopPromotion]:
        """Those that hold for a segment as a whole."""
        return [each for segment in segments for each in self._of_segment.get(segment, [])]


def holds(promotion: ShopPromotion, now: datetime) -> bool:
    """True from its start until its end, excluded."""
    return (promotion.starts_at is None or promotion.starts_at <= now) and not is_over(promotion, now)


def is_over(promotion: ShopPromotion, now: datetime) -> bool:
    return promotion.ends_at is not None and promotion.ends_at <= now


def called(product: StoreProduct) -> str:
    return product.name or product.variant or str(product.sku)


def in_words(product: StoreProduct, promotions: Sequence[ShopPromotion]) -> str:
    """A product and what holds for it: "Green tea: Tea week (10 %)"."""
    told = [_told(each) for each in promotions[:TOLD]]
    more = f" and {len(promotions) - TOLD} more" if len(promotions) > TOLD else ""
    return f"{called(product)}: {', '.join(told)}{more}" if told else called(product)


def _told(promotion: ShopPromotion) -> str:
    title, off = promotion.title or promotion.pid, takes_off(promotion)
    return f"{title} ({off})" if off else title
