"""Handover: who is the app now, the window's process or the background's. Only one of them has the wallet open."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from endcap.clock import Clock, SystemClock
from endcap_shopper.background import opened
from endcap_shopper.platform.ports import Background
from endcap_shopper.shopper import Shopper
from endcap_shopper.views import Page

if TYPE_CHECKING:
    from endcap_shopper.views import Intents


class Handover:
    """`views.Intents` that lets go of everything while the window is away, and takes it up again.

    On the window's thread. `make` opens the app; `background` runs it elsewhere. Without location sharing nothing is
    handed over: then there is nothing to do in the background.
    """

    def __init__(self, make: Callable[[], Shopper], background: Background, clock: Clock | None = None) -> None:
        self._make, self._background = make, background
        self._clock = clock or SystemClock()
        self._watchers: list[Callable[[Page | None], None]] = []
        self._away = False
        background.stop()  # it may run from the last time
        self._shopper = opened(make, self._clock)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._shopper, name)

    def watch(self, changed: Callable[[Page | None], None]) -> None:
        self._watchers.append(changed)
        self._shopper.watch(changed)

    def pause(self) -> None:
        """Go on in the background, where she shares her location."""
        self._shopper.pause()
        if self._away or self._shopper.chrome().sharing != "on":
            return
        words = self._shopper.words
        self._shopper.close()
        self._away = True
        self._background.start(words.t("Sharing your location with the shop"), words.t("Tap to see or to stop it."))

    def resume(self) -> None:
        """Be the app again, with what came in the meantime."""
        if not self._away:
            self._shopper.resume()
            return
        self._background.stop()
        page = self._shopper.page
        self._shopper = opened(self._make, self._clock)
        self._away = False
        for watcher in self._watchers:
            self._shopper.watch(watcher)
        self._shopper.start()
        self._shopper.entered(page)
        for watcher in self._watchers:
            watcher(None)


def handed_over(make: Callable[[], Shopper], background: Background | None) -> Intents:
    """The app as a window has it: with a background where the machine has one."""
    return make() if background is None else Handover(make, background)
