"""A small store, and builders for what its shoppers have."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from endcap.fences import Polygon
from endcap.geo import LatLon, offset
from endcap.testing import NOON, SHOP
from endcap_shopper.aisles import Aisles
from endcap_shopper.coupons import Coupon
from endcap_shopper.floor import Door, FloorPlan, Section
from endcap_shopper.wishlist import Item

CORNER = LatLon(*SHOP)


def at(east_m: float, north_m: float) -> LatLon:
    """A point of the store, metres from its south-west corner."""
    return offset(CORNER, east_m, north_m)


def a_square(east_m: float, north_m: float, size_m: float = 10.0) -> Polygon:
    corners = ((0, 0), (size_m, 0), (size_m, size_m), (0, size_m))
    return Polygon(tuple(at(east_m + x, north_m + y) for x, y in corners))


def a_grid(columns: int = 3, rows: int = 3, apart_m: float = 10.0) -> Aisles:
    """Aisles every ten metres, both ways; places are named by column and row."""
    nodes = {f"{c}-{r}": at(c * apart_m, r * apart_m) for c in range(columns) for r in range(rows)}
    across = [(f"{c}-{r}", f"{c + 1}-{r}") for c in range(columns - 1) for r in range(rows)]
    along = [(f"{c}-{r}", f"{c}-{r + 1}") for c in range(columns) for r in range(rows - 1)]
    return Aisles(nodes, tuple(across + along))


def a_plan(**changes: Any) -> FloorPlan:
    """Twenty metres square: tea in the south-west, coffee in the north-east, a door in the corner."""
    plan = FloorPlan(
        store="s1",
        name="Riverside",
        sections=(
            Section("tea", "Tea", a_square(0, 0), ("tea",), frozenset({7})),
            Section("coffee", "Coffee", a_square(10, 10), ("coffee",), frozenset({9001})),
        ),
        aisles=a_grid(),
        doors=(Door("main", "Main door", at(0, 0)),),
    )
    return replace(plan, **changes)


def a_coupon(**changes: Any) -> Coupon:
    coupon = Coupon(
        id="c1",
        title="20 % off coffee",
        kind="percent",
        state="available",
        value=20.0,
        segment="coffee",
        sku=9001,
        ends_at=NOON + timedelta(days=3),
    )
    return replace(coupon, **changes)


def an_item(**changes: Any) -> Item:
    return replace(Item(id="i1", text="Dark roast", changed_at=NOON, sku=9001, position=1.0), **changes)
