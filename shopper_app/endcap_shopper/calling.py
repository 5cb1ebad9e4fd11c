"""Calling: a call for help, from the tap to its end; asked offline, it goes out with the network."""

from __future__ import annotations

from typing import Any

from endcap_shopper.alerts import Alerts
from endcap_shopper.errands import Errands
from endcap_shopper.goods import HelpCall
from endcap_shopper.ground import Ground
from endcap_shopper.show_help import SKU, help_page, help_state
from endcap_shopper.wishlist import clean

MAX_WORDS = 200


class Calling:
    """On the window's thread."""

    def __init__(self, ground: Ground, errands: Errands, alerts: Alerts) -> None:
        self._ground, self._errands, self._alerts = ground, errands, alerts

    def ask(self, item: str = "", text: str = "") -> None:
        """Call for somebody: about an item of her list, the product she looks at, or in her own words."""
        if help_page(self._ground.state).can_ask:
            self._ground.wallet.act("help", self._body(item, clean(text, MAX_WORDS)), self._ground.now())
            self._ground.state.help = None
            self.reload()
            self._errands.wake()
            self._ground.tell("help", "near")

    def cancel(self) -> None:
        """Call it off; one that is not told yet is never told, and one that may have been told is told to be over."""
        state = self._ground.state
        off = [action.id for action in self._errands.take_back(self._ground.wallet.pending("help"))]
        if state.help is not None and state.help.open and not self._ground.wallet.pending("cancel_help"):
            off.append(state.help.id)
        for id in off:
            self._ground.wallet.act("cancel_help", {"id": id}, self._ground.now())
            self._errands.wake()
        self.reload()
        self._ground.tell("help", "near")

    def reload(self) -> None:
        """See whether a call waits to be told."""
        self._ground.state.help_waits = bool(self._ground.wallet.pending("help"))

    def knows(self, id: str) -> bool:
        """Whether it is the call she sees, or one that is on its way to the shop."""
        state = self._ground.state
        asked = (action.id for action in self._ground.wallet.pending("help"))
        return (state.help is not None and state.help.id == id) or id in asked

    def moved(self, call: HelpCall | None) -> None:
        """The shop tells how far it is; what is older than what she sees already is not news."""
        state = self._ground.state
        if call is not None and state.help is not None and not call.follows(state.help):
            return
        before = help_state(state)
        state.help = call
        self._ground.wallet.set("help", None if call is None else call.to_json())
        now = help_state(state)
        if now != before and now in ("accepted", "coming"):
            page = help_page(state)
            self._alerts.help_moved(page.headline, page.detail)
        self._ground.tell("help", "near")

    def _body(self, item: str, text: str) -> dict[str, Any]:
        state = self._ground.state
        wish, sku = state.wishes.get(item), self._sku(item)
        here, plan = state.located, state.plan
        section = plan.section_at(here.point) if here is not None and plan is not None and state.inside else None
        words = text or (wish.text if wish is not None and sku is None else "")
        body: dict[str, Any] = {"store": state.store}
        body |= {"sku": sku, "text": words or None, "section": section.name if section else None}
        if here is not None and "location" in state.granted:
            body |= {"latitude": round(here.point.latitude_deg, 5), "longitude": round(here.point.longitude_deg, 5)}
        return {name: value for name, value in body.items() if value is not None}

    def _sku(self, item: str) -> int | None:
        """The product a choice of `views.Help.items` is about."""
        if item.startswith(SKU):
            return int(item.removeprefix(SKU))
        wish = self._ground.state.wishes.get(item)
        product = self._ground.state.product_of(wish) if wish is not None else None
        return product.sku if product is not None else None if wish is None else wish.sku
