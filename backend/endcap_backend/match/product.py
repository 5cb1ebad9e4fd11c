"""Product mode: what a shopper should hear of, from where she stands. Latest wins, nearest first, each thing once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from endcap.geo import FEET_PER_KM, NEAR_FT, haversine_km
from endcap.messages import CustomerLocation, NearbyPromotion, ProductPromotion, StoreProduct
from endcap_backend.match.batch import Batch
from endcap_backend.match.offers import Offers, Shelves
from endcap_backend.match.placements import Kind
from endcap_backend.match.seek import STANDS_MS, shelves_near, standing_near
from endcap_backend.match.shelf import NearShelf
from endcap_backend.match.shoppers import Shopper, Shoppers
from endcap_backend.match.sight import Layer, Sight
from endcap_backend.match.tile import E5, Tile

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
        untold = self._untold_about(shopper, timestamp_ms)
        return self._tell(shopper, location, timestamp_ms, untold) if untold else []

    def locate_many(self, locations: Sequence[tuple[CustomerLocation, int]]) -> list[list[NearbyPromotion]]:
        """`locate` for each, in order: the same rows, with numpy a tile's fixes at once."""
        if not self._offers.index.vectorised or not self._shoppers.has_room_for(locations):
            return [self.locate(location, timestamp_ms) for location, timestamp_ms in locations]
        rows: list[list[NearbyPromotion]] = []
        batch = Batch()
        for location, timestamp_ms in locations:
            shopper = self._shoppers.admit(location, timestamp_ms)
            if shopper is None:
                self._dropped["late_fixes"] += 1
            elif untold := self._untold_about(shopper, timestamp_ms):
                batch.add(len(rows), shopper, location, timestamp_ms, untold)
            rows.append([])
        for at, shopper, location, timestamp_ms, shelves in batch.narrowed():
            rows[at] = self._tell(shopper, location, timestamp_ms, shelves)
        return rows

    def shelves_near(
        self, uid: str, skus: Collection[int], segments: Collection[str], moment_ms: int
    ) -> list[NearShelf]:
        """The shelves of these products and segments within 100 ft of a shopper's last fix, promoted or not, in stock
        or not, told of before or not."""
        shopper = self._shoppers.get(uid)
        if shopper is None or not (skus or segments):
            return []
        return shelves_near(self._offers, shopper, skus, segments, moment_ms)

    def standing_near(self, sku: int, store: str | None, moment_ms: int) -> list[str]:
        """The shoppers who stand about a product's shelf now: up to 5 minutes after their last fix."""
        return standing_near(self._offers, self._shoppers, sku, store, moment_ms)

    def stand(self, location: CustomerLocation, timestamp_ms: int) -> None:
        """Note where a shopper is without telling her anything: whatever is near stays new to her."""
        if self._shoppers.admit(location, timestamp_ms) is None:
            self._dropped["late_fixes"] += 1

    def retract(self, uid: str, shelves: Iterable[tuple[int, str | None]]) -> None:
        """Take back what `locate` told of some shelves (SKU and store), since she was not told: they are new to her."""
        shopper = self._shoppers.get(uid)
        if shopper is None:
            return
        shopper.quiet = -1
        placements, fronts = self._offers.placements, self._offers.fronts
        for sku, store in shelves:
            number = placements.find(sku, store)
            sight = None if number is None else fronts[placements.tiles[number]].sights.get(uid)
            if number is not None and sight is not None:
                sight.clear(placements.slots[number])

    def knows(self, sku: int, store: str | None) -> bool:
        """Whether this product has a shelf in this store, as far as it was placed here."""
        return self._offers.placements.find(sku, store) is not None

    def hear_anew(self, uid: str) -> None:
        """Forget what a shopper was told, but not where she stands: all that is near is new to her."""
        shopper = self._shoppers.get(uid)
        if shopper is not None:
            self.forget(uid)
            self._shoppers.admit(shopper.location, shopper.timestamp_ms)

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

    def _untold_about(self, shopper: Shopper, moment_ms: int) -> Shelves:
        """The shelves about a shopper that may be news to her. She walks in one cell for a minute or more, most of it
        past what she has been told of: both are remembered with her."""
        offers = self._offers
        if shopper.layout != offers.index.layout:
            shopper.tiles, shopper.layout = offers.index.about(shopper.cell), offers.index.layout
        elif shopper.quiet == offers.version:
            return {}
        untold = self._untold(shopper, shopper.tiles, moment_ms)
        fronts = (offers.fronts[tile.number] for tile in shopper.tiles)
        if not untold and all(front.nothing_begins_after(moment_ms) for front in fronts):
            shopper.quiet = offers.version
        return untold

    def _untold(self, shopper: Shopper, tiles: Iterable[Tile], moment_ms: int) -> Shelves:
        """The shelves of tiles that may be news to a shopper."""
        fronts, uid = self._offers.fronts, shopper.uid
        return {tile: among for tile in tiles if (among := fronts[tile.number].untold(uid, moment_ms))}

    def _tell_about(self, shelves: Shelves, timestamp_ms: int) -> list[NearbyPromotion]:
        """The rows about these shelves for who stands there now."""
        rows: list[NearbyPromotion] = []
        for shopper in self._shoppers.about(tile.cell for tile in shelves):
            if timestamp_ms - shopper.timestamp_ms <= STANDS_MS:
                rows += self._tell(shopper, shopper.location, max(timestamp_ms, shopper.timestamp_ms), shelves)
        return rows

    def _tell(
        self, shopper: Shopper, location: CustomerLocation, moment_ms: int, shelves: Shelves
    ) -> list[NearbyPromotion]:
        """The rows of these shelves that are new to a shopper at a moment; they count as told from now on."""
        rows: list[NearbyPromotion] = []
        most, told = self._most_shelves, 0
        kind_of, live = self._offers.placements.kind, self._offers.promotions.at(moment_ms)
        while near := self._near(shopper, location, moment_ms, shelves):
            near.sort()
            sights = {tile: self._sight(shopper, tile, moment_ms) for tile in {each[4] for each in near}}
            for each in near[:most]:
                if told == most:
                    break
                _, sku, _, number, tile, slot = each
                kind = kind_of(number)
                news = live.of(sku, kind.segment)
                sight, layer = sights[tile]
                if len(sight.layers) > 1:
                    news = [promotion for promotion in news if not sight.told(slot, promotion)]
                sight.mark(slot, layer)
                if news:
                    told += 1
                    rows += [self._row(location, each, kind, promotion.record) for promotion in news]
            if most is None or told == most or len(near) < most:
                break  # else shelves without news have taken the place of others, further away
        return rows

    def _near(self, shopper: Shopper, location: CustomerLocation, moment_ms: int, shelves: Shelves) -> list[Near]:
        """Of these shelves those within 100 ft that may be news, or enough of them to hold the nearest
        `most_shelves`."""
        latitude_deg, longitude_deg = location.latitude_deg, location.longitude_deg
        latitude_e5, longitude_e5 = round(latitude_deg * E5), round(longitude_deg * E5)
        placements = self._offers.placements
        found: list[Near] = []
        for tile, untold in self._untold(shopper, shelves, moment_ms).items():
            offset = tile.look(latitude_e5, longitude_e5)
            among = untold & shelves[tile]
            if offset is None or not among:
                continue
            for slot in tile.pick(*offset, among, self._most_shelves):
                distance_ft = haversine_km(latitude_deg, longitude_deg, *tile.point(slot)) * FEET_PER_KM
                if distance_ft <= NEAR_FT:
                    number = tile.ids[slot]
                    found.append((distance_ft, placements.skus[number], placements.store(number), number, tile, slot))
        return found

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
        distance_ft, sku, _, number, tile, slot = near
        shelf = placements.shelf(number)
        shelf_latitude_deg, shelf_longitude_deg = tile.point(slot)
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
            shelf_latitude_deg=shelf_latitude_deg,
            shelf_longitude_deg=shelf_longitude_deg,
            ends_at=promotion.ends_at,
        )
