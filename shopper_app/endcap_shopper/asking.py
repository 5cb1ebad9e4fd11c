"""Asking: questions to the shop go out on lanes of their own, and answers are applied on the window's thread."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from endcap.errors import NotAuthorised, Unreachable
from endcap_shopper.ground import Ground
from endcap_shopper.lane import Lane

T = TypeVar("T")

FRESH = {  # an answer this old is asked for anew when its page is opened
    "coupons": timedelta(seconds=30),
    "loyalty": timedelta(seconds=30),
    "savings": timedelta(seconds=30),
    "wishlist": timedelta(seconds=30),
    "stores": timedelta(hours=1),
    "plan": timedelta(hours=1),
    "products": timedelta(minutes=5),
    "pickups": timedelta(minutes=1),
}
CLOSE_S = 2.0  # patience with a question that is on its way when the app ends
RETRY_S = 15.0  # a question that found no network is asked again, at the soonest


class Asking:
    """Every method is called on the window's thread and returns at once. `on_lost` hears what found no answer."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._asking = Lane("endcap-shop", self._failed)
        self._quick = Lane("endcap-till", self._failed)  # the till's code does not wait behind a slow list
        self._asked_s: dict[str, float] = {}
        self.on_lost: Callable[[str, Exception], None] = lambda key, fault: None

    def close(self) -> None:
        """End both, then wait for what is on its way."""
        for patience_s in (0.0, CLOSE_S):
            self._asking.close(patience_s)
            self._quick.close(patience_s)

    def until_idle(self, timeout_s: float = 10.0) -> bool:
        """Block, in real time, until all is answered; for tests."""
        return self._asking.until_idle(timeout_s) and self._quick.until_idle(timeout_s)

    def again(self) -> None:
        """Forget what was asked when: consent has changed, or the network is back."""
        self._asked_s.clear()

    def forget(self, key: str) -> None:
        """What was answered is known to be old."""
        self._asked_s.pop(key, None)

    def work_out(self, key: str, find: Callable[[], T], have: Callable[[T], None]) -> None:
        """Not asked but computed, away from the window's thread."""
        self._quick.do(key, self._then(find, have))

    def when_due(
        self,
        key: str,
        ask: Callable[[], T],
        have: Callable[[T], None],
        *,
        public: bool = False,
        quick: bool = False,
    ) -> None:
        """Ask unless the last answer is fresh enough, or (where it is not `public`) she is known to nobody."""
        now_s = self._ground.clock.monotonic()
        fresh_s = FRESH.get(key.partition(":")[0], timedelta(0)).total_seconds()
        if now_s - self._asked_s.get(key, float("-inf")) < fresh_s:
            return
        if public or self._ground.state.known:
            self._asked_s[key] = now_s
            self.ask(key, ask, have, quick=quick, public=public)

    def ask(
        self,
        key: str,
        ask: Callable[[], T],
        have: Callable[[T], None],
        *,
        quick: bool = False,
        public: bool = False,
    ) -> None:
        """Ask now; the same key again before it is answered takes the place of the one that waits."""
        (self._quick if quick else self._asking).do(key, self._then(ask, have, online=True, public=public))

    def _then(
        self, ask: Callable[[], T], have: Callable[[T], None], *, online: bool = False, public: bool = False
    ) -> Callable[[], None]:
        def call() -> None:
            found = ask()
            self._ground.post(lambda: self._came(found, have, online, public))

        return call

    def _came(self, found: T, have: Callable[[T], None], online: bool, public: bool) -> None:
        if online:
            self.reached()
        if public or not online or self._ground.state.granted:  # else it was asked for somebody who is gone
            have(found)

    def reached(self) -> None:
        """The shop has answered."""
        state = self._ground.state
        was, state.online, state.fresh_at = state.online, True, self._ground.now()
        if was is False:
            self._ground.tell(None)

    def _failed(self, key: str, fault: Exception) -> None:
        self._ground.post(lambda: self._lost(key, fault))

    def _lost(self, key: str, fault: Exception) -> None:
        state = self._ground.state
        fresh_s = FRESH.get(key.partition(":")[0], timedelta(0)).total_seconds()
        if isinstance(fault, Unreachable | NotAuthorised):
            self._asked_s[key] = self._ground.clock.monotonic() - max(0.0, fresh_s - RETRY_S)
        if isinstance(fault, Unreachable) and state.online is not False:
            state.online = False
            self._ground.tell(None)
        self.on_lost(key, fault)
