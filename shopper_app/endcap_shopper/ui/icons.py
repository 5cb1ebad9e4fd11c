"""Icons by name: characters of the font `icons.ttf`, and which one a kind of product gets."""

from __future__ import annotations

import json
from pathlib import Path

_POINTS: dict[str, str] = json.loads((Path(__file__).parent / "fonts" / "icons.json").read_text("utf-8"))

_SEGMENTS = {  # icon -> words of a segment's or product's name
    "coffee": "coffee tea espresso",
    "cup-water": "drink water",
    "cup": "juice dairy milk yogurt",
    "bottle-wine": "wine beer",
    "cheese": "cheese gouda",
    "fruit-cherries": "fruit lemon banana",
    "carrot": "produce vegetable salad",
    "bread-slice": "bread loaf toast",
    "baguette": "bakery pastry",
    "fish": "fish",
    "food-steak": "meat sausage",
    "baby-carriage": "baby",
    "flower": "flower garden",
    "cookie": "snack cookie",
    "candy": "sweet candy chocolate",
    "snowflake": "frozen",
    "ice-cream": "ice cream",
    "egg": "egg",
    "hanger": "cloth",
    "tshirt-crew": "fashion shirt",
    "shoe-sneaker": "shoe",
    "book-open-variant": "book",
    "lamp": "lamp home",
    "pill": "pharmacy health",
    "broom": "clean",
    "spray-bottle": "household",
    "barley": "pasta cereal rice",
    "gift-outline": "gift",
}
_BY_KIND = {"wanted": "heart-outline", "help": "hand-wave", "alternative": "swap-horizontal"}


def glyph(name: str) -> str:
    """The icon's character; "" for no icon.

    Raises:
        KeyError: there is no icon of that name in the font.
    """
    return chr(int(_POINTS[name], 16)) if name else ""


def segment_icon(segment: str, kind: str = "deal") -> str:
    """What an offer's tile shows: a picture of its kind of product, else of why she is told."""
    lowered = segment.lower()
    pictured = (icon for icon, words in _SEGMENTS.items() if any(word in lowered for word in words.split()))
    return next(pictured, _BY_KIND.get(kind, "tag-outline"))
