"""Rates: how many messages a second."""

from __future__ import annotations


class Rate:
    """A token bucket of one second's worth."""

    def __init__(self, per_s: int) -> None:
        self.per_s = per_s
        self._left = float(per_s)
        self._at_ms = 0

    def admit(self, now_ms: int, count: int = 1) -> bool:
        """Whether `count` more fit now; those that don't are not counted."""
        elapsed_s = max(0, now_ms - self._at_ms) / 1000
        self._left = min(float(self.per_s), self._left + elapsed_s * self.per_s)
        self._at_ms = now_ms
        if count > self._left:
            return False
        self._left -= count
        return True
