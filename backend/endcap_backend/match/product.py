"""Product mode: what a shopper should hear of, from where she stands. Latest wins, nearest first, each thing once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from endcap.geo import FEET_PER_KM, NEAR_FT, haversine_km
from endcap.messages import CustomerLocation, NearbyPromotion, ProductPromotion, StoreProduct
from endcap_backend.match.offers import Offers, Shelves
from endcap_backend.match.promotions import Published
from endcap_backend.match.shoppers import Shopper, Shoppers
from endcap_backend.match.sight import Layer, Sight
from endcap_backend.match.tile import Tile
from endcap_backend.match.tiling import ROW_DEG

STANDS_MS = 5 * 60_000  # how long after her last fix a shopper still counts as standing there
MOST_PLACEMENTS = 4_000_000  # 400 MB
MOST_PROMOTIONS = 100_000  # 100 MB
MOST_SHOPPERS = 200_000  # 400 MB with what they have been told
DROPPED = ("late_fixes", "shoppers_forgotten", "sights_merged", "placements_refused", "promotions_refused")


class Near(NamedTuple):
    """A shelf within 100 ft of a fix; sorts nearest first, ties by SKU and store."""

    distance_ft: float
    sku: int
    store: str
    number: int  # of the placement
    tile: Tile
    slot: int


class ProductMatch:
    """Products, promotions and each shopper's last fix, in memory. No I/O; one owner thread.

    A promotion that names a SKU is for that SKU, one that names none for every product of its segment. The latest
    record of a product in a store, and of a pid, counts. Time takes nothing away but by `starts_at` and `ends_at`,
    which are held against the time of the fix. What is out of stock is not offered.

    `most_shelves` bounds how many shelves one fix may tell of, the nearest first; those left out are still new to the
    next. None: no bound. `vectorised` None takes numpy where it is installed; with and without, the rows are the same.
    The other bounds are of memory; what goes beyond is dropped and counted in `stats`.
    """

    def __init__(
        self,
        *,
        most_shelves: int | None = None,
        vectorised: bool | None = None,
        most_placements: int = MOST_PLACEMENTS,
        most_promotions: int = MOST_PROMOTIONS,
        most_shoppers: int = MOST_SHOPPERS,
    ) -> None:
        self._most_shelves = most_shelves
        self._dropped: Counter[str] = Counter()
        self._offers = Offers(vectorised, most_placements, most_promotions, self._dropped)
        self._shoppers = Shoppers(most_shoppers)

    def place(self, product: StoreProduct, timestamp_ms: int) -> list[NearbyPromotion]:
        """Put a product on its shelf; rows for the shoppers who stand there now: up to 5 minutes after their last fix.

        A product that moved or changed its segment is new to everyone; one whose price or stock changed is not.
        """
        shelves = self._offers.place(product)
        if not shelves:
            return []
        return self._tell_about(shelves, self._shoppers.about(product.point, 0.0), timestamp_ms)

    def promote(self, promotion: ProductPromotion, timestamp_ms: int) -> list[NearbyPromotion]:
        """Publish a promotion, or withdraw it by a record that has ended; rows for the shoppers who stand there now.

        A record equal to the current one changes nothing; one that differs is a new promotion to everyone.
        """
        shelves = self._offers.promote(promotion, timestamp_ms)
        return self._tell_about(shelves, self._about(shelves), timestamp_ms)

    def locate(self, location: CustomerLocation, timestamp_ms: int) -> list[NearbyPromotion]:
        """What is new to this shopper from here, nearest first.

        A fix older than her last one tells nothing and is counted as `late_fixes`.
        """
        shopper = self._admit(location, timestamp_ms)
        return [] if shopper is None else self._tell(shopper, timestamp_ms)

    def locate_many(self, locations: Sequence[tuple[CustomerLocation, int]]) -> list[list[NearbyPromotion]]:
        """`locate` for each, in order."""
        return [self.locate(location, timestamp_ms) for location, timestamp_ms in locations]

    def retract(self, uid: str, shelves: Iterable[tuple[int, str | None]]) -> None:
        """Take back what `locate` told of some shelves (SKU and store), since she was not told: they are new to her."""
        for sku, store in shelves:
            number = self._offers.placements.find(sku, store)
            if number is None:
                continue
            sight = self._offers.fronts[self._offers.placements.tiles[number]].sights.get(uid)
            if sight is not None:
                sight.clear(self._offers.placements.slots[number])

    def forget(self, uid: str) -> None:
        """Erase what is known of a shopper: where she was and what she has been told."""
        shopper = self._shoppers.forget(uid)
        if shopper is not None:
            for number in shopper.told_in:
                del self._offers.fronts[number].sights[uid]

    def stats(self) -> Mapping[str, int]:
        """How much is held, about how many bytes it takes, and what was dropped, by reason."""
        offers = self._offers
        return {
            "placements": len(offers.placements),
            "promotions": len(offers.promotions),
            "shoppers": len(self._shoppers),
            "tiles": len(offers.fronts),
            "bytes_placements": offers.nbytes_placements(),
            "bytes_promotions": offers.promotions.nbytes(),
            "bytes_shoppers": self._shoppers.nbytes() + sum(front.nbytes_sights() for front in offers.fronts),
            **{reason: self._dropped[reason] for reason in DROPPED},
        }

    def _admit(self, location: CustomerLocation, timestamp_ms: int) -> Shopper | None:
        shopper = self._shoppers.admit(location, timestamp_ms)
        if shopper is None:
            self._dropped["late_fixes"] += 1
        elif (surplus := self._shoppers.surplus()) is not None:
            self.forget(surplus.uid)
            self._dropped["shoppers_forgotten"] += 1
        return shopper

    def _about(self, tiles: Iterable[Tile]) -> Iterable[Shopper]:
        """Who stands in or beside these tiles, each once."""
        return {
            shopper.uid: shopper for tile in tiles for shopper in self._shoppers.about(tile.centre, ROW_DEG / 2)
        }.values()

    def _tell_about(self, shelves: Shelves, shoppers: Iterable[Shopper], timestamp_ms: int) -> list[NearbyPromotion]:
        rows: list[NearbyPromotion] = []
        for shopper in shoppers:
            if timestamp_ms - shopper.timestamp_ms <= STANDS_MS:
                rows += self._tell(shopper, max(timestamp_ms, shopper.timestamp_ms), shelves)
        return rows

    def _tell(self, shopper: Shopper, moment_ms: int, shelves: Shelves | None = None) -> list[NearbyPromotion]:
        """The rows that are new to a shopper at a moment, of all shelves or of these; they are told from now on."""
        rows: list[NearbyPromotion] = []
        most, told = self._most_shelves, 0
        while True:
            near = sorted(self._near(shopper, moment_ms, shelves))[:most]
            for each in near:
                if told == most:
                    return rows
                news = self._news(shopper, each, moment_ms)
                told += bool(news)
                rows += [self._row(shopper.location, each, promotion.record) for promotion in news]
            if most is None or len(near) < most:
                return rows  # else shelves without news may have taken the place of others, further away

    def _near(self, shopper: Shopper, moment_ms: int, shelves: Shelves | None) -> Iterator[Near]:
        """The shelves within 100 ft that may have news, or enough of them to hold the nearest `most_shelves`."""
        placements = self._offers.placements
        latitude_deg, longitude_deg = shopper.location.point
        for tile in self._offers.index.touched(shopper.location.point):
            among = self._untold(shopper, tile, moment_ms)
            if shelves is not None:
                among &= shelves.get(tile, 0)
            if not among:
                continue
            east, north = tile.offset(shopper.latitude_e5, shopper.longitude_e5)
            for slot in tile.pick(east, north, among, self._most_shelves):
                distance_ft = haversine_km(latitude_deg, longitude_deg, *tile.point(slot)) * FEET_PER_KM
                if distance_ft <= NEAR_FT:
                    number = tile.ids[slot]
                    store = placements.shelf(number).store or ""
                    yield Near(distance_ft, placements.skus[number], store, number, tile, slot)

    def _untold(self, shopper: Shopper, tile: Tile, moment_ms: int) -> int:
        """The shelves of a tile that may have news for a shopper."""
        front = self._offers.fronts[tile.number]
        sight = front.sights.get(shopper.uid)
        layer = None if sight is None else sight.layer_at(front, moment_ms)
        return front.offered if layer is None else front.offered & ~layer.shelves

    def _news(self, shopper: Shopper, near: Near, moment_ms: int) -> list[Published]:
        """The promotions of a shelf that are new to a shopper, by pid; they are told from now on."""
        promotions = self._offers.promotions
        segment = self._offers.placements.kind(near.number).segment
        sight, layer = self._sight(shopper, near.tile, moment_ms)
        news = [
            promotion
            for promotion in promotions.of(near.sku, segment)
            if promotion.live_at(moment_ms) and not sight.told(near.slot, promotion)
        ]
        sight.mark(near.slot, layer)
        return sorted(news, key=lambda promotion: promotion.record.pid)

    def _sight(self, shopper: Shopper, tile: Tile, moment_ms: int) -> tuple[Sight, Layer]:
        """What a shopper has been told in a tile, and the layer in which to write what she is told now."""
        front, turn = self._offers.fronts[tile.number], self._offers.promotions.turn
        sight = front.sights.get(shopper.uid)
        if sight is None:
            sight = front.sights[shopper.uid] = Sight(turn, moment_ms)
            shopper.told_in.add(tile.number)
        layer = sight.layer_at(front, moment_ms)
        if layer is None:
            if not sight.begin(turn, moment_ms):
                self._dropped["sights_merged"] += 1
            layer = sight.layers[0]
        return sight, layer

    def _row(self, location: CustomerLocation, near: Near, promotion: ProductPromotion) -> NearbyPromotion:
        placements = self._offers.placements
        kind, shelf = placements.kind(near.number), placements.shelf(near.number)
        return NearbyPromotion(
            uid=location.uid,
            latitude_deg=location.latitude_deg,
            longitude_deg=location.longitude_deg,
            pid=promotion.pid,
            sku=near.sku,
            segment=kind.segment,
            distance_ft=near.distance_ft,
            country=location.country,
            variant=kind.variant,
            title=promotion.title,
            discount=promotion.discount,
            name=kind.name,
            price=placements.price(near.number),
            stock=placements.stock(near.number),
            store=shelf.store,
            section=shelf.section,
            location_id=location.id,
            ends_at=promotion.ends_at,
        )
