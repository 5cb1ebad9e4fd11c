"""CouponRow: a coupon with its edge torn off: what it takes off, until when, and one tap to clip it."""

from __future__ import annotations

from kivy.properties import BooleanProperty, ObjectProperty, StringProperty

from endcap_shopper.ui.layout import load
from endcap_shopper.ui.widgets.press import Surface
from endcap_shopper.views import BestDeal
from endcap_shopper.views import CouponRow as Coupon


class CouponRow(Surface):
    key = StringProperty("")
    coupon = ObjectProperty(Coupon("", "", ""), rebind=True)
    live = BooleanProperty(True)  # it can be clipped or let go


class BestRow(Surface):
    """What the best legal combination takes off."""

    key = StringProperty("")
    best = ObjectProperty(BestDeal("", ""), rebind=True)


load(__file__)
