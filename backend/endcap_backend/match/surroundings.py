"""What stands on the shelves about shoppers whose matches are found elsewhere: the whole shop, and where they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

from endcap.messages import CustomerLocation, ProductPromotion, StoreProduct
from endcap_backend.match.offers import Offers
from endcap_backend.match.seek import STANDS_MS, shelves_near, standing_near
from endcap_backend.match.shelf import NearShelf
from endcap_backend.match.shoppers import Shoppers

MOST_PLACEMENTS = 50_000_000  # 6 GB; beyond it new ones are refused and counted
MOST_PROMOTIONS = 1_000_000
MOST_SHOPPERS = 200_000  # of one partition; then who was not heard of for longest goes


class Shop:
    """Every shelf and every live promotion, as their latest records say. One owner thread; shared by `Surroundings`."""

    def __init__(self) -> None:
        self._dropped: Counter[str] = Counter(placements_refused=0, promotions_refused=0)
        self.offers = Offers(None, MOST_PLACEMENTS, MOST_PROMOTIONS, self._dropped)

    def put(self, change: StoreProduct | ProductPromotion, timestamp_ms: int) -> None:
        """Take in a product on its shelf, or a promotion; one that has ended is withdrawn."""
        if isinstance(change, StoreProduct):
            self.offers.place(change)
        else:
            self.offers.promote(change, timestamp_ms)

    def stats(self) -> Mapping[str, int]:
        """How much is held, about how many bytes the shelves take, and what was refused."""
        return {
            "placements": len(self.offers.placements),
            "promotions": len(self.offers.promotions),
            "bytes_placements": self.offers.nbytes_placements(),
            **self._dropped,
        }


class Surroundings:
    """Where some shoppers are in a shop, and the shelves about them, promoted or not. One owner thread."""

    def __init__(self, shop: Shop, most_shoppers: int = MOST_SHOPPERS) -> None:
        self._shop = shop
        self._shoppers = Shoppers(most_shoppers, self.forget)

    def __len__(self) -> int:
        return len(self._shoppers)

    def stand(self, location: CustomerLocation, timestamp_ms: int) -> bool:
        """Note where a shopper is; False when a later fix of hers is known, which then stays."""
        return self._shoppers.admit(location, timestamp_ms) is not None

    def where(self, uid: str) -> CustomerLocation | None:
        """Her last fix."""
        shopper = self._shoppers.get(uid)
        return None if shopper is None else shopper.location

    def shelves_near(
        self, uid: str, skus: Collection[int], segments: Collection[str], moment_ms: int
    ) -> list[NearShelf]:
        """The shelves of these products and segments within 100 ft of her last fix, as `ProductMatch` finds them."""
        shopper = self._shoppers.get(uid)
        if shopper is None or not (skus or segments):
            return []
        return shelves_near(self._shop.offers, shopper, skus, segments, moment_ms)

    def standing_near(self, sku: int, store: str | None, moment_ms: int) -> list[str]:
        """The shoppers who stand about a product's shelf now: up to 5 minutes after their last fix."""
        return standing_near(self._shop.offers, self._shoppers, sku, store, moment_ms)

    def standing(self, moment_ms: int) -> list[str]:
        """The shoppers who stand somewhere at a moment: up to 5 minutes after their last fix."""
        return self._shoppers.heard_since(moment_ms - STANDS_MS)

    def silent_since(self, moment_ms: int) -> list[str]:
        """Those who have left: their last fix is from before a moment."""
        return self._shoppers.silent_since(moment_ms)

    def forget(self, uid: str) -> None:
        """Erase where she was."""
        self._shoppers.forget(uid)
