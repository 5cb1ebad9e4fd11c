"""Where she probably is: fixes in, one Gaussian out.

A constant-position Kalman filter on the local plane. Its uncertainty is the same in all directions, so its whole state
is a point, a variance and a time.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from endcap.fences.posterior import sigma_of
from endcap.geo import LatLon, local_m, offset
from endcap.messages import Fix
from endcap.wire import epoch_ms

Verdict = Literal["taken", "late", "gated", "too fast", "jump taken", "clock stepped back"]

WALK_M_S = 1.4  # she moves about this fast when the fix does not say
UNKNOWN_ACCURACY_M = 50.0  # a fix that does not say, or says 0: a phone indoors
STRAIGHT_S = 5.0  # so long she walks straight on; it is what lets fixes 5 s apart follow her
GATE = 13.8  # 99.9 % of chi-square with two degrees of freedom
FASTEST_M_S = 60.0  # faster than any road; the fix is wrong
GAP_MS = 300_000  # after five minutes of silence she may have walked straight on, not to and fro
LATE_RUN = 20  # so many late fixes in a row, each later than the one before, over more than
LATE_SPAN_MS = 60_000  # a minute: not a batch that comes late or twice, but a clock that was set back
SCALE_MEMORY = 20  # fixes over which the honesty of the reported accuracy is judged
SCALE_MAX = 6.0  # of the variance: accuracy reported at 0.4 of the truth


@dataclass(frozen=True, slots=True)
class Noise:
    """What the filter assumes of a fix.

    `inflation` multiplies the reported accuracy, because consecutive errors of a phone are correlated and a filter that
    takes them for independent grows too sure; `floor_m` is the best accuracy it believes.
    """

    inflation: float = 1.25
    floor_m: float = 5.0


@dataclass(slots=True)
class PositionFilter:
    """One device's position. Owned by one thread; `state` and `restore` carry it over a restart."""

    noise: Noise = Noise()
    at_ms: int = 0  # of the newest fix taken; 0 before the first
    latitude_deg: float = 0.0
    longitude_deg: float = 0.0
    variance_m2: float = 0.0  # an axis
    scale: float = 1.0  # true variance over assumed, from the innovations; never below 1
    late_run: int = 0
    late_since_ms: int = 0
    late_ms: int = 0
    odd_ms: int = 0  # the last fix that was gated; 0 when the last one was taken
    odd_latitude_deg: float = 0.0
    odd_longitude_deg: float = 0.0
    odd_variance_m2: float = 0.0

    @property
    def known(self) -> bool:
        return self.at_ms > 0

    @property
    def mean(self) -> LatLon:
        return LatLon(self.latitude_deg, self.longitude_deg)

    def sigma_at(self, at_ms: int) -> float:
        """Standard deviation an axis, in metres, at or after the last fix: it grows as she may have walked."""
        return float((self.variance_m2 + self._drift_m2(at_ms - self.at_ms, WALK_M_S)) ** 0.5)

    def update(self, fix: Fix) -> Verdict:
        """Takes the fix in, or says why not. A fix older than the newest changes nothing."""
        at_ms = epoch_ms(fix.taken_at)
        stepped = False
        if self.known and at_ms <= self.at_ms:
            if not self._clock_stepped(at_ms):
                return "late"
            stepped = True
            self.at_ms = at_ms - 1
        self.late_run = 0
        variance_m2 = (self.noise.inflation * sigma_of(self._accuracy_m(fix))) ** 2
        if not self.known:
            self._reset(fix.point, variance_m2, at_ms)
            return "taken"
        verdict = self._weigh(fix, at_ms, variance_m2)
        return "clock stepped back" if stepped else verdict

    def place(self, point: LatLon, accuracy_m: float, at_ms: int, *, forced: bool) -> bool:
        """Takes in where a sign or the like stands; `forced`: even against the fixes. True when it was used."""
        variance_m2 = sigma_of(accuracy_m) ** 2
        at_ms = max(at_ms, self.at_ms)
        prior_m2 = self.variance_m2 + self._drift_m2(at_ms - self.at_ms, WALK_M_S)
        east_m, north_m = local_m(self.mean, point)
        far = east_m**2 + north_m**2 > GATE * (prior_m2 + variance_m2)
        if not self.known or (far and forced):
            self._reset(point, variance_m2, at_ms)
        elif not far:
            self._blend(east_m, north_m, prior_m2, variance_m2, at_ms)
        return forced or not far

    def _weigh(self, fix: Fix, at_ms: int, variance_m2: float) -> Verdict:
        speed_m_s = max(WALK_M_S, fix.speed_m_s or 0.0)
        prior_m2 = self.variance_m2 + self._drift_m2(at_ms - self.at_ms, speed_m_s)
        east_m, north_m = local_m(self.mean, fix.point)
        distance2 = east_m * east_m + north_m * north_m
        total_m2 = prior_m2 + self.scale * variance_m2
        reach_m = FASTEST_M_S * (at_ms - self.at_ms) / 1000 + 3 * total_m2**0.5
        too_fast = distance2 > reach_m * reach_m
        if too_fast or distance2 > GATE * total_m2:
            self._judge(min(distance2, GATE * total_m2), prior_m2, variance_m2)
            return self._odd(fix.point, at_ms, variance_m2, "too fast" if too_fast else "gated")
        self._judge(distance2, prior_m2, variance_m2)
        self._blend(east_m, north_m, prior_m2, self.scale * variance_m2, at_ms)
        return "taken"

    def _blend(self, east_m: float, north_m: float, prior_m2: float, variance_m2: float, at_ms: int) -> None:
        gain = prior_m2 / (prior_m2 + variance_m2)
        self.latitude_deg, self.longitude_deg = offset(self.mean, gain * east_m, gain * north_m)
        self.variance_m2 = prior_m2 * (1 - gain)
        self.at_ms, self.odd_ms = at_ms, 0

    def _odd(self, point: LatLon, at_ms: int, variance_m2: float, verdict: Verdict) -> Verdict:
        """A second odd fix in a row that agrees with the first is a real jump: out of a tunnel, off a train."""
        if self.odd_ms:
            east_m, north_m = local_m(LatLon(self.odd_latitude_deg, self.odd_longitude_deg), point)
            moved_m = FASTEST_M_S * (at_ms - self.odd_ms) / 1000 / 2
            spread_m2 = self.odd_variance_m2 + variance_m2 + moved_m**2
            if east_m**2 + north_m**2 <= GATE * spread_m2:
                self._reset(point, variance_m2, at_ms)
                return "jump taken"
        self.odd_ms, self.odd_variance_m2 = at_ms, variance_m2
        self.odd_latitude_deg, self.odd_longitude_deg = point
        return verdict

    def _judge(self, distance2: float, prior_m2: float, variance_m2: float) -> None:
        """Learns from the surprise how much worse than reported the fixes are; that they are better is not believed."""
        seen = max(0.0, distance2 / 2 - prior_m2) / variance_m2
        self.scale = min(SCALE_MAX, max(1.0, self.scale + (seen - self.scale) / SCALE_MEMORY))

    def _clock_stepped(self, at_ms: int) -> bool:
        if at_ms > self.late_ms and self.late_run:
            self.late_run += 1
        else:
            self.late_run, self.late_since_ms = 1, at_ms
        self.late_ms = at_ms
        return self.late_run >= LATE_RUN and at_ms - self.late_since_ms > LATE_SPAN_MS

    def _reset(self, point: LatLon, variance_m2: float, at_ms: int) -> None:
        self.latitude_deg, self.longitude_deg = point
        self.variance_m2, self.at_ms, self.odd_ms = variance_m2, at_ms, 0

    def _accuracy_m(self, fix: Fix) -> float:
        reported_m = fix.accuracy_m or 0.0
        return max(self.noise.floor_m, reported_m if reported_m > 0 else UNKNOWN_ACCURACY_M)

    @staticmethod
    def _drift_m2(span_ms: int, speed_m_s: float) -> float:
        span_s = max(0, span_ms) / 1000
        straight_m2 = (speed_m_s * span_s / 2) ** 2 if span_ms > GAP_MS else 0.0
        return speed_m_s**2 * span_s * max(1.0, min(span_s, STRAIGHT_S)) + straight_m2

    def state(self) -> dict[str, Any]:
        """JSON-able, without the assumptions."""
        held = asdict(self)
        held.pop("noise")
        return held

    def restore(self, state: dict[str, Any]) -> None:
        for each in fields(self):
            if each.name in state:
                setattr(self, each.name, state[each.name])
