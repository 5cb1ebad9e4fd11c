"""What the screens are made of. Importing any of it reads the rules of all, which use each other."""

from endcap_shopper.ui.widgets import (
    bars,
    code_view,
    coupon_row,
    deal_card,
    gauge,
    nav_bar,
    press,
    rows,
    sheet,
    store_map,
    text,
    wish_row,
)

__all__ = [
    "bars",
    "code_view",
    "coupon_row",
    "deal_card",
    "gauge",
    "nav_bar",
    "press",
    "rows",
    "sheet",
    "store_map",
    "text",
    "wish_row",
]
