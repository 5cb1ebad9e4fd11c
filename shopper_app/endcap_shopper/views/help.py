"""A call for help, and what could take a product's place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from endcap_shopper.views.choice import Choice

HelpState = Literal["none", "waiting", "queued", "accepted", "coming", "done", "cancelled"]


@dataclass(frozen=True, slots=True)
class HelpStep:
    text: str
    done: bool = False
    now: bool = False


@dataclass(frozen=True, slots=True)
class Help:
    """A call for help and what became of it. `waiting`: asked while offline; it goes out with the network."""

    state: HelpState = "none"
    headline: str = ""
    detail: str = ""
    place: str = ""  # where she would be looked for; "" when nobody knows
    items: tuple[Choice, ...] = ()  # what she may ask about: her list and the offer she looked at
    steps: tuple[HelpStep, ...] = ()
    can_ask: bool = False
    can_cancel: bool = False
    needs_yes: bool = False  # she can't ask before she agrees to something under Privacy


@dataclass(frozen=True, slots=True)
class ProductRow:
    id: str
    title: str
    why: str  # "in stock, near, 0.40 cheaper, same kind"
    price: str = ""
    where: str = ""
    off: str = ""
    sku: int | None = None


@dataclass(frozen=True, slots=True)
class Alternatives:
    """The product she looks at, which stays in sight, and what could take its place."""

    original: ProductRow | None = None
    rows: tuple[ProductRow, ...] = ()
    empty_why: str = ""
