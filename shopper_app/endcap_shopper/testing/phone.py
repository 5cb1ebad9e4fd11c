"""Phone: the app without a window, frame by frame, on a machine and a clock that a test holds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from endcap.geo import LatLon
from endcap.testing import ManualClock, ScriptedSource, a_fix, an_alert
from endcap_shopper.frame_queue import FrameQueue
from endcap_shopper.platform.fake import fake
from endcap_shopper.shopper import Shopper
from endcap_shopper.views import Page


class Phone:
    """The app as its window runs it: one queue, drained here, a clock that the test advances."""

    def __init__(self, url: str, folder: Path, **more: Any) -> None:
        self.clock = ManualClock(datetime.now(UTC))
        self.source = ScriptedSource()
        self.platform = fake()
        self.pages: list[Page | None] = []
        self._something = threading.Event()
        self.queue = FrameQueue(self._something.set)
        self.app = Shopper(url, folder, self.source, self.platform, self.queue.post, clock=self.clock, zone=UTC, **more)
        self.app.watch(self.pages.append)

    def agree(self, *purposes: str) -> Self:
        """The first run, from its first screen to its end."""
        for purpose in purposes:
            self.app.set_purpose(purpose, True)
        self.app.finish_first_run()
        self.settle()
        return self

    def until(self, satisfied: Callable[[], object], timeout_s: float = 20.0) -> bool:
        """Draw frames until something is so; False when it was not in time."""
        deadline = time.monotonic() + timeout_s
        while not satisfied():
            self._something.clear()
            self.queue.drain()
            if satisfied():
                break
            if time.monotonic() > deadline:
                return False
            if not len(self.queue):
                self._something.wait(min(0.05, timeout_s))
        return True

    def settle(self) -> None:
        """Draw frames until nothing is under way."""
        for _ in range(5):
            assert self.app.until_idle(20)
            while self.queue.drain():
                pass

    def all_told(self) -> bool:
        """True when the shop has heard of everything she did."""
        return self.app.parts.ground.wallet.waiting() == 0

    def tick(self, seconds: float = 1.0) -> None:
        self.clock.advance(seconds)
        self.app.tick()
        self.settle()

    def stand(self, point: LatLon, **more: Any) -> None:
        """A fix from there, and a frame."""
        self.source.emit(a_fix(latitude_deg=point[0], longitude_deg=point[1], taken_at=self.clock.now(), **more))
        self.queue.drain()
        self.settle()

    def offer(self, **changes: Any) -> None:
        """An offer, as the SDK hands it over."""
        self.app.parts.arrivals.offer(an_alert(**{"expires_at": self.clock.now() + timedelta(hours=1), **changes}))
        self.settle()
