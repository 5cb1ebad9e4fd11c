"""Looking: the page she looks at is kept fresh, and what she has seen is noted."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from endcap import CustomerAlert
from endcap.errors import EndcapError
from endcap_shopper.memory import remember
from endcap_shopper.views import Page

if TYPE_CHECKING:
    from endcap_shopper.parts import Parts

log = logging.getLogger("endcap.shopper")


class Looking:
    """Which page that is. On the window's thread."""

    def __init__(self, parts: Parts) -> None:
        self._parts, self._ground = parts, parts.ground
        self.page: Page = "near"

    def entered(self, page: Page) -> None:
        self.page = page
        self._ground.state.fault = ""
        if page == "card":
            self._ground.platform.brightness.full()
        if page == "help":
            self._parts.fetching.help()
        self.refresh(page)

    def left(self, page: Page) -> None:
        if page == "card":
            self._ground.platform.brightness.restore()
        if page == "near":
            self._see_offers()

    def refresh(self, page: Page) -> None:
        """Ask for what the page shows and is no longer fresh."""
        for ask in self._shown_by(page):
            ask()
        self._ask_again()

    def _shown_by(self, page: Page) -> tuple[Callable[[], None], ...]:
        of, products = self._parts.fetching, self._parts.catalogue
        shown: dict[Page, tuple[Callable[[], None], ...]] = {
            "near": (
                of.stores, of.plan, of.coupons, of.wishlist, products.wanted, products.offered, of.loyalty, of.pickups,
            ),
            "map": (of.stores, of.plan, of.wishlist, products.wanted),
            "wishlist": (of.wishlist, of.stores, of.plan, products.wanted),
            "coupons": (of.coupons, products.wanted, of.best, of.savings),
            "card": (of.loyalty, of.coupons, of.code),
            "points": (of.loyalty,),
            "help": (of.stores,),
        }  # fmt: skip
        return shown.get(page, ())

    def _ask_again(self) -> None:
        """What she waits for and could not be asked when she tapped."""
        state = self._ground.state
        if state.known and state.sharing and state.share is None:
            self._parts.fetching.share()
        if state.known and self.page == "alternatives" and state.original is not None and state.alternatives is None:
            self._parts.catalogue.alternatives(state.original)

    def consent_changed(self) -> None:
        """What is fetched and what waits may go out now, or belongs to nobody any more."""
        self._ground.state.known = bool(self._ground.state.granted) and self._parts.account.running
        self._parts.again()
        remember(self._ground.state, self._ground.wallet, self._parts.clipping, self._parts.calling)
        self._parts.preferring.tell()
        self._parts.errands.wake()
        self.refresh(self.page)

    def _see_offers(self) -> None:
        state = self._ground.state
        new = [card for card in state.inbox.at(state.now).cards if not card.seen]
        if new:
            state.inbox = state.inbox.seen(card.alert.id for card in new)
            self._ground.wallet.mark_offers(seen=[card.subject for card in new])
            for each in new:
                self.report("shown", each.alert)
            self._ground.tell(None)

    def report(self, kind: str, alert: CustomerAlert) -> None:
        try:
            self._parts.client.report(kind, alert)
        except EndcapError as fault:
            log.warning("%s can't be reported: %s", kind, fault)
