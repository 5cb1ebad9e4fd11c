"""The pages there are."""

from __future__ import annotations

from typing import Literal

Page = Literal[
    "near", "map", "wishlist", "coupons", "card", "points", "help", "alternatives", "privacy", "settings", "first"
]


PAGES: tuple[Page, ...] = (
    "near", "map", "wishlist", "coupons", "card", "points", "help", "alternatives", "privacy", "settings", "first"
)  # fmt: skip
