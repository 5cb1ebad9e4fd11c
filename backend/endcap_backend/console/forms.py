"""The console's forms: their fields, and a promotion or a shelf as they show it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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


def filled(form: Mapping[str, Any], fields: Fields) -> dict[str, Any]:
    return {name: form.get(name) for name, _, _ in fields}


def form_of(message: Mapping[str, Any]) -> dict[str, Any]:
    """A message's JSON as the form shows it: times without zone and seconds."""
    return {name: value[:16] if name.endswith("_at") else value for name, value in message.items()}


def takes_off(promotion: ShopPromotion) -> str:
    if promotion.kind == "amount":
        return f"{promotion.value:.2f}"
    if promotion.kind == "n_for_m":
        return f"{promotion.n} for {promotion.m}"
    percent = promotion.value if promotion.kind == "percent" else promotion.discount
    return f"{percent:g} %" if percent else ""
