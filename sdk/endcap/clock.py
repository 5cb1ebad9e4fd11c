"""Time, passed in: everything that waits or stamps takes a `Clock`, so that no test sleeps."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from threading import Event, Lock
from typing import Protocol


class Clock(Protocol):
    """What the product asks of time. `endcap.testing.ManualClock` is the one for tests."""

    def now(self) -> datetime:
        """Wall time, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never run backwards, for holds and deadlines."""
        ...

    def wait(self, event: Event, timeout_s: float | None) -> bool:
        """Block until `event` is set or `timeout_s` have passed; True when it is set."""
        ...


class SystemClock:
    """The machine's own clocks. Safe from any thread."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def wait(self, event: Event, timeout_s: float | None) -> bool:
        return event.wait(timeout_s)


class ScaledClock:
    """A clock that runs `speed` times as fast as the machine's, from `start` (default: now) on. Safe from any thread.

    `hold` stops it short of a moment, so that a machine that is busy does not let the time of a slow thread run away.

    Raises:
        ValueError: a speed that is not over 0, or a `start` without a time zone.
    """

    def __init__(self, speed: float, start: datetime | None = None) -> None:
        if not 0 < speed < float("inf"):
            raise ValueError(f"speed is {speed}; it must be over 0")
        if start is not None and start.tzinfo is None:
            raise ValueError("start has no time zone")
        self._speed = speed
        self._start = start or datetime.now(UTC)
        self._begun = time.monotonic()
        self._lock = Lock()
        self._held_s = float("inf")  # our seconds it must not pass
        self._lost_s = 0.0  # our seconds it was held for

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        with self._lock:
            return min(self._held_s, self._free_s())

    def hold(self, until: datetime | None) -> None:
        """Don't pass this moment until the next `hold`; None lets it run. Time held is time that never was."""
        with self._lock:
            self._lost_s += max(0.0, self._free_s() - self._held_s)
            self._held_s = float("inf") if until is None else (until - self._start).total_seconds()

    def wait(self, event: Event, timeout_s: float | None) -> bool:
        return event.wait(None if timeout_s is None else timeout_s / self._speed)

    def _free_s(self) -> float:
        return (time.monotonic() - self._begun) * self._speed - self._lost_s
