"""The receipt: what was bought, what was taken off and why, what was not and why not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from endcap_backend.retail.held import Price
from endcap_devkit.till.basket import Basket

WIDTH = 48


def receipt(
    basket: Basket, answer: Mapping[str, Any], card: str, store: str, known: Mapping[int, Price] | None = None
) -> str:
    """The lines of a receipt, as wide as its paper; products by their names, as far as they are `known`."""
    return "\n".join(_lines(basket, answer, card, store, known or {}))


def _lines(
    basket: Basket, answer: Mapping[str, Any], card: str, store: str, known: Mapping[int, Price]
) -> Iterator[str]:
    yield _row(f"store {store}", str(answer["at"])[:16].replace("T", " "))
    yield "-" * WIDTH
    for line in basket.lines:
        name = known[line.sku].name if line.sku in known else ""
        yield _row(f"{line.quantity:>3} x {name or line.sku}", _money(line.quantity * round(line.price * 100) / 100))
    for saved in (*answer["promotions"], *answer["applied"]):
        yield _row(f"    {saved['title']} ({saved['why']})", _money(-saved["off"]))
    yield "-" * WIDTH
    yield _row(f"to pay, {answer['currency']}", _money(answer["total"]))
    if answer["off"]:
        yield _row("saved", _money(answer["off"]))
    if "points" in answer:
        yield _row(f"points, card …{card[-4:]}", f"+{answer['points']}  now {answer['balance']}")
    else:
        yield f"points, card …{card[-4:]}: counted once the till is online"
    for refused in answer["refused"]:
        yield f"not used: {refused['title']}: {refused['reason']}"
    yield f"purchase {answer['id']}"


def _row(left: str, right: str) -> str:
    """Two texts at the ends of a line; the left one gives way."""
    room = WIDTH - len(right) - 1
    return f"{left[:room]:<{room}} {right}"


def _money(amount: float) -> str:
    return f"{amount:.2f}"
