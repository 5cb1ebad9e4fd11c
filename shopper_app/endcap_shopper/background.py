"""The app in the background: the same Shopper, in a process of its own, while the window is away."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from threading import Event

from endcap.clock import Clock, SystemClock
from endcap.errors import BadConfig
from endcap_shopper.frame_queue import FrameQueue
from endcap_shopper.ground import Post
from endcap_shopper.shopper import Shopper

log = logging.getLogger("endcap.shopper")

TICK_S = 1.0
HANDED_OVER_WITHIN_S = 10.0  # what the window may take to let go of the wallet
LOOK_S = 0.1


def main() -> None:
    """What `service/location.py` runs: its argument says where the app keeps itself, and which shop it is of."""
    from endcap.device import pick as pick_source
    from endcap.device.android import stay_in_front
    from endcap_shopper.platform import pick as pick_platform

    asked = json.loads(os.environ["PYTHON_SERVICE_ARGUMENT"])
    stay_in_front(asked["title"], asked["text"])
    folder = Path(asked["folder"])

    def make(post: Post) -> Shopper:
        source, platform = pick_source(), pick_platform(folder)
        return Shopper(asked["backend"], folder, source, platform, post, currency=asked["currency"])

    run(make, Event())


def run(make: Callable[[Post], Shopper], stopping: Event, clock: Clock | None = None) -> None:
    """Be the app until `stopping`, or until she shares her location no longer.

    Raises:
        BadConfig: the window did not let go of the wallet.
    """
    clock, wake = clock or SystemClock(), Event()
    queue = FrameQueue(wake.set)
    shopper = opened(lambda: make(queue.post), clock)
    shopper.pause()  # nobody sees it: offers become notifications
    try:
        shopper.start()
        while not stopping.is_set() and shopper.chrome().sharing == "on":
            shopper.tick()
            while queue.drain():
                wake.clear()
            clock.wait(stopping, TICK_S)
    finally:
        queue.close()
        shopper.close()


def opened(make: Callable[[], Shopper], clock: Clock) -> Shopper:
    """The app, as soon as the other process has let go of the wallet.

    Raises:
        BadConfig: it does not, within 10 seconds.
    """
    until_s = clock.monotonic() + HANDED_OVER_WITHIN_S
    while True:
        try:
            return make()
        except BadConfig as fault:
            if fault.setting != "storage_dir" or clock.monotonic() >= until_s:
                raise
        clock.wait(Event(), LOOK_S)
