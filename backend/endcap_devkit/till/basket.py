"""What lies on the belt: lines as somebody types them, or as a file has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from endcap.errors import BadMessage
from endcap_backend.retail.files import read_rows
from endcap_backend.retail.held import Price
from endcap_backend.retail.purchase import BasketLine
from endcap_backend.retail.rows import faults_of

EXAMPLE = "9001x2@6.90"


@dataclass(frozen=True, slots=True)
class Basket:
    """The lines, in the order they were scanned."""

    lines: tuple[BasketLine, ...]

    @property
    def cents(self) -> int:
        return sum(line.quantity * round(line.price * 100) for line in self.lines)

    def to_json(self) -> list[dict[str, Any]]:
        return [line.to_json() for line in self.lines]


def parse_line(text: str, prices: Mapping[int, Price] | None = None) -> BasketLine:
    """A line such as `9001x2@6.90`: SKU, pieces, price of one; `9001@6.90` is one piece, `9001x2` costs what is held.

    Raises:
        BadMessage: it is no such line; names the field.
    """
    product, at, price = text.partition("@")
    sku, times, quantity = product.partition("x")
    try:
        if not at:
            price = _price_of(int(sku), prices or {})
        found = {"sku": int(sku), "quantity": int(quantity) if times else 1, "price": float(price)}
    except LookupError:
        why = (
            "has no price"
            if sku.isdecimal() and int(sku) in (prices or {})
            else "names no product whose price is known"
        )
        raise BadMessage("item", f"{text!r} {why}: write SKU x pieces @ price, such as {EXAMPLE}") from None
    except ValueError:
        raise BadMessage("item", f"{text!r} is no line: write SKU x pieces @ price, such as {EXAMPLE}") from None
    return BasketLine.from_json(found)


def read_basket_file(path: Path) -> list[BasketLine]:
    """The lines of a .csv or .jsonl file with the columns sku, quantity and price.

    Raises:
        BadMessage: a row that is wrong; names the row and the field.
        BadConfig: a file that as a whole can't be read.
    """
    return [_line(row.where, row.value) for row in read_rows(path, BasketLine)]


def make_basket(items: Sequence[str], files: Sequence[Path], prices: Mapping[int, Price] | None = None) -> Basket:
    """The basket of all that was named; `prices` are what is held of the store.

    Raises:
        BadMessage: nothing was, or a line is wrong.
    """
    lines = [parse_line(item, prices) for item in items] + [line for path in files for line in read_basket_file(path)]
    if not lines:
        raise BadMessage("item", f"name at least one, such as --item {EXAMPLE}, or a file with --basket")
    return Basket(tuple(lines))


def _price_of(sku: int, prices: Mapping[int, Price]) -> str:
    cents = prices[sku].cents
    if cents is None:
        raise LookupError(sku)
    return f"{cents / 100:.2f}"


def _line(where: str, value: object) -> BasketLine:
    try:
        if isinstance(value, BadMessage):
            raise value
        return BasketLine.from_json(value)
    except BadMessage as first:
        fault = (*faults_of(value, BasketLine), first)[0]
        raise BadMessage(f"{where}: {fault.field}".rstrip(": "), fault.reason) from None
