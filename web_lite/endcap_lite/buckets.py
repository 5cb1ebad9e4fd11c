"""Buckets: how often one browser may try something."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

from endcap.clock import Clock, SystemClock
from endcap.errors import EndcapError

NAMES = 10_000  # remembered; then the one longest unseen starts afresh


class TooMany(EndcapError):
    """Somebody tries too often; `wait_s` says for how long to stop."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"try again in {wait_s:.0f} s")
        self.wait_s = wait_s


class Buckets:
    """A token bucket a name: `size` tries at once, then one each `each_s` seconds. Any thread."""

    def __init__(self, size: int, each_s: float, clock: Clock | None = None) -> None:
        self._size = size
        self._each_s = each_s
        self._clock = clock or SystemClock()
        self._lock = Lock()
        self._full_at: OrderedDict[str, float] = OrderedDict()  # when the bucket will be full again, monotonic

    def wait_s(self, name: str) -> float:
        """Seconds until there is a try; 0 when there is one. It is not taken yet."""
        now = self._clock.monotonic()
        with self._lock:
            wait_s = self._full_at.get(name, now) - now - (self._size - 1) * self._each_s
            return max(0.0, round(wait_s, 6))  # 500 sums of 0.05 are not quite 25

    def take(self, name: str) -> None:
        """One try is used up."""
        now = self._clock.monotonic()
        with self._lock:
            self._full_at[name] = max(self._full_at.get(name, now), now) + self._each_s
            self._full_at.move_to_end(name)
            if len(self._full_at) > NAMES:
                self._full_at.popitem(last=False)
