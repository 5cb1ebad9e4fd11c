"""Product mode: what a shopper should hear of, from where she stands. Latest wins, nearest first, each thing once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from endcap.geo import FEET_PER_KM, NEAR_FT, haversine_km
from endcap.messages import CustomerLocation, NearbyPromotion, ProductPromotion, StoreProduct
from endcap.wire import from_epoch_ms

STANDS_MS = 5 * 60_000  # how long after her last fix a shopper still counts as standing there
Pair = tuple[int, str | None, str]  # SKU, store, pid


@dataclass(slots=True)
class _Shopper:
    location: CustomerLocation
    timestamp_ms: int
    seen: set[Pair] = field(default_factory=set)


class ProductMatch:
    """Products, promotions and each shopper's last fix, in memory. No I/O; one owner thread.

    A promotion that names a SKU is for that SKU, one that names none for every product of its segment. The latest
    record of a product in a store, and of a pid, counts. Time takes nothing away but by `starts_at` and `ends_at`.
    """

    def __init__(self) -> None:
        self._products: dict[tuple[int, str | None], StoreProduct] = {}
        self._promotions: dict[str, ProductPromotion] = {}
        self._shoppers: dict[str, _Shopper] = {}

    def place(self, product: StoreProduct, timestamp_ms: int) -> list[NearbyPromotion]:
        """Put a product on its shelf; rows for the shoppers who stand there now."""
        self._products[product.sku, product.store] = product
        return self._tell_everyone(timestamp_ms)

    def promote(self, promotion: ProductPromotion, timestamp_ms: int) -> list[NearbyPromotion]:
        """Publish a promotion, or withdraw it by one that has ended; rows for the shoppers who stand there now."""
        self._promotions[promotion.pid] = promotion
        return self._tell_everyone(timestamp_ms)

    def locate(self, location: CustomerLocation, timestamp_ms: int) -> list[NearbyPromotion]:
        """What is new to this shopper from here, nearest first."""
        shopper = self._shoppers.get(location.uid)
        if shopper is None:
            shopper = self._shoppers[location.uid] = _Shopper(location, timestamp_ms)
        shopper.location, shopper.timestamp_ms = location, timestamp_ms
        return self._tell(shopper, timestamp_ms)

    def locate_many(self, locations: Sequence[tuple[CustomerLocation, int]]) -> list[list[NearbyPromotion]]:
        """`locate` for each, in order."""
        return [self.locate(location, timestamp_ms) for location, timestamp_ms in locations]

    def forget(self, uid: str) -> None:
        """Erase what is known of a shopper."""
        self._shoppers.pop(uid, None)

    def stats(self) -> Mapping[str, int]:
        """How much is held."""
        return {
            "placements": len(self._products),
            "promotions": len(self._promotions),
            "shoppers": len(self._shoppers),
        }

    def _tell_everyone(self, timestamp_ms: int) -> list[NearbyPromotion]:
        return [
            row
            for shopper in self._shoppers.values()
            if timestamp_ms - shopper.timestamp_ms <= STANDS_MS
            for row in self._tell(shopper, max(timestamp_ms, shopper.timestamp_ms))
        ]

    def _tell(self, shopper: _Shopper, timestamp_ms: int) -> list[NearbyPromotion]:
        rows: list[NearbyPromotion] = []
        moment = from_epoch_ms(timestamp_ms)
        here = shopper.location
        for product in self._products.values():
            feet = FEET_PER_KM * haversine_km(*here.point, *product.point)
            if feet > NEAR_FT or product.stock == 0:
                continue
            for promotion in self._promotions.values():
                pair = (product.sku, product.store, promotion.pid)
                applies = (
                    product.segment == promotion.segment if promotion.sku is None else product.sku == promotion.sku
                )
                if applies and promotion.live_at(moment) and pair not in shopper.seen:
                    shopper.seen.add(pair)
                    rows.append(_row(here, product, promotion, feet))
        return sorted(rows, key=lambda row: (row.distance_ft, row.sku, row.pid))


def _row(
    location: CustomerLocation, product: StoreProduct, promotion: ProductPromotion, distance_ft: float
) -> NearbyPromotion:
    return NearbyPromotion(
        uid=location.uid,
        latitude_deg=location.latitude_deg,
        longitude_deg=location.longitude_deg,
        pid=promotion.pid,
        sku=product.sku,
        segment=product.segment,
        distance_ft=distance_ft,
        country=location.country,
        variant=product.variant,
        title=promotion.title,
        discount=promotion.discount,
        name=product.name,
        price=product.price,
        stock=product.stock,
        store=product.store,
        section=product.section,
        location_id=location.id,
        ends_at=promotion.ends_at,
    )
