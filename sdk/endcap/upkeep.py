"""Upkeep: what has to be done from time to time, on one thread that sleeps in between."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event, Thread, current_thread

from endcap.clock import Clock, SystemClock
from endcap.errors import EndcapError

log = logging.getLogger("endcap")


@dataclass(slots=True)
class _Duty:
    do: Callable[[], object]
    every_s: float
    next_s: float  # monotonic


class Upkeep:
    """Does each duty every so often, on a daemon thread, "endcap-upkeep". One that fails is tried at its next turn."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._duties: list[_Duty] = []
        self._stopping = False
        self._wake = Event()
        self._thread = Thread(target=self._run, name="endcap-upkeep", daemon=True)

    def add(self, every_s: float, do: Callable[[], object], *, first_s: float | None = None) -> None:
        """Add a duty, before `start`. Its first turn comes after `first_s`, or `every_s` when that is None."""
        first = every_s if first_s is None else first_s
        self._duties.append(_Duty(do, every_s, self._clock.monotonic() + first))

    def start(self) -> None:
        self._thread.start()

    def soon(self, do: Callable[[], object]) -> None:
        """Let a duty's next turn come at once."""
        for duty in self._duties:
            if duty.do == do:
                duty.next_s = self._clock.monotonic()
        self._wake.set()

    def close(self, timeout_s: float = 1.0) -> None:
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive() and self._thread is not current_thread():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._stopping and self._duties:
            self._wake.clear()
            now_s = self._clock.monotonic()
            for duty in self._duties:
                if duty.next_s <= now_s and not self._stopping:
                    duty.next_s = now_s + duty.every_s
                    self._do(duty)
            wait_s = min(duty.next_s for duty in self._duties) - self._clock.monotonic()
            self._clock.wait(self._wake, max(0.0, wait_s))

    def _do(self, duty: _Duty) -> None:
        try:
            duty.do()
        except EndcapError as fault:
            log.debug("not now: %s", fault)
        except Exception:
            log.exception("a duty failed; it is tried again")
