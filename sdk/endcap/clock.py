"""Time, passed in: everything that waits or stamps takes a `Clock`, so that no test sleeps."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from threading import Event
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
