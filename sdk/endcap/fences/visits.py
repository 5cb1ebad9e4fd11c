"""One fence's state for one shopper: beliefs in, enters, dwells and exits out, in that order and no other."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, NamedTuple

from endcap.fences.events import Reason


class Stage(StrEnum):
    UNKNOWN = "unknown"
    OUTSIDE = "outside"
    ENTERING = "entering"  # likely inside, not yet long enough
    INSIDE = "inside"
    EXITING = "exiting"  # likely outside, not yet long enough
    STALE = "stale"  # in a visit, and nothing heard for long


@dataclass(frozen=True, slots=True)
class Rules:
    """When belief becomes an event. Each figure was chosen on one seed and confirmed on others: docs/geofences.md."""

    p_in: float = 0.6  # below it, "possibly near" at most
    p_out: float = 0.1  # of the best that the uncertainty allows, so that a vague fix never ends a visit
    enter_hold_s: float = 8.0
    exit_hold_s: float = 120.0  # the long exit hold is what removes doubles
    enter_fixes: int = 2  # one fix alone never enters
    stale_after_s: float = 300.0
    timeout_s: float = 4 * 3600.0  # silence this long closes a visit


class Belief(NamedTuple):
    """What the evidence says of one fence at one time."""

    p: float  # that she is inside
    share: float  # p over the best p that this uncertainty allows
    certain: bool = False  # a scanned sign or the like: no hold


class Transition(NamedTuple):
    kind: Literal["enter", "dwell", "exit"]
    occurred_ms: int
    p: float
    reason: Reason = ""
    initial: bool = False


@dataclass(slots=True)
class Track:
    """What is remembered of one fence. All times are the evidence's own, in milliseconds since 1970."""

    stage: Stage = Stage.UNKNOWN
    since_ms: int = 0  # when the run of ENTERING or EXITING began
    hits: int = 0  # evidence in that run
    visit_no: int = 0
    entered_ms: int = 0
    seen_ms: int = 0  # last belief that she is inside
    dwelled: bool = False
    initial: bool = False  # the visit in the making began with the first look

    @property
    def visiting(self) -> bool:
        return self.stage in (Stage.INSIDE, Stage.EXITING, Stage.STALE)

    def step(
        self,
        belief: Belief,
        at_ms: int,
        rules: Rules,
        *,
        enter_hold_s: float,
        exit_hold_s: float,
        dwell_s: float | None,
    ) -> list[Transition]:
        """Take one belief in; at most one enter, one dwell and one exit come out, in order."""
        if self.visiting:
            return self._visit(belief, at_ms, rules, exit_hold_s, dwell_s)
        return self._approach(belief, at_ms, rules, enter_hold_s)

    def _approach(self, belief: Belief, at_ms: int, rules: Rules, enter_hold_s: float) -> list[Transition]:
        if belief.p < rules.p_in:
            self.stage, self.hits = Stage.OUTSIDE, 0
            return []
        if self.stage is not Stage.ENTERING:
            self.initial = self.stage is Stage.UNKNOWN
            self.stage, self.since_ms, self.hits = Stage.ENTERING, at_ms, 0
        self.hits += 1
        held = self.hits >= rules.enter_fixes and at_ms - self.since_ms >= enter_hold_s * 1000
        if not (held or belief.certain):
            return []
        self.stage, self.hits = Stage.INSIDE, 0
        self.visit_no += 1
        self.entered_ms, self.seen_ms, self.dwelled = self.since_ms, at_ms, False
        return [Transition("enter", self.since_ms, belief.p, initial=self.initial)]

    def _visit(
        self, belief: Belief, at_ms: int, rules: Rules, exit_hold_s: float, dwell_s: float | None
    ) -> list[Transition]:
        if belief.share > rules.p_out:
            self.stage, self.hits, self.seen_ms = Stage.INSIDE, 0, at_ms
            return self.dwell(at_ms, dwell_s, belief.p)
        if self.stage is not Stage.EXITING:
            self.stage, self.since_ms, self.hits = Stage.EXITING, at_ms, 0
        self.hits += 1
        dwelt = self.dwell(self.since_ms - 1, dwell_s, belief.p)
        if at_ms - self.since_ms < exit_hold_s * 1000:
            return dwelt
        return [*dwelt, self.leave(self.since_ms, belief.p)]

    def dwell(self, until_ms: int, dwell_s: float | None, p: float) -> list[Transition]:
        """The dwell, once, when she is known to have been inside until after its deadline."""
        if dwell_s is None or self.dwelled:
            return []
        deadline_ms = self.entered_ms + round(dwell_s * 1000)
        if until_ms < deadline_ms:
            return []
        self.dwelled = True
        return [Transition("dwell", deadline_ms, p)]

    def leave(self, occurred_ms: int, p: float, reason: Reason = "") -> Transition:
        self.stage, self.hits = Stage.OUTSIDE, 0
        return Transition("exit", max(occurred_ms, self.entered_ms), p, reason)
