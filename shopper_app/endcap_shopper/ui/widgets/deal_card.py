"""DealCard: one offer, with its reason."""

from __future__ import annotations

from kivy.properties import ObjectProperty, StringProperty

from endcap_shopper.ui.icons import segment_icon
from endcap_shopper.ui.layout import load
from endcap_shopper.ui.widgets.press import PressSurface, Surface
from endcap_shopper.views import DealCard as Deal
from endcap_shopper.views import NearYou

_NONE = Deal("", "", "")


class Hero(Surface):
    """What matters now."""

    key = StringProperty("")
    near = ObjectProperty(NearYou(), rebind=True)


class DealCard(PressSurface):
    """An offer: a picture of its kind, what, why, how much, how far, until when, and its coupon."""

    key = StringProperty("")
    deal = ObjectProperty(_NONE, rebind=True)
    picture = StringProperty("tag-outline")

    def on_deal(self, _: DealCard, deal: Deal) -> None:
        self.picture = segment_icon(deal.segment or deal.title, deal.kind)


load(__file__)
