"""The console's forms: their fields, a promotion or a shelf as they show it, and what was typed as a message's JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from endcap.errors import BadMessage
from endcap.wire import Message
from endcap_backend.console.overtaken import as_texts
from endcap_backend.retail.terms import ShopPromotion

Fields = tuple[tuple[str, str, str], ...]  # wire name, label, type of the input

PROMOTION_FIELDS: Fields = (
    ("pid", "Id", "text"),
    ("segment", "Segment", "text"),
    ("SKU", "Product, if only one", "number"),
    ("title", "What she reads", "text"),
    ("discount", "Per cent off", "number"),
    ("kind", "Or another kind", "select"),
    ("value", "Its value", "number"),
    ("n", "Pieces she takes (n)", "number"),
    ("m", "Pieces she pays for (m)", "number"),
    ("starts_at", "From", "datetime-local"),
    ("ends_at", "Until", "datetime-local"),
    ("members_only", "Members only", "checkbox"),
    ("budget", "Budget", "number"),
    ("limit_per_shopper", "Times a shopper", "number"),
    ("stacking_group", "Stacking group", "text"),
)
SHELF_FIELDS: Fields = (
    ("SKU", "Product", "number"),
    ("segment", "Segment", "text"),
    ("name", "Name", "text"),
    ("variant", "Variant", "text"),
    ("section", "Section", "text"),
    ("latitude", "Latitude", "number"),
    ("longitude", "Longitude", "number"),
    ("price", "Price", "number"),
    ("stock", "Left on the shelf", "number"),
    ("country", "Country", "text"),
)


SECTION_FIELDS: Fields = (
    ("id", "Id", "text"),
    ("name", "Name", "text"),
    ("outline", "Outline: one corner a line, latitude and longitude", "textarea"),
    ("categories", "Segments in it, one a line", "textarea"),
    ("skus", "Products in it, by number", "textarea"),
)
DOOR_FIELDS: Fields = (
    ("id", "Id", "text"),
    ("name", "Name", "text"),
    ("latitude", "Latitude", "number"),
    ("longitude", "Longitude", "number"),
)
NUMBERS = ("latitude", "longitude", "price", "discount", "value", "budget")
WHOLE = ("SKU", "stock", "n", "m", "limit_per_shopper")
MINUTES = ("starts_at", "ends_at")  # of a form: local to UTC, without a zone


def shown_in(fields: Fields, message: Message) -> dict[str, str]:
    """A message as the form shows it: times without zone and seconds, a ticked box as browsers send it."""
    said = {
        name: value[:16] if name in MINUTES else "on" if value is True else value
        for name, value in message.to_json().items()
    }
    return as_texts(said, [name for name, _, _ in fields])


def typed(form: Mapping[str, str]) -> dict[str, Any]:
    """A form's texts as the JSON that the message is read from; what was left empty is left out.

    Raises:
        BadMessage: text where a number or a time has to stand; names the field.
    """
    told: dict[str, Any] = {}
    for name, text in form.items():
        if text := text.strip():
            told[name] = _typed(name, text)
    return told


def _typed(name: str, text: str) -> Any:
    try:
        if name in WHOLE:
            return int(text)
        if name in NUMBERS:
            return float(text.replace(",", "."))
    except ValueError:
        raise BadMessage(name, "must be a number") from None
    if name in MINUTES and not text.endswith("Z") and "+" not in text:
        return f"{text}:00Z" if text.count(":") == 1 else f"{text}Z"
    return text == "on" if name == "members_only" else text


def takes_off(promotion: ShopPromotion) -> str:
    if promotion.kind == "amount":
        return f"{promotion.value:.2f}"
    if promotion.kind == "n_for_m":
        return f"{promotion.n} for {promotion.m}"
    percent = promotion.value if promotion.kind == "percent" else promotion.discount
    return f"{percent:g} %" if percent else ""
