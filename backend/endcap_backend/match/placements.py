"""Every product's place in every store, in columns: 70 B a placement and its share of the words, which stand once."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import NamedTuple

from endcap.messages import StoreProduct
from endcap_backend.match.tables import NumberTable, Words

NO_STOCK_TOLD = -1
NONE = 0xFFFF_FFFF  # no next placement


class Kind(NamedTuple):
    """What placements of one product have in common."""

    segment: str
    variant: str | None
    name: str | None


class Shelf(NamedTuple):
    """What placements in one part of one store have in common."""

    store: str | None
    section: str | None


class Placements:
    """The current placements, numbered from 0 as they come; (SKU, store) names one. What is removed keeps
    its number, and is found by no SKU and no segment until it comes back.

    One owner thread. `tiles` and `slots` say where the spatial index has it.
    """

    def __init__(self) -> None:
        self.skus = array("q")
        self.tiles = array("I")
        self.slots = array("I")
        self._kinds = array("I")
        self._shelves = array("I")
        self._prices = array("d")
        self._stocks = array("i")
        self._next_of_sku = array("I")
        self._of_segment: dict[str, array[int]] = {}
        self._gone: set[int] = set()
        self._kind = Words[Kind]()
        self._shelf = Words[Shelf]()
        self._by_key = NumberTable(lambda number: hash((self.skus[number], self.shelf(number).store)))
        self._by_sku = NumberTable(lambda number: hash(self.skus[number]))

    def __len__(self) -> int:
        return len(self.skus)

    def find(self, sku: int, store: str | None) -> int | None:
        """The number of the product's placement in a store."""
        return self._by_key.find(
            hash((sku, store)), lambda number: self.skus[number] == sku and self.shelf(number).store == store
        )

    def add(self, product: StoreProduct) -> int:
        """A new placement; the caller has made sure that `find` knows none."""
        number = len(self.skus)
        self.skus.append(product.sku)
        for column in (self.tiles, self.slots, self._kinds, self._shelves, self._stocks):
            column.append(0)
        self._prices.append(0.0)
        self._next_of_sku.append(NONE)
        self._describe(number, product)
        self._by_key.add(hash((product.sku, product.store)), number)
        self._link(number)
        self._of_segment.setdefault(product.segment, array("I")).append(number)
        return number

    def replace(self, number: int, product: StoreProduct) -> None:
        """Overwrite a placement's facts by its latest record."""
        segment = self.kind(number).segment
        self._describe(number, product)
        (self._gone.add if product.removed else self._gone.discard)(number)
        if product.segment != segment:
            self._of_segment[segment].remove(number)
            self._of_segment.setdefault(product.segment, array("I")).append(number)

    def kind(self, number: int) -> Kind:
        return self._kind.words[self._kinds[number]]

    def shelf(self, number: int) -> Shelf:
        return self._shelf.words[self._shelves[number]]

    def store(self, number: int) -> str:
        """The store's id, "" for none: what names are sorted by."""
        return self._shelf.words[self._shelves[number]].store or ""

    def price(self, number: int) -> float | None:
        price = self._prices[number]
        return price if price >= 0 else None

    def stock(self, number: int) -> int | None:
        stock = self._stocks[number]
        return None if stock == NO_STOCK_TOLD else stock

    def gone(self, number: int) -> bool:
        """True when the product stands there no more."""
        return number in self._gone

    def of_sku(self, sku: int) -> Iterator[int]:
        """The placements of one product, in whatever store."""
        number = self._by_sku.find(hash(sku), lambda candidate: self.skus[candidate] == sku)
        while number is not None and number != NONE:
            if number not in self._gone:
                yield number
            number = self._next_of_sku[number]

    def of_segment(self, segment: str) -> Iterator[int]:
        """The placements of one kind of product."""
        numbers = self._of_segment.get(segment, ())
        return (number for number in numbers if number not in self._gone) if self._gone else iter(numbers)

    def nbytes(self) -> int:
        """What the columns, the tables and the words take."""
        columns = (
            2 * 8 + 7 * 4
        )  # of each placement: SKU and price, and seven of four bytes with the list of its segment
        words = self._kind.nbytes() + self._shelf.nbytes()
        return len(self) * columns * 17 // 16 + self._by_key.nbytes() + self._by_sku.nbytes() + words

    def _describe(self, number: int, product: StoreProduct) -> None:
        self._kinds[number] = self._kind.number(Kind(product.segment, product.variant, product.name))
        self._shelves[number] = self._shelf.number(Shelf(product.store, product.section))
        self._prices[number] = -1.0 if product.price is None else product.price
        self._stocks[number] = NO_STOCK_TOLD if product.stock is None else product.stock

    def _link(self, number: int) -> None:
        sku = self.skus[number]
        head = self._by_sku.find(hash(sku), lambda candidate: self.skus[candidate] == sku)
        if head is None:
            self._by_sku.add(hash(sku), number)
        else:  # behind the head, so that the table need not change
            self._next_of_sku[number] = self._next_of_sku[head]
            self._next_of_sku[head] = number
