"""Arrivals: offers, notices, fixes and states, brought by other threads and taken in on the window's."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from time import thread_time
from typing import TYPE_CHECKING, Any

from endcap import ClientState, CustomerAlert, Fix
from endcap_shopper.goods import HelpCall
from endcap_shopper.reading import each_of
from endcap_shopper.state import Here

if TYPE_CHECKING:
    from endcap_shopper.parts import Parts

OFFERS_A_CALL = 25  # taken in at once, so that a flood leaves the window its frames
A_CALL_S = 0.004  # nor for longer than this, of the window's own processor time, where one offer costs more


class Arrivals:
    """`offer`, `notice`, `fix` and `state` are called by the thread that brings it; what begins with `take`, here."""

    def __init__(self, parts: Parts) -> None:
        self._parts, self._ground = parts, parts.ground
        self._arrived: list[CustomerAlert] = []
        self._latest: Fix | None = None
        self._arrivals = Lock()

    def offer(self, alert: CustomerAlert) -> None:
        """On the SDK's thread: kept first, so that a kill loses no offer, then taken in with others of its frame."""
        self._ground.wallet.keep_offer(alert, self._ground.now())
        with self._arrivals:
            self._arrived.append(alert)
            first = len(self._arrived) == 1
        if first:
            self._ground.post(self._take_offers)

    def _take_offers(self) -> None:
        """As many as a frame has time for, at least one; the next frame goes on."""
        state, until_s = self._ground.state, thread_time() + A_CALL_S
        state.now = self._ground.now()
        with self._arrivals:
            waiting = self._arrived[:OFFERS_A_CALL]
        taken = 0
        try:
            for alert in waiting:
                taken += 1  # first: one that fails must not come again before all others
                self._take_offer(alert)
                if thread_time() >= until_s:
                    break
        finally:
            with self._arrivals:
                del self._arrived[:taken]
                more = bool(self._arrived)
            if more:
                self._ground.post(self._take_offers)
            self._parts.catalogue.offered()
            self._ground.tell("near", None)

    def _take_offer(self, alert: CustomerAlert) -> None:
        state = self._ground.state
        state.inbox = state.inbox.received(alert, state.now)
        if state.inbox.get(alert.id) is not None:
            self._parts.alerts.offer(alert)

    def notice(self, notice: Mapping[str, Any]) -> None:
        """On the SDK's thread."""
        self._ground.post(lambda: self.take_notice(notice))

    def take_notice(self, notice: Mapping[str, Any]) -> None:
        """The shop says on her channel how her call for help or an order stands."""
        if not self._ground.state.granted:
            return
        if notice["notice"] == "pickup":
            self._parts.fetching.pickups_again()
        elif notice["notice"] == "help":
            for call in each_of([notice], HelpCall.from_json, "a call for help"):
                if self._parts.calling.knows(call.id):
                    self._parts.calling.moved(call)
                elif call.open:  # as it was then: a channel that is joined says again what was said before
                    self._parts.fetching.help_if_open(call.id)

    def fix(self, fix: Fix) -> None:
        """On the source's thread."""
        with self._arrivals:
            waiting, self._latest = self._latest is not None, fix
        if not waiting:
            self._ground.post(self.take_fix)

    def take_fix(self) -> None:
        with self._arrivals:
            fix, self._latest = self._latest, None
        state = self._ground.state
        if fix is None or "location" not in state.granted or state.paused:
            return
        state.now, before = self._ground.now(), state.inside
        heading = fix.bearing_deg if fix.speed_m_s is None or fix.speed_m_s > 0.3 else None
        state.here = Here(fix.point, fix.taken_at.astimezone(self._ground.zone), fix.accuracy_m or 0.0, heading)
        if state.inside != before:
            self._parts.looking.refresh("map")
        self._parts.guiding.route()
        self._ground.tell("map", "near")

    def state(self, now: ClientState) -> None:
        """On the SDK's thread."""
        self._ground.post(lambda: self.take_state(now))

    def take_state(self, now: ClientState) -> None:
        state = self._ground.state
        before, state.listening = state.listening, now.receiver == "listening"
        if state.listening and not before:
            self._parts.fetching.help()  # what was told while nobody listened
        if now.source != self._ground.state.source:
            self._ground.state.source = now.source
            self._ground.tell(None)
