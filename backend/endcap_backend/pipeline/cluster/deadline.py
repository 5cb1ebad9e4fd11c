"""A moment by which everything has to be over."""

from __future__ import annotations

from endcap.clock import Clock


class Deadline:
    """`seconds` from now, by the monotonic clock."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._at_s = clock.monotonic() + seconds

    def left_s(self, at_most_s: float = float("inf")) -> float:
        """Seconds left, never below 0; with `at_most_s` no more than that."""
        return max(0.0, min(self._at_s - self._clock.monotonic(), at_most_s))

    def __bool__(self) -> bool:
        """True while there is time."""
        return self.left_s() > 0
