"""How many are left on a shelf: counted, and told on as the placement it belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from endcap.errors import BadMessage
from endcap.wire import BIGINT_MAX, ID_PATTERN, Message, wired
from endcap_backend.retail.catalogue import Stored, chunks, placements_by, put_placements
from endcap_backend.retail.schema import NO_STORE, Placement


@dataclass(frozen=True, slots=True)
class StockLevel(Message):
    """Pieces of one product in one store."""

    sku: int = wired("sku", "integer", "the product's number", minimum=0, maximum=BIGINT_MAX)
    stock: int = wired("stock", "integer", "pieces on the shelf; 0 is never offered", minimum=0, maximum=1e9)
    store: str | None = wired("store", "text", "the store", default=None, pattern=ID_PATTERN)


def put_stock(
    connection: Connection, levels: Sequence[StockLevel], at_ms: int
) -> tuple[Stored, list[tuple[int, BadMessage]]]:
    """Set the stock of placements, and which of `levels` (by index) could not be: no such product stands there."""
    faults: list[tuple[int, BadMessage]] = []
    stored = Stored()
    for chunk in chunks(list(enumerate(levels))):
        known = placements_by(connection, Placement.sku.in_({level.sku for _, level in chunk}))
        counted = []
        for index, level in chunk:
            shelf = known.get((level.sku, level.store or NO_STORE))
            if shelf is None:
                faults.append((index, BadMessage("sku", "stands nowhere in that store; put its placement first")))
            else:
                counted.append(replace(shelf, stock=level.stock))
        stored += put_placements(connection, counted, at_ms)
    return stored, faults
