"""What all that is known says of one fence: position, floor, other evidence, opening hours."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from endcap.fences.evidence import WEIGHTS, Evidence, joined, odds_of
from endcap.fences.geofence import Geofence
from endcap.fences.position import PositionFilter
from endcap.fences.posterior import best_p, p_inside
from endcap.fences.visits import Belief, Holds, Rules, Track
from endcap.wire import from_epoch_ms

FLOOR_MS = 600_000  # a floor once known is believed for ten minutes
FRESH_FIX_MS = 30_000  # a fix this new may contradict the OS's geofence
CONTRADICTION_SIGMAS = 3.0


@dataclass(slots=True)
class Whereabouts:
    """Where she is, as far as is known: a position, and perhaps a floor."""

    position: PositionFilter = field(default_factory=PositionFilter)
    floor: int | None = None
    floor_ms: int = 0  # when the floor was last told

    def known_at(self, at_ms: int, rules: Rules) -> bool:
        """Whether the position is new enough to speak of."""
        return self.position.known and at_ms - self.position.at_ms <= rules.stale_after_s * 1000

    def floor_at(self, at_ms: int) -> int | None:
        return self.floor if at_ms - self.floor_ms <= FLOOR_MS else None

    def take_place(self, evidence: Evidence, fence: Geofence, at_ms: int) -> bool:
        """What evidence of being at a fence says of floor and position; True when the position moved."""
        if not evidence.inside:
            return False
        floor = evidence.floor if evidence.floor is not None else fence.floor
        if floor is not None:
            self.floor, self.floor_ms = floor, at_ms
        if evidence.point is None:
            return False
        weight = WEIGHTS[evidence.kind]
        accuracy_m = evidence.accuracy_m or weight.accuracy_m
        return self.position.place(evidence.point, accuracy_m, at_ms, forced=weight.certain)

    def contradicts(self, evidence: Evidence, fence: Geofence, at_ms: int) -> bool:
        """Whether a fresh position is more than three sigmas on the other side of what the OS's geofence says."""
        if evidence.kind != "os_fence" or not self.position.known or at_ms - self.position.at_ms > FRESH_FIX_MS:
            return False
        outside_m = fence.shape.boundary_m(self.position.mean)
        limit_m = CONTRADICTION_SIGMAS * self.position.sigma_at(at_ms)
        return outside_m > limit_m if evidence.inside else outside_m < -limit_m

    def state(self) -> dict[str, Any]:
        return {"position": self.position.state(), "floor": self.floor, "floor_ms": self.floor_ms}

    def restore(self, state: dict[str, Any]) -> None:
        self.position.restore(state["position"])
        self.floor, self.floor_ms = state["floor"], int(state["floor_ms"])


def belief(
    where: Whereabouts, fence: Geofence, track: Track, at_ms: int, rules: Rules, *, certain: bool = False
) -> Belief:
    """What is believed of one fence. Without a position p is one half: nobody knows."""
    p = share = 0.5
    if where.known_at(at_ms, rules):
        sigma_m = where.position.sigma_at(at_ms)
        p = share = p_inside(fence.shape, where.position.mean, sigma_m)
        if track.visiting:
            share = min(1.0, p / max(best_p(fence.shape, sigma_m), 1e-12))
    if fence.floor is not None:
        floor = where.floor_at(at_ms)
        if floor is None:
            p = min(p, 0.5)
        elif floor != fence.floor:
            p = share = 0.0
    if certain:
        p = share = 0.5  # what is certain needs no position, and heeds none
    if track.heard:
        odds = odds_of(track.heard, at_ms)
        p, share = joined(p, odds), joined(share, odds)
    matters = track.visiting or p >= rules.p_in
    return Belief(p, share, certain, live=not matters or fence.live_at(from_epoch_ms(at_ms)))


def holds_of(fence: Geofence, rules: Rules) -> Holds:
    enter_s = rules.enter_hold_s if fence.enter_hold_s is None else fence.enter_hold_s
    exit_s = rules.exit_hold_s if fence.exit_hold_s is None else fence.exit_hold_s
    return Holds(
        round(enter_s * 1000), round(exit_s * 1000), None if fence.dwell_s is None else round(fence.dwell_s * 1000)
    )


def used(where: Whereabouts, track: Track, source: str, at_ms: int, rules: Rules) -> tuple[str, ...]:
    """The names of the evidence that a decision rests on: the fixes' source first."""
    own = (source,) if source and where.known_at(at_ms, rules) else ()
    return (*own, *sorted(kind for kind, (_, heard_ms) in track.heard.items() if at_ms - heard_ms <= FLOOR_MS))
