"""Showing: every view, made anew from what is known now."""

from __future__ import annotations

from endcap_shopper import views
from endcap_shopper.i18n import Words
from endcap_shopper.parts import Parts
from endcap_shopper.show_coupons import card, coupons, points
from endcap_shopper.show_help import alternatives, help_page
from endcap_shopper.show_list import wishlist
from endcap_shopper.show_map import store_map
from endcap_shopper.show_near import chrome, near_you
from endcap_shopper.show_privacy import first_run, look, privacy, settings
from endcap_shopper.state import State


class Showing:
    """What the screens read of `views.Intents`. On the window's thread. `parts` is for tests."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self._ground = parts.ground

    @property
    def words(self) -> Words:
        return self._ground.state.words

    @property
    def state(self) -> State:
        """What the views are made of; for tests, and the service."""
        return self._ground.state

    def look(self) -> views.Look:
        return look(self._ground.state)

    def chrome(self) -> views.Chrome:
        return chrome(self._ground.state)

    def near_you(self) -> views.NearYou:
        return near_you(self._ground.state)

    def store_map(self) -> views.StoreMap:
        return store_map(self._ground.state)

    def wishlist(self) -> views.Wishlist:
        return wishlist(self._ground.state)

    def coupons(self) -> views.Coupons:
        return coupons(self._ground.state)

    def card(self) -> views.Card:
        return card(self._ground.state)

    def points(self) -> views.Points:
        return points(self._ground.state)

    def help(self) -> views.Help:
        return help_page(self._ground.state)

    def alternatives(self) -> views.Alternatives:
        return alternatives(self._ground.state)

    def privacy(self) -> views.Privacy:
        self._ground.state.sent = self._ground.wallet.sent(100)
        return privacy(self._ground.state)

    def settings(self) -> views.Settings:
        return settings(self._ground.state)

    def first_run(self) -> views.FirstRun:
        return first_run(self._ground.state)
