"""How often somebody may come: a rate that can be saved up to a burst, for each key on its own."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

from endcap.clock import Clock
from endcap_backend.api.problems import Problem

MAX_KEYS = 200_000  # 20 MB; the one that came longest ago is forgotten first


class RateLimit:
    """At most `burst` at once and `per_s` in the long run, for each key. Safe from any thread.

    For a key one number is kept: the moment when its burst is whole again.
    """

    def __init__(self, per_s: float, burst: float, clock: Clock, max_keys: int = MAX_KEYS) -> None:
        self._per_s = per_s
        self._burst = burst
        self._clock = clock
        self._max_keys = max_keys
        self._whole_at_s: OrderedDict[str, float] = OrderedDict()
        self._lock = Lock()

    def wait_s(self, key: str, cost: float = 1.0) -> float:
        """0.0 when `key` may go on, and then `cost` is taken; otherwise how long it has to wait, and nothing is."""
        now_s = self._clock.monotonic()
        with self._lock:
            whole_at_s = max(now_s, self._whole_at_s.get(key, 0.0)) + cost / self._per_s
            too_soon_s = whole_at_s - now_s - self._burst / self._per_s
            if too_soon_s > 1e-9:
                return too_soon_s
            self._whole_at_s[key] = whole_at_s
            self._whole_at_s.move_to_end(key)
            if len(self._whole_at_s) > self._max_keys:
                self._whole_at_s.popitem(last=False)
            return 0.0

    def spend(self, key: str, what: str, cost: float = 1.0) -> None:
        """As `wait_s`, but raises the problem 429 with Retry-After, naming `what` there is too much of."""
        wait_s = self.wait_s(key, cost)
        if wait_s:
            raise Problem(
                "too_many_requests",
                f"too many {what}: {self._per_s:g} a second are taken, and {self._burst:g} at once",
                retry_after_s=wait_s,
            )
