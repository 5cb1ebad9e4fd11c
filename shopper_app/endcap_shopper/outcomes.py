"""Outcomes: what became of her actions at the shop, seen on the screens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from endcap.errors import Refused
from endcap_shopper.wallet import Action

if TYPE_CHECKING:
    from endcap_shopper.parts import Parts


class Outcomes:
    """`told` and `refused` are called by the errands' thread; the rest is the window's."""

    def __init__(self, parts: Parts) -> None:
        self._parts, self._ground = parts, parts.ground

    def told(self, action: Action, answer: Any) -> None:
        self._ground.post(lambda: self._take_told(action, answer))

    def _take_told(self, action: Action, answer: Any) -> None:
        self._parts.asking.reached()
        if not self._ground.state.granted:
            return
        if action.kind == "wish":
            self._parts.fetching.merge_wishes(answer)
        elif action.kind == "clip":
            self._parts.clipping.told(answer)
        elif action.kind == "unclip":
            self._parts.clipping.let_go(action.body["coupon"])
        elif action.kind in ("help", "cancel_help"):
            self._parts.calling.moved(answer)
        self._parts.clipping.reload()
        self._parts.calling.reload()
        self.count_waiting()
        self._ground.tell("coupons", "card", "privacy", "help")

    def refused(self, action: Action, fault: Refused) -> None:
        self._ground.post(lambda: self._take_refused(action, fault))

    def _take_refused(self, action: Action, fault: Refused) -> None:
        said = {
            "clip": self._ground.state.words.t("The shop does not give you this coupon any more."),
            "help": self._ground.state.words.t("The shop could not take your call."),
        }.get(action.kind, "")
        self._ground.state.fault = said
        if action.kind == "preferences":
            self._parts.preferring.refused(action.body)
        self._parts.clipping.reload()
        self._parts.calling.reload()
        self._parts.again()
        self._parts.looking.refresh(self._parts.looking.page)
        self._ground.tell(None)

    def count_waiting(self) -> None:
        state = self._ground.state
        waiting = self._ground.wallet.waiting()
        offline = self._parts.errands.offline and state.known
        if waiting != state.waiting or (offline and state.online is not False):
            state.waiting = waiting
            state.online = False if offline else state.online
            self._ground.tell(None)
