"""Product mode: what a shopper should hear of, from where she stands. Latest wins, nearest first, each thing once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from endcap.geo import FEET_PER_KM, NEAR_FT, haversine_km
from endcap.messages import CustomerLocation, NearbyPromotion, ProductPromotion, StoreProduct
from endcap_backend.match.batch import Batch
from endcap_backend.match.offers import Offers, Shelves
from endcap_backend.match.placements import Kind
from endcap_backend.match.promotions import Published
from endcap_backend.match.shoppers import Shopper, Shoppers
from endcap_backend.match.sight import Layer, Sight
from endcap_backend.match.tile import E5, FEW, Tile, slots_of

STANDS_MS = 5 * 60_000  # how long after her last fix a shopper still counts as standing there
MOST_PLACEMENTS = 4_000_000  # 400 MB
MOST_PROMOTIONS = 100_000  # 100 MB
MOST_SHOPPERS = 200_000  # 400 MB with what they have been told
DROPPED = ("late_fixes", "shoppers_forgotten", "sights_merged", "placements_refused", "promotions_refused")

Near = tuple[float, int, str, int, Tile, int]  # distance in feet, SKU, store; the placement's number, tile, slot


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
        self._shoppers = Shoppers(most_shoppers, self._forget_for_room)

    def place(self, product: StoreProduct, timestamp_ms: int) -> list[NearbyPromotion]:
        """Put a product on its shelf; rows for the shoppers who stand there now: up to 5 minutes after their last fix.

        A product that moved or changed its segment is new to everyone; one whose price or stock changed is not.
        """
        shelves = self._offers.place(product)
        return self._tell_about(shelves, timestamp_ms)

    def promote(self, promotion: ProductPromotion, timestamp_ms: int) -> list[NearbyPromotion]:
        """Publish a promotion, or withdraw it by a record that has ended; rows for the shoppers who stand there now.

        A record equal to the current one changes nothing; one that differs is a new promotion to everyone.
        """
        shelves = self._offers.promote(promotion, timestamp_ms)
        return self._tell_about(shelves, timestamp_ms)

    def locate(self, location: CustomerLocation, timestamp_ms: int) -> list[NearbyPromotion]:
        """What is new to this shopper from here, nearest first.

        A fix older than her last one tells nothing and is counted as `late_fixes`.
        """
        shopper = self._shoppers.admit(location, timestamp_ms)
        if shopper is None:
            self._dropped["late_fixes"] += 1
            return []
        tiles = self._tiles_about(shopper)
        return self._tell(shopper, location, timestamp_ms, tiles) if tiles else []

    def locate_many(self, locations: Sequence[tuple[CustomerLocation, int]]) -> list[list[NearbyPromotion]]:
        """`locate` for each, in order: the same rows, with numpy a tile's fixes at once."""
        if not self._offers.index.vectorised or not self._shoppers.has_room_for(locations):
            return [self.locate(location, timestamp_ms) for location, timestamp_ms in locations]
        rows: list[list[NearbyPromotion]] = []
        batch = Batch(self._offers.fronts)
        for location, timestamp_ms in locations:
            shopper = self._shoppers.admit(location, timestamp_ms)
            if shopper is None:
                self._dropped["late_fixes"] += 1
            elif tiles := self._tiles_about(shopper):
                batch.add(len(rows), shopper, location, timestamp_ms, tiles)
            rows.append([])
        for at, shopper, location, timestamp_ms, shelves in batch.reached():
            rows[at] = self._tell(shopper, location, timestamp_ms, shelves, shelves)
        return rows

    def stand(self, location: CustomerLocation, timestamp_ms: int) -> None:
        """Note where a shopper is without telling her anything: whatever is near stays new to her."""
        if self._shoppers.admit(location, timestamp_ms) is None:
            self._dropped["late_fixes"] += 1

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

    def _forget_for_room(self, uid: str) -> None:
        self.forget(uid)
        self._dropped["shoppers_forgotten"] += 1

    def _tiles_about(self, shopper: Shopper) -> Sequence[Tile]:
        """The tiles about a shopper's cell; remembered with her, as she walks in one for a minute or more."""
        index = self._offers.index
        if shopper.layout != index.layout:
            shopper.tiles, shopper.layout = index.about(shopper.cell), index.layout
        return shopper.tiles

    def _tell_about(self, shelves: Shelves, timestamp_ms: int) -> list[NearbyPromotion]:
        """The rows about these shelves for who stands there now."""
        rows: list[NearbyPromotion] = []
        for shopper in self._shoppers.about(tile.cell for tile in shelves):
            if timestamp_ms - shopper.timestamp_ms <= STANDS_MS:
                moment_ms = max(timestamp_ms, shopper.timestamp_ms)
                rows += self._tell(shopper, shopper.location, moment_ms, shelves, shelves)
        return rows

    def _tell(
        self, shopper: Shopper, location: CustomerLocation, moment_ms: int, tiles: Iterable[Tile],
        shelves: Shelves | None = None,
    ) -> list[NearbyPromotion]:  # fmt: skip
        """The rows that are new to a shopper at a moment, of all shelves of tiles or of these; they count as told."""
        rows: list[NearbyPromotion] = []
        most, told = self._most_shelves, 0
        while near := self._near(shopper, location, moment_ms, tiles, shelves):
            near.sort()
            sights = {tile: self._sight(shopper, tile, moment_ms) for tile in {each[4] for each in near}}
            for each in near[:most]:
                if told == most:
                    break
                kind = self._offers.placements.kind(each[3])
                news = self._news(each, kind.segment, moment_ms, *sights[each[4]])
                if news:
                    told += 1
                    rows += [self._row(location, each, kind, promotion.record) for promotion in news]
            if most is None or told == most or len(near) < most:
                break  # else shelves without news have taken the place of others, further away
        return rows

    def _near(
        self,
        shopper: Shopper,
        location: CustomerLocation,
        moment_ms: int,
        tiles: Iterable[Tile],
        shelves: Shelves | None,
    ) -> list[Near]:
        """The shelves within 100 ft that may have news, or enough of them to hold the nearest `most_shelves`."""
        latitude_deg, longitude_deg = location.latitude_deg, location.longitude_deg
        latitude_e5, longitude_e5 = round(latitude_deg * E5), round(longitude_deg * E5)
        placements, fronts = self._offers.placements, self._offers.fronts
        found: list[Near] = []
        for tile in tiles:
            offset = tile.look(latitude_e5, longitude_e5)
            if offset is None:
                continue
            among = fronts[tile.number].untold(shopper.uid, moment_ms)
            if shelves is not None:
                among &= shelves[tile]
            if not among:
                continue
            few = shelves is not None and among.bit_count() <= FEW  # and mostly within reach: a batch has looked
            for slot in slots_of(among) if few else tile.pick(*offset, among, self._most_shelves):
                distance_ft = haversine_km(latitude_deg, longitude_deg, *tile.point(slot)) * FEET_PER_KM
                if distance_ft <= NEAR_FT:
                    number = tile.ids[slot]
                    found.append((distance_ft, placements.skus[number], placements.store(number), number, tile, slot))
        return found

    def _news(self, near: Near, segment: str, moment_ms: int, sight: Sight, layer: Layer) -> list[Published]:
        """The promotions of a shelf that are new to a shopper, by pid; they are told from now on."""
        _, sku, _, _, _, slot = near
        promotions = self._offers.promotions.of(sku, segment)
        news = [promotion for promotion in promotions if promotion.starts_ms <= moment_ms < promotion.ends_ms]
        if len(sight.layers) > 1:
            news = [promotion for promotion in news if not sight.told(slot, promotion)]
        sight.mark(slot, layer)
        return news

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

    def _row(self, location: CustomerLocation, near: Near, kind: Kind, promotion: ProductPromotion) -> NearbyPromotion:
        placements = self._offers.placements
        distance_ft, sku, _, number, _, _ = near
        shelf = placements.shelf(number)
        return NearbyPromotion(
            uid=location.uid,
            latitude_deg=location.latitude_deg,
            longitude_deg=location.longitude_deg,
            pid=promotion.pid,
            sku=sku,
            segment=kind.segment,
            distance_ft=distance_ft,
            country=location.country,
            variant=kind.variant,
            title=promotion.title,
            discount=promotion.discount,
            name=kind.name,
            price=placements.price(number),
            stock=placements.stock(number),
            store=shelf.store,
            section=shelf.section,
            location_id=location.id,
            ends_at=promotion.ends_at,
        )
