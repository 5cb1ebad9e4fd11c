"""Why a fence fired, or why it did not."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from endcap.fences.events import GeofenceEvent
from endcap.fences.geofence import Geofence
from endcap.fences.position import PositionFilter
from endcap.fences.posterior import ACCURACY_PER_SIGMA, best_p, p_inside
from endcap.fences.visits import Rules, Stage
from endcap.geo import LatLon
from endcap.messages import Fix
from endcap.wire import epoch_ms, from_epoch_ms

KEPT_LOOKS = 2000  # half an hour at one a second; 300 kB
KEPT_EVENTS = 200


class Look(NamedTuple):
    """One fix and what the filter made of it."""

    at_ms: int
    verdict: str
    latitude_deg: float  # of the position afterwards
    longitude_deg: float
    sigma_m: float
    accuracy_m: float | None  # of the fix


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why, for one fence at one time. `str` gives it in words; it names no coordinate, so that it may be sent in.

    `p_inside`, `outside_m` and `sigma_m` are None when there was no position to go by.
    """

    fence_id: str
    at: datetime
    stage: Stage  # now, not then
    p_inside: float | None
    outside_m: float | None  # of the boundary; negative inside
    sigma_m: float | None
    reasons: tuple[str, ...]
    events: tuple[GeofenceEvent, ...]  # of this fence, the last ones up to half an hour around that time

    def __str__(self) -> str:
        head = f"{self.fence_id} at {self.at:%Y-%m-%d %H:%M:%S} UTC (now {self.stage})"
        told = [
            f"{event.occurred_at:%H:%M:%S} {event.kind}, decided {event.decided_at:%H:%M:%S}" for event in self.events
        ]
        return "\n".join([head, *(f"- {line}" for line in (*self.reasons, *told))])


class Journal:
    """The last looks and events, in memory. Owned by the monitor."""

    def __init__(self) -> None:
        self._looks: deque[Look] = deque(maxlen=KEPT_LOOKS)
        self._events: deque[GeofenceEvent] = deque(maxlen=KEPT_EVENTS)

    def looked(self, fix: Fix, verdict: str, position: PositionFilter) -> None:
        self._looks.append(
            Look(
                epoch_ms(fix.taken_at),
                verdict,
                position.latitude_deg,
                position.longitude_deg,
                position.sigma_at(position.at_ms),
                fix.accuracy_m,
            )
        )

    @property
    def newest_ms(self) -> int:
        return self._looks[-1].at_ms if self._looks else 0

    def told(self, events: list[GeofenceEvent]) -> None:
        self._events.extend(events)

    def explain(self, fence_id: str, fence: Geofence | None, at_ms: int, rules: Rules, stage: Stage) -> Explanation:
        at = from_epoch_ms(at_ms)
        look = next((look for look in reversed(self._looks) if look.at_ms <= at_ms and _taken(look)), None)
        p = outside_m = sigma_m = None
        if fence is None:
            reasons = ["no fence of this id is registered"]
        else:
            reasons = self._reasons(fence, look, at, rules)
            if look is not None:
                mean, sigma_m = LatLon(look.latitude_deg, look.longitude_deg), look.sigma_m
                p, outside_m = p_inside(fence.shape, mean, sigma_m), fence.shape.boundary_m(mean)
        near = tuple(
            event
            for event in self._events
            if event.fence_id == fence_id and abs((event.decided_at - at).total_seconds()) <= 1800
        )
        return Explanation(fence_id, at, stage, p, outside_m, sigma_m, tuple(reasons), near)

    def _reasons(self, fence: Geofence, look: Look | None, at: datetime, rules: Rules) -> list[str]:
        reasons: list[str] = []
        if not fence.live_at(at):
            reasons.append("the fence was not valid, or its store was closed")
        if fence.floor is not None:
            reasons.append(f"it counts only when the floor is known to be {fence.floor}")
        dropped = [each for each in self._looks if 0 <= epoch_ms(at) - each.at_ms <= 60_000 and not _taken(each)]
        if dropped:
            verdicts = ", ".join(sorted({each.verdict for each in dropped}))
            reasons.append(f"{len(dropped)} fixes of the minute before were not used: {verdicts}")
        if look is None or epoch_ms(at) - look.at_ms > rules.stale_after_s * 1000:
            reasons.append("no fix had come for long: nobody knew where she was")
            return reasons
        return reasons + _geometry(fence, look, rules)


def _geometry(fence: Geofence, look: Look, rules: Rules) -> list[str]:
    mean = LatLon(look.latitude_deg, look.longitude_deg)
    p, best = p_inside(fence.shape, mean, look.sigma_m), best_p(fence.shape, look.sigma_m)
    outside_m = fence.shape.boundary_m(mean)
    side = f"{outside_m:.0f} m outside" if outside_m > 0 else f"{-outside_m:.0f} m inside"
    lines = [f"{side} the boundary, known to {look.sigma_m * ACCURACY_PER_SIGMA:.0f} m: P(inside) was {p:.2f}"]
    if best < rules.p_in:
        lines.append(
            f"a position this vague can't decide a fence of this size: at its very centre P would be {best:.2f}, and "
            f"it takes {rules.p_in:.2f}; a better fix, a sign, a beacon or the store's Wi-Fi would"
        )
    elif p < rules.p_in:
        lines.append(f"an enter takes {rules.p_in:.2f}")
    else:
        lines.append(f"an enter takes {rules.p_in:.2f} over {rules.enter_hold_s:.0f} s and {rules.enter_looks} fixes")
    return lines


def _taken(look: Look) -> bool:
    return look.verdict in ("taken", "jump taken", "clock stepped back")
