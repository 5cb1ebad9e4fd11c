"""Which shelves matter to a shopper beyond promotions, asked of whoever knows what stands about her."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Protocol

from endcap.messages import StoreProduct
from endcap_backend.decide import Decider
from endcap_backend.match.shelf import NearShelf


class Around(Protocol):
    """Who knows where shoppers are and what stands about them: the match, or the decision on Kafka itself."""

    def shelves_near(
        self, uid: str, skus: Collection[int], segments: Collection[str], moment_ms: int
    ) -> list[NearShelf]: ...

    def standing_near(self, sku: int, store: str | None, moment_ms: int) -> list[str]: ...


def sought_near(decider: Decider, around: Around, uid: str, at_ms: int) -> Sequence[NearShelf]:
    """The shelves near her that she seeks, and those that may stand for what is missing among them."""
    skus, segments = decider.seeks(uid)
    if not (skus or segments):
        return ()
    found = around.shelves_near(uid, skus, segments, at_ms)
    missing = decider.misses(uid, found)
    return found if not missing else around.shelves_near(uid, skus, {*segments, *missing}, at_ms)


def seekers(decider: Decider, around: Around, product: StoreProduct, at_ms: int) -> Iterator[str]:
    """Who stands near a shelf that changed and wishes what is on it: its price may have come down."""
    if not decider.anybody_seeks:
        return
    for uid in around.standing_near(product.sku, product.store, at_ms):
        skus, segments = decider.seeks(uid)
        if product.sku in skus or product.segment in segments:
            yield uid
