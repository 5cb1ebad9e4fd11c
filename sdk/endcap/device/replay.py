"""ReplaySource: a recorded walk, walked again at the pace it was recorded, or a thousand times faster."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event, Thread, current_thread
from typing import Literal

from endcap.clock import Clock, ScaledClock, SystemClock
from endcap.device import OnFix, OnStatus
from endcap.presets import Resolution
from endcap.tracks import Track, read_track

log = logging.getLogger("endcap")


class ReplaySource:
    """A `LocationSource` that plays a track, on a daemon thread, "endcap-replay".

    `speed` 1000 plays a thousand seconds in one, on a `clock` that runs so fast: Endcap takes it over from here, so
    that holds, pauses and batches run as fast. `at` "now" stamps the first fix with the present and keeps the gaps;
    "recorded" turns the clock back to the recording instead. `loop` begins anew at the end, a `loop_pause_s` later.

    Raises:
        BadMessage, OSError: as `read_track`.
        ValueError: a speed that is not over 0.
    """

    def __init__(
        self,
        track: str | Path | Track,
        *,
        speed: float = 1.0,
        at: Literal["now", "recorded"] = "now",
        loop: bool = False,
        loop_pause_s: float = 1.0,
        clock: Clock | None = None,
    ) -> None:
        self.track = track if isinstance(track, Track) else read_track(track)
        self.emitted = 0
        self.ended = Event()
        first = self.track.fixes[0].taken_at
        begin = first if at == "recorded" else None
        plain = speed == 1.0 and begin is None
        self.clock: Clock = clock or (SystemClock() if plain else ScaledClock(speed, begin))
        self._loop_pause_s = loop_pause_s if loop else None
        self._stopping = Event()
        self._thread: Thread | None = None

    def start(self, on_fix: OnFix, on_status: OnStatus) -> None:
        """Play from the beginning; a replay that is playing goes on."""
        if self._thread is not None and self._thread.is_alive():
            return
        self._stopping = Event()  # a thread that was told to stop keeps its own
        self.ended.clear()
        arguments = (on_fix, on_status, self._stopping)
        self._thread = Thread(target=self._play, args=arguments, name="endcap-replay", daemon=True)
        self._thread.start()

    def tune(self, resolution: Resolution) -> None:
        """A recording can't be asked for more than it holds: it plays as it is."""

    def stop(self) -> None:
        self._stopping.set()
        thread = self._thread
        if thread is not None and thread is not current_thread():
            thread.join(2.0)

    def until_ended(self, timeout_s: float | None = None) -> bool:
        """Block, in real time, until the last fix was handed over; False when it wasn't in time."""
        return self.ended.wait(timeout_s)

    def _play(self, on_fix: OnFix, on_status: OnStatus, stopping: Event) -> None:
        on_status("running")
        start = self.clock.now()
        while self._play_once(start, on_fix, stopping):
            if self._loop_pause_s is None:
                break
            start = self.clock.now() + timedelta(seconds=self._loop_pause_s)
        self._hold(None)
        if not stopping.is_set():
            on_status("ended")
        self.ended.set()

    def _hold(self, until: datetime | None) -> None:
        """Let a fast clock not pass a fix that is still to come, however busy the machine is."""
        if isinstance(self.clock, ScaledClock):
            self.clock.hold(until)

    def _play_once(self, start: datetime, on_fix: OnFix, stopping: Event) -> bool:
        shift = start - self.track.fixes[0].taken_at
        for fix in self.track.fixes:
            due = fix.taken_at + shift
            self._hold(due)
            while (wait_s := (due - self.clock.now()).total_seconds()) > 0:
                if self.clock.wait(stopping, wait_s):
                    break
            if stopping.is_set():
                return False
            self.emitted += 1
            try:
                on_fix(replace(fix, taken_at=due))
            except Exception:
                log.exception("a fix of the replay could not be taken")
        return True
