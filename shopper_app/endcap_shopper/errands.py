"""Errands: what she did is told to the shop, each thing once and in order, whenever there is a network."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import takewhile
from threading import Event, Lock, Thread, current_thread
from typing import Any

from endcap.clock import Clock, SystemClock
from endcap.errors import BadMessage, EndcapError, NotAuthorised, Refused, Unreachable
from endcap_shopper.shop import Shop
from endcap_shopper.wallet import Action, Wallet
from endcap_shopper.wishlist import Item

log = logging.getLogger("endcap.shopper")

FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 60.0
NOT_AUTHORISED_WAIT_S = 60.0
HELP_HOLDS = timedelta(minutes=30)  # an older call would send somebody to where she was
HELP_WAITS_S = 60.0  # nothing she did waits longer than this for a shop that takes no calls for now
WISHES_AT_ONCE = 100  # edits of the list that go as one: it is merged item by item anyway

Heard = Callable[[Action, Any], None]
RefusedBy = Callable[[Action, Refused], None]


class Errands:
    """Tells the shop what the wallet holds of her actions, oldest first, on a daemon thread "endcap-errands".

    An action leaves the wallet when the shop has answered, and not before: a kill or a lost answer means that it is
    told again, which every endpoint takes as the same. One that the shop refuses for good is dropped, told to
    `on_refused`, and the next goes out. Without a network it waits, longer each time, or until `wake`.
    """

    def __init__(
        self, wallet: Wallet, shop: Shop, on_told: Heard, on_refused: RefusedBy, clock: Clock | None = None
    ) -> None:
        self._wallet, self._shop = wallet, shop
        self._on_told, self._on_refused = on_told, on_refused
        self._clock = clock or SystemClock()
        self._wake, self._closing = Event(), False
        self._thread: Thread | None = None
        self._choosing = Lock()
        self._tried = max((action.sequence for action in wallet.actions(100_000)), default=0)
        self.offline = False  # the last try found no network

    def start(self) -> None:
        """Idempotent."""
        if self._thread is None:
            self._thread = Thread(target=self._run, name="endcap-errands", daemon=True)
            self._thread.start()

    def wake(self) -> None:
        """Try at once: there is something new, or a network again."""
        self._wake.set()

    def take_back(self, actions: Sequence[Action]) -> list[Action]:
        """Never tell these; of which the shop may have heard, since an answer was lost or is on its way."""
        with self._choosing:
            self._wallet.drop(*(action.sequence for action in actions))
            return [action for action in actions if action.sequence <= self._tried]

    def close(self, patience_s: float = 2.0) -> None:
        """End; what is not told stays in the wallet. Idempotent."""
        self._closing = True
        self._wake.set()
        if self._thread is not None and self._thread is not current_thread():
            self._thread.join(patience_s)

    def run_once(self) -> float | None:
        """Tell what waits. None when all is told, else the seconds until it is worth another try."""
        waits_s = FIRST_WAIT_S
        while not self._closing and (actions := self._next()):
            try:
                self._tell_together(actions)
                self.offline = False
            except NotAuthorised as fault:
                log.info("her actions wait: %s", fault)
                return NOT_AUTHORISED_WAIT_S
            except Unreachable as fault:
                self.offline = True
                log.debug("her actions wait: %s", fault)
                return fault.retry_after_s or waits_s
        return None

    def _run(self) -> None:
        waits_s = FIRST_WAIT_S
        while not self._closing:
            self._wake.clear()
            try:
                again_s = self.run_once()
            except EndcapError:
                log.exception("an action can't be told; it stays")
                again_s = LONGEST_WAIT_S
            except Exception:
                if self._closing:
                    return
                log.exception("her actions can't be told now")
                again_s = LONGEST_WAIT_S
            waits_s = FIRST_WAIT_S if again_s is None else min(LONGEST_WAIT_S, 2 * waits_s)
            if not self._closing:
                self._clock.wait(self._wake, None if again_s is None else max(again_s, waits_s))

    def _next(self) -> Sequence[Action]:
        """What is to be told together; from now on the shop may have heard of it."""
        with self._choosing:
            actions = _together(self._wallet.actions(WISHES_AT_ONCE))
            self._tried = max([self._tried, *(action.sequence for action in actions)])
            return actions

    def _tell_together(self, actions: Sequence[Action]) -> None:
        try:
            self._tell(actions)
        except Refused as fault:
            if len(actions) == 1:
                self._give_up(actions[0], fault)
            for action in actions if len(actions) > 1 else ():  # one of them is at fault, and its neighbours pass
                self._tell_together([action])
        except Unreachable as fault:
            if actions[0].kind != "help" or (fault.retry_after_s or 0.0) <= HELP_WAITS_S:
                raise
            self._give_up(actions[0], Refused(str(fault), 429))  # it takes no more calls for a while

    def _tell(self, actions: Sequence[Action]) -> None:
        answer = self._send(actions)
        self._wallet.told([action.sequence for action in actions], actions[0].kind, self._clock.now())
        for action in actions:
            self._on_told(action, answer)

    def _send(self, actions: Sequence[Action]) -> Any:
        try:
            return self._said(actions)
        except BadMessage as fault:  # an older or newer version of the app wrote it
            raise Refused(f"it can't be told: {fault}", 0) from fault

    def _said(self, actions: Sequence[Action]) -> Any:
        first = actions[0]
        if first.kind == "wish":
            return self._shop.put_wishes(_latest(actions))
        if first.kind == "clip":
            return self._shop.clip(first.body["coupon"])
        if first.kind == "unclip":
            return self._shop.unclip(first.body["coupon"])
        if first.kind == "help" and self._clock.now() - first.at > HELP_HOLDS:
            raise Refused("she asked for help so long ago that she is elsewhere by now", 0)
        if first.kind == "help":
            return self._shop.ask_help({"id": first.id, **first.body})
        if first.kind == "cancel_help":
            return self._shop.cancel_help(first.body["id"])
        if first.kind == "preferences":
            return self._shop.put_preferences(first.body)
        raise Refused(f"{first.kind} is nothing this version can tell", 0)

    def _give_up(self, action: Action, fault: Refused) -> None:
        log.warning("the shop refuses %s: status %d", action.kind, fault.status)
        self._wallet.drop(action.sequence)
        self._on_refused(action, fault)


def _together(actions: Sequence[Action]) -> Sequence[Action]:
    """The first action, with the edits of the list that follow it when it is one."""
    if not actions or actions[0].kind != "wish":
        return actions[:1]
    return list(takewhile(lambda action: action.kind == "wish", actions))


def _latest(actions: Sequence[Action]) -> list[Item]:
    """Each item once, as it was edited last, in the order of the edits."""
    items: dict[str, Item] = {}
    for action in actions:
        item = Item.from_json(action.body)
        items.pop(item.id, None)
        items[item.id] = item
    return list(items.values())
