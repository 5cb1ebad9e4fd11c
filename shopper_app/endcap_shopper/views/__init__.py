"""What each screen shows, as plain data, and `Intents`: what may be asked of the app. No window is needed for either.

A view is made by the `Shopper` and drawn as it is: its texts are in her language and its numbers are written out, so
that a screen decides nothing. Ids are the shop's, or the list's; a screen only hands them back with a tap.
What never changes (titles, captions of buttons) stands in the screens themselves, as `tr("…")`.
"""

from __future__ import annotations

from endcap_shopper.views.choice import Choice
from endcap_shopper.views.chrome import Chrome, Notice, Sharing, Tone, Undo
from endcap_shopper.views.coupons import BestDeal, Card, CouponRow, Coupons, CouponState, SavedRow
from endcap_shopper.views.help import Alternatives, Help, HelpState, HelpStep, ProductRow
from endcap_shopper.views.intents import Intents
from endcap_shopper.views.near_you import DealCard, NearYou
from endcap_shopper.views.page import PAGES, Page
from endcap_shopper.views.points import LedgerRow, Points
from endcap_shopper.views.privacy import FirstRun, Pause, Privacy, Purpose, SentRow
from endcap_shopper.views.settings import TEXT_SCALES, Look, Settings, Theme
from endcap_shopper.views.store_map import Dot, Pin, StoreMap
from endcap_shopper.views.wishlist import Share, Wishlist, WishRow

__all__ = [
    "PAGES",
    "TEXT_SCALES",
    "Alternatives",
    "BestDeal",
    "Card",
    "Choice",
    "Chrome",
    "CouponRow",
    "CouponState",
    "Coupons",
    "DealCard",
    "Dot",
    "FirstRun",
    "Help",
    "HelpState",
    "HelpStep",
    "Intents",
    "LedgerRow",
    "Look",
    "NearYou",
    "Notice",
    "Page",
    "Pause",
    "Pin",
    "Points",
    "Privacy",
    "ProductRow",
    "Purpose",
    "SavedRow",
    "SentRow",
    "Settings",
    "Share",
    "Sharing",
    "StoreMap",
    "Theme",
    "Tone",
    "Undo",
    "WishRow",
    "Wishlist",
]
