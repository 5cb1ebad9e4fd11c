"""Sources of a desktop: a walk by clicks on the map, and an ear on any source for the map's dot."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Thread, current_thread

from endcap.clock import Clock, SystemClock
from endcap.device import LocationSource, OnFix, OnStatus
from endcap.geo import LatLon
from endcap.messages import Fix
from endcap.presets import Resolution

EVERY_S = 1.0
ACCURACY_M = 4.0  # what a phone claims indoors on a good day


class ClickSource:
    """A `LocationSource` that is where it was told to be, once a second, on a daemon thread "endcap-walk"."""

    def __init__(self, at: LatLon | None = None, clock: Clock | None = None) -> None:
        self.clock: Clock = clock or SystemClock()
        self._at = at
        self._moved = Event()
        self._stopping = True
        self._thread: Thread | None = None

    def walk_to(self, point: LatLon) -> None:
        """Be there, from the next fix on, which comes at once."""
        self._at = point
        self._moved.set()

    def start(self, on_fix: OnFix, on_status: OnStatus) -> None:
        if self._thread is not None and self._thread.is_alive():
            return
        self._stopping = False
        on_status("running" if self._at else "searching")
        self._thread = Thread(target=self._walk, args=(on_fix, on_status), name="endcap-walk", daemon=True)
        self._thread.start()

    def tune(self, resolution: Resolution) -> None:
        """A click is as precise as it gets."""

    def stop(self) -> None:
        self._stopping = True
        self._moved.set()
        if self._thread is not None and self._thread is not current_thread():
            self._thread.join(2.0)

    def _walk(self, on_fix: OnFix, on_status: OnStatus) -> None:
        known = self._at is not None
        while not self._stopping:
            self._moved.clear()
            point = self._at
            if point is not None:
                if not known:
                    known = True
                    on_status("running")
                on_fix(Fix(point.latitude_deg, point.longitude_deg, self.clock.now(), ACCURACY_M, source="simulated"))
            if not self._stopping:
                self.clock.wait(self._moved, EVERY_S)


class Overheard:
    """Any `LocationSource`, with each of its fixes told to `listener` too: the SDK's consent rules over both."""

    def __init__(self, source: LocationSource, listener: Callable[[Fix], None]) -> None:
        self.source = source
        self.clock: Clock = getattr(source, "clock", None) or SystemClock()
        self._listener = listener

    def start(self, on_fix: OnFix, on_status: OnStatus) -> None:
        def heard(fix: Fix) -> None:
            on_fix(fix)
            self._listener(fix)

        self.source.start(heard, on_status)

    def tune(self, resolution: Resolution) -> None:
        self.source.tune(resolution)

    def stop(self) -> None:
        self.source.stop()
