"""Card: one code with the card and the clipped coupons, and the card's bars below it for tills that read no more."""

from __future__ import annotations

from kivy.properties import ObjectProperty

from endcap_shopper.i18n import later
from endcap_shopper.ui.layout import load
from endcap_shopper.ui.screens.page import PageScreen
from endcap_shopper.views import Card


class CardPage(PageScreen):
    page = "card"
    caption = later("Card")
    card = ObjectProperty(Card(), rebind=True)

    def refresh(self) -> None:
        self.card = self.shopper.card()


load(__file__)
