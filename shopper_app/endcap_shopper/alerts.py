"""Alerts: what she is told while she does not look, and the cue she feels while she does."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from endcap.messages import CustomerAlert
from endcap_shopper.alert_policy import Candidate, Told, Verdict, remembered, verdict
from endcap_shopper.ground import Ground
from endcap_shopper.inbox import Card
from endcap_shopper.platform.ports import Channel, Notification, offer_link, page_link
from endcap_shopper.reasons import said
from endcap_shopper.show_list import alerts_now
from endcap_shopper.show_privacy import KINDS

TOLD = "told"


class Alerts:
    """Asks the policy, and has the machine tell her. On the window's thread."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._told = tuple(map(_told, ground.wallet.get(TOLD) or []))
        self.visible = True  # the window is in front of her

    def name_channels(self) -> None:
        """Say in her language what kinds there are."""
        t = self._ground.state.words.t
        names: dict[Channel, str] = {"location": t("Location sharing")}
        names |= {kind: t(title) for kind, (title, _) in KINDS.items()}  # type: ignore[misc]  # kinds are channels
        self._ground.platform.notifier.name_channels(names)

    def offer(self, alert: CustomerAlert) -> Verdict:
        """An offer has come."""
        visit = alert.visit or f"{alert.store or ''} {self._ground.state.now.date()}"
        candidate = Candidate(Card(alert, self._ground.state.now).subject, alert.kind, visit, alert.expires_at)
        words = self._ground.state.words
        title, text = said(alert.title, words, what="title"), said(alert.why, words)
        note = Notification(alert.id, alert.kind, title, text, offer_link(alert.id), words.t("Mute today"))
        return self._tell(candidate, note)

    def ending(self) -> None:
        """Tell once of what is clipped and ends within a day, while she is in a store."""
        state = self._ground.state
        for coupon in state.coupons.ending_soon(state.now) if state.inside else ():
            left = coupon.left(state.now) or timedelta(0)
            text = state.words.t("{time} left", time=state.words.left(left))
            candidate = Candidate(f"ends:{coupon.id}", "deal", f"{state.inside} {state.now.date()}", coupon.ends_at)
            self._tell(candidate, Notification(candidate.subject, "deal", coupon.title, text, page_link("coupons")))

    def prices(self) -> None:
        """Tell of what is on her list and has fallen to the price she waits for."""
        state = self._ground.state
        for item in state.wishes.wanted:
            product = state.product_of(item)
            if alerts_now(item, product) and product is not None:
                price = state.words.money(product.price_now or 0.0)
                title = state.words.t("{item} now costs {price}", item=item.text, price=price)
                candidate = Candidate(f"price:{item.id}:{price}", "wanted", f"{state.inside} {state.now.date()}")
                self._tell(candidate, Notification(candidate.subject, "wanted", title, "", page_link("wishlist")))

    def help_moved(self, headline: str, detail: str) -> None:
        """Somebody answers her call."""
        note = Notification("help", "help", headline, detail, page_link("help"))
        self._tell(Candidate(f"help:{headline}", "help", ""), note)

    def _tell(self, candidate: Candidate, notification: Notification) -> Verdict:
        state = self._ground.state
        found = verdict(candidate, self._told, state.settings.rules, state.now, state.now.time())
        if found != "tell":
            return found
        if self.visible:
            self._ground.platform.vibrator.cue("offer")
        else:
            self._ground.platform.notifier.show(notification)
        if candidate.kind != "help":
            self._told = (*remembered(self._told, state.now), Told(candidate.subject, candidate.visit, state.now))
            self._ground.wallet.set(TOLD, [_told_json(each) for each in self._told])
        return found


def _told(value: dict[str, Any]) -> Told:
    return Told(value["subject"], value["visit"], datetime.fromisoformat(value["at"]))


def _told_json(told: Told) -> dict[str, str]:
    return {"subject": told.subject, "visit": told.visit, "at": told.at.isoformat()}
