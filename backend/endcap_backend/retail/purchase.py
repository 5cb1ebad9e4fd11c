"""A purchase as a till or an app sends it: a basket, and at the till the code she showed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, select

from endcap.errors import BadMessage
from endcap.wire import BIGINT_MAX, ID_PATTERN, Message, wired
from endcap_backend.retail.codes import MAX_CHARS
from endcap_backend.retail.offers import Line
from endcap_backend.retail.schema import Product

MAX_LINES = 200
MAX_QUANTITY = 999
MAX_PRICE = 1e6  # of a piece: a basket then stays far below what a column holds


@dataclass(frozen=True, slots=True)
class BasketLine(Message):
    """One product in a basket."""

    sku: int = wired("sku", "integer", "the product's number", minimum=0, maximum=BIGINT_MAX)
    quantity: int = wired("quantity", "integer", "pieces", minimum=1, maximum=MAX_QUANTITY)
    price: float = wired(
        "price", "number", "of one piece, before any offer", unit="currency", minimum=0, maximum=MAX_PRICE
    )


@dataclass(frozen=True, slots=True)
class Till(Message):
    """What a till says of a purchase besides its basket."""

    id: str = wired("id", "text", "names the purchase; sent again, it gets the same answer", pattern=ID_PATTERN)
    code: str = wired("code", "text", "what the till scanned", max_chars=MAX_CHARS)
    store: str = wired("store", "text", "the store", pattern=ID_PATTERN)
    scanned_at: datetime | None = wired(
        "scanned_at", "instant", "when the code was scanned, by a till that was offline then; none: now", default=None
    )


@dataclass(frozen=True, slots=True)
class Answer:
    """What a redemption or a reversal is answered, word for word each time; `new` when it happened now."""

    text: str
    new: bool


@dataclass(frozen=True, slots=True)
class Purchase:
    """A purchase to redeem."""

    till: Till
    basket: tuple[BasketLine, ...]

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Purchase:
        """Read a request's body.

        Raises:
            BadMessage: names the field at fault.
        """
        return cls(Till.from_json(body), tuple(read_basket(body)))

    @property
    def fingerprint(self) -> str:
        """The same for the same request, whichever way it was written."""
        parts = [self.till.to_json(), [line.to_json() for line in self.basket]]
        return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def read_basket(body: Mapping[str, Any]) -> list[BasketLine]:
    """The lines of `basket`.

    Raises:
        BadMessage: none, too many, or one at fault.
    """
    lines = body.get("basket")
    if not isinstance(lines, list):
        raise BadMessage("basket", "must be an array" if "basket" in body else "is missing")
    if not 1 <= len(lines) <= MAX_LINES:
        raise BadMessage("basket", f"has {len(lines)} lines: send 1 to {MAX_LINES}")
    return [_line(index, line) for index, line in enumerate(lines)]


def as_lines(connection: Connection, basket: Sequence[BasketLine]) -> list[Line]:
    """The basket with what the shop knows of its products."""
    query = select(Product.sku, Product.segment).where(Product.sku.in_({each.sku for each in basket}))
    segments = {row.sku: row.segment for row in connection.execute(query)}
    return [Line(each.sku, each.quantity, round(each.price * 100), segments.get(each.sku)) for each in basket]


def _line(index: int, line: object) -> BasketLine:
    try:
        return BasketLine.from_json(line)
    except BadMessage as fault:
        field = f"basket.{index}.{fault.field}" if fault.field else f"basket.{index}"
        raise BadMessage(field, fault.reason) from None
