"""What is on offer and where: placements in the spatial index, promotions beside them, never their product.

Promotions stay by SKU and by segment; a tile only knows which of its shelves have any.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from endcap.messages import ProductPromotion, StoreProduct
from endcap.wire import epoch_ms
from endcap_backend.match.index import SpatialIndex
from endcap_backend.match.placements import Placements
from endcap_backend.match.promotions import Promotions, Published
from endcap_backend.match.sight import Front
from endcap_backend.match.tile import Tile

ENDED_MS = 60 * 60_000  # how long an ended promotion is kept for fixes that arrive late
Shelves = dict[Tile, int]  # a set of shelves, as the bits of their slots, by tile


class Offers:
    """The shelves of every store and what is promoted on them. One owner thread.

    Beyond `most_placements` and `most_promotions` new ones are refused and counted in `dropped`.
    """

    def __init__(
        self, vectorised: bool | None, most_placements: int, most_promotions: int, dropped: Counter[str]
    ) -> None:
        self.index = SpatialIndex(vectorised)
        self.placements = Placements()
        self.promotions = Promotions()
        self.fronts: list[Front] = []  # by tile number
        self.version = 0  # grows whenever there may be something new to tell
        self.moves = 0  # grows whenever a product comes to a place
        self._most_placements = most_placements
        self._most_promotions = most_promotions
        self._dropped = dropped

    def place(self, product: StoreProduct) -> Shelves:
        """Put a product on its shelf, as its latest record says; the shelf, when it has anything to offer.

        A product that moved or changed its segment is told anew to everyone, one whose price or stock changed is not.
        """
        self.version += 1
        number = self.placements.find(product.sku, product.store)
        if number is not None:
            self._replace(number, product)
        elif product.removed:
            return {}  # it was never known here
        elif len(self.placements) < self._most_placements:
            number = self.placements.add(product)
            self._settle(number, product)
        else:
            self._dropped["placements_refused"] += 1
            return {}
        tile, slot = self._where(number)
        return {tile: 1 << slot} if self._offer(number, tile, slot) else {}

    def promote(self, record: ProductPromotion, timestamp_ms: int) -> Shelves:
        """Publish a promotion, or withdraw it by a record that has ended; the shelves in stock that it newly holds for.

        A record equal to the current one changes nothing; one that differs is a new promotion to everyone.
        """
        current = self.promotions.get(record.pid)
        if current is not None and current.record == record:
            return {}
        if current is not None:
            self._withdraw(current)
        for ended in self.promotions.ended(record, timestamp_ms - ENDED_MS):
            self._withdraw(ended)
        if record.ends_at is not None and epoch_ms(record.ends_at) <= timestamp_ms:
            return {}
        if len(self.promotions) >= self._most_promotions:
            self._dropped["promotions_refused"] += 1
            return {}
        self.version += 1
        return self._publish(self.promotions.publish(record))

    def nbytes_placements(self) -> int:
        """What placements take, with the index and their tiles."""
        return self.placements.nbytes() + self.index.nbytes() + sum(front.nbytes() for front in self.fronts)

    def _replace(self, number: int, product: StoreProduct) -> None:
        tile, slot = self._where(number)
        segment, back = self.placements.kind(number).segment, self.placements.gone(number)
        self.placements.replace(number, product)
        if product.removed:
            self.moves += 1  # who seeks it near her looks again
            return
        if tile.point(slot) == product.point and segment == product.segment and not back:
            return
        tile.take(slot)
        self.fronts[tile.number].clear(slot)
        self._settle(number, product)

    def _settle(self, number: int, product: StoreProduct) -> None:
        """Give a placement its slot in the tile where it stands, and the tile the placement's promotions."""
        self.moves += 1
        tile, slot = self.index.put(number, product.point)
        self.placements.tiles[number], self.placements.slots[number] = tile.number, slot
        if tile.number == len(self.fronts):
            self.fronts.append(Front())
        for promotion in self.promotions.of(product.sku, product.segment):
            self.fronts[tile.number].publish(promotion)

    def _offer(self, number: int, tile: Tile, slot: int) -> bool:
        """Set or clear a shelf's bit: whether it has anything to offer."""
        sku, segment = self.placements.skus[number], self.placements.kind(number).segment
        offers = self.placements.stock(number) != 0 and self.promotions.any_of(sku, segment)
        front = self.fronts[tile.number]
        front.offered = front.offered | 1 << slot if offers else front.offered & ~(1 << slot)
        return offers

    def _publish(self, promotion: Published) -> Shelves:
        shelves: defaultdict[Tile, int] = defaultdict(int)
        for number in self._numbers(promotion):
            tile, slot = self._where(number)
            shelves[tile] |= (self.placements.stock(number) != 0) << slot
        for tile, mask in shelves.items():
            front = self.fronts[tile.number]
            front.publish(promotion)  # also where all is out of stock: it may come back
            front.offered |= mask
        return shelves

    def _withdraw(self, promotion: Published) -> None:
        self.promotions.withdraw(promotion.record.pid)
        for number in self._numbers(promotion):
            self._offer(number, *self._where(number))

    def _numbers(self, promotion: Published) -> Iterator[int]:
        sku = promotion.record.sku
        return self.placements.of_segment(promotion.record.segment) if sku is None else self.placements.of_sku(sku)

    def _where(self, number: int) -> tuple[Tile, int]:
        return self.index.tiles[self.placements.tiles[number]], self.placements.slots[number]
