"""FixFilter: is this fix worth anything? Each refusal has a name and is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Any, Literal

from endcap.clock import Clock, SystemClock
from endcap.geo import LatLon, haversine_km
from endcap.messages import Fix

Reason = Literal["invalid", "future", "stale", "duplicate", "out of order", "accuracy", "jump", "mock"]

MAX_FUTURE_S = 5.0  # clocks of phone and satellite differ by less; Home Assistant's rule
AGREEING_JUMPS = 2  # so many refused fixes that agree with each other: she really is there


@dataclass(frozen=True, slots=True)
class FixLimits:
    """What the filter refuses; the same names as in `Config`."""

    max_accuracy_m: float = 100.0
    max_age_s: float = 120.0
    max_speed_m_s: float = 60.0
    allow_mock: bool = False


class FixFilter:
    """Admits each fix at most once, in the order of their time stamps; `dropped` counts the others by reason.

    No lock: one caller at a time (the client's).
    """

    def __init__(self, limits: FixLimits | None = None, clock: Clock | None = None) -> None:
        self.limits = limits or FixLimits()
        self.dropped: Counter[Reason] = Counter()
        self.admitted = 0
        self.last_reason: Reason | None = None  # why the last one was refused; None when it was admitted
        self._clock = clock or SystemClock()
        self._last: _Seen | None = None
        self._jump: _Seen | None = None
        self._jumps = 0

    def admit(self, fix: Fix) -> bool:
        """True when the fix is to be used, and then it is never admitted again."""
        reason = self._refusal(fix)
        self.last_reason = reason
        if reason is not None:
            self.dropped[reason] += 1
            return False
        self._last = _Seen.of(fix)
        self._jump, self._jumps = None, 0
        self.admitted += 1
        return True

    def state(self, *, place: bool = True) -> dict[str, Any] | None:
        """The last admitted fix, so that a restart does not admit it again; without `place`, its time alone."""
        last = self._last
        if last is None:
            return None
        state: dict[str, Any] = {"at": last.at.isoformat()}
        return state | {"point": list(last.point), "acc": last.accuracy_m} if place and last.point else state

    def restore(self, state: Mapping[str, Any] | None) -> None:
        """Go on where `state()` was taken."""
        if state is not None:
            point = LatLon(*state["point"]) if "point" in state else None
            self._last = _Seen(point, datetime.fromisoformat(state["at"]), state.get("acc"))

    def _refusal(self, fix: Fix) -> Reason | None:
        if not _is_valid(fix):
            return "invalid"
        if fix.mock and not self.limits.allow_mock:
            return "mock"
        return self._time_refusal(fix) or self._place_refusal(fix)

    def _time_refusal(self, fix: Fix) -> Reason | None:
        now = self._clock.now()
        age_s = (now - fix.taken_at).total_seconds()
        if age_s < -MAX_FUTURE_S:
            return "future"
        if age_s > self.limits.max_age_s:
            return "stale"
        if self._last is None:
            return None
        if (self._last.at - now).total_seconds() > MAX_FUTURE_S:
            self._last = None  # the clock was turned back since: what it stamped then orders nothing now
            return None
        if fix.taken_at == self._last.at and fix.point == self._last.point:
            return "duplicate"
        return "out of order" if fix.taken_at <= self._last.at else None

    def _place_refusal(self, fix: Fix) -> Reason | None:
        if fix.accuracy_m is not None and fix.accuracy_m > self.limits.max_accuracy_m:
            return "accuracy"
        if self._last is None or not self._too_fast(self._last, fix):
            return None
        seen = _Seen.of(fix)
        agrees = self._jump is not None and not self._too_fast(self._jump, fix)
        self._jumps = self._jumps + 1 if agrees else 1
        self._jump = seen
        return "jump" if self._jumps <= AGREEING_JUMPS else None

    def _too_fast(self, before: _Seen, fix: Fix) -> bool:
        if before.point is None:
            return False
        seconds = (fix.taken_at - before.at).total_seconds()
        slack_m = (before.accuracy_m or 0.0) + (fix.accuracy_m or 0.0)
        return haversine_km(*before.point, *fix.point) * 1000 - slack_m > self.limits.max_speed_m_s * seconds


@dataclass(frozen=True, slots=True)
class _Seen:
    point: LatLon | None
    at: datetime
    accuracy_m: float | None

    @classmethod
    def of(cls, fix: Fix) -> _Seen:
        return cls(fix.point, fix.taken_at, fix.accuracy_m)


def _is_valid(fix: Fix) -> bool:
    if fix.taken_at.tzinfo is None:
        return False
    if fix.latitude_deg == 0.0 and fix.longitude_deg == 0.0:  # what a receiver says that has no position
        return False
    return fix.accuracy_m is None or (isfinite(fix.accuracy_m) and fix.accuracy_m > 0.0)  # iOS says -1 for "no idea"
