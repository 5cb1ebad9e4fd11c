"""Preferring: the shop is told when and of what she wants to hear, and sends nothing that her phone would hold back."""

from __future__ import annotations

from datetime import tzinfo
from typing import Any

from babel.dates import LOCALTZ

from endcap_shopper.errands import Errands
from endcap_shopper.ground import Ground
from endcap_shopper.settings import AppSettings

TOLD = "preferences"  # what the shop was told last, or will be
TOLD_AS = "preferences_of"  # and under which pseudonym: by its mark


class Preferring:
    """On the window's thread. Nothing is told of who has not agreed to offers."""

    def __init__(self, ground: Ground, errands: Errands) -> None:
        self._ground, self._errands = ground, errands

    def tell(self) -> None:
        """Tell the shop, unless it knows; what waits and is older is never told."""
        state, wallet = self._ground.state, self._ground.wallet
        if "promotions" not in state.granted:
            self._errands.take_back(wallet.pending("preferences"))
            wallet.set(TOLD, None)
            wallet.set(TOLD_AS, None)
            return
        body = preferences(state.settings, self._ground.zone)
        if not state.known or body == wallet.get(TOLD):
            return
        self._errands.take_back(wallet.pending("preferences"))
        wallet.act("preferences", body, self._ground.now())
        wallet.set(TOLD, body)
        self._errands.wake()

    def known_as(self, mark: str) -> None:
        """The shop knows her by this pseudonym now; what another one was told is told again."""
        wallet = self._ground.wallet
        before = wallet.get(TOLD_AS)
        if before == mark:
            return
        wallet.set(TOLD_AS, mark)
        if before is not None:
            wallet.set(TOLD, None)
            self.tell()

    def refused(self, body: dict[str, Any]) -> None:
        """The shop would not have these; the same may be told again."""
        if self._ground.wallet.get(TOLD) == body:
            self._ground.wallet.set(TOLD, None)


def preferences(settings: AppSettings, zone: tzinfo | None) -> dict[str, Any]:
    """As `PUT /v1/me/preferences` takes them; without a name of her time zone the shop goes by its own clock."""
    start, end = settings.quiet_from, settings.quiet_until
    quiet = settings.quiet_on and start != end
    return {
        "quiet_hours": f"{start:%H:%M}-{end:%H:%M}" if quiet else None,
        "timezone": getattr(zone or LOCALTZ, "key", None),
        "muted": sorted(settings.kinds_off),
    }
