"""One fence's state for one shopper: beliefs in, enters, dwells and exits out, in that order and no other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, NamedTuple

from endcap.errors import BadConfig
from endcap.fences.events import Reason, Transition
from endcap.fences.evidence import Heard

SURELY_OUT = 0.01  # a share this low at the last look needs no other look to end a visit when the hold is over


class Stage(StrEnum):
    UNKNOWN = "unknown"
    OUTSIDE = "outside"
    ENTERING = "entering"  # likely inside, not yet long enough
    INSIDE = "inside"
    EXITING = "exiting"  # likely outside, not yet long enough
    STALE = "stale"  # in a visit, and nothing heard for long


@dataclass(frozen=True, slots=True)
class Rules:
    """When belief becomes an event. Each figure was chosen on one seed and confirmed on others: docs/geofences.md.

    Raises:
        BadConfig: a figure that can't work.
    """

    p_in: float = 0.6  # below it, "possibly near" at most
    p_out: float = 0.05  # of the best that the uncertainty allows, so that a vague fix never ends a visit
    enter_hold_s: float = 8.0
    exit_hold_s: float = 120.0  # the long exit hold is what removes doubles
    enter_looks: int = 2  # one piece of evidence alone never enters, unless it is certain
    stale_after_s: float = 300.0
    timeout_s: float = 4 * 3600.0  # silence this long closes a visit

    def __post_init__(self) -> None:
        for name, low, high in (
            ("p_in", 0.5, 0.99),
            ("p_out", 0.001, 0.4),
            ("enter_hold_s", 0, 3600),
            ("exit_hold_s", 0, 3600),
            ("enter_looks", 1, 100),
            ("stale_after_s", 10, 86_400),
            ("timeout_s", 60, 7 * 86_400),
        ):
            if not low <= getattr(self, name) <= high:
                raise BadConfig(name, f"must be from {low:g} to {high:g}")


@dataclass(frozen=True, slots=True)
class Holds:
    """How long this fence waits, in milliseconds; `dwell_ms` None: no dwell."""

    enter_ms: int
    exit_ms: int
    dwell_ms: int | None


class Belief(NamedTuple):
    """What all evidence says of one fence at one time."""

    p: float  # that she is inside
    share: float  # p over the best p that this uncertainty allows
    certain: bool = False  # a scanned sign or the like: no hold
    live: bool = True  # the fence is valid and its store open


@dataclass(slots=True)
class Track:
    """What is remembered of one fence. All times are the evidence's own, in milliseconds since 1970."""

    stage: Stage = Stage.UNKNOWN
    since_ms: int = 0  # when the run of ENTERING or EXITING began
    looks: int = 0  # evidence in that run
    share: float = 1.0  # the last belief's
    visit_no: int = 0
    entered_ms: int = 0
    seen_ms: int = 0  # last belief that she is inside
    dwelled_ms: int = 0  # when the visit's dwell fell due; 0: not yet
    initial: bool = False  # the run began with the first look
    waiting: bool = False  # she was inside while the fence was shut
    opened: bool = False  # the run began when it opened
    near: bool = False  # within the ring of approach_m
    approach_no: int = 0
    cross_no: int = 0
    crossed_ms: int = 0
    heard: dict[str, Heard] = field(default_factory=dict)
    shape_key: str = ""  # of the geometry that the run or visit is about

    @property
    def visiting(self) -> bool:
        return self.stage in (Stage.INSIDE, Stage.EXITING, Stage.STALE)

    @property
    def blank(self) -> bool:
        """True when a new track would say the same."""
        return not (self.busy or self.visit_no or self.approach_no or self.cross_no)

    @property
    def busy(self) -> bool:
        """True while something can happen even when she is nowhere near."""
        return self.visiting or self.stage is Stage.ENTERING or self.near or self.waiting or bool(self.heard)

    def step(self, belief: Belief, at_ms: int, rules: Rules, holds: Holds) -> list[Transition]:
        """Take one belief in; at most one enter, or a dwell and an exit, come out."""
        self.share = belief.share
        if self.visiting:
            return self._visit(belief, at_ms, rules, holds)
        return self._come(belief, at_ms, rules, holds)

    def tick(self, belief: Belief, at_ms: int, heard_ms: int, rules: Rules, holds: Holds) -> list[Transition]:
        """Let time pass without new evidence since `heard_ms`: holds run out and deadlines come, but nothing flips."""
        stale = at_ms - heard_ms > rules.stale_after_s * 1000
        if self.stage is Stage.ENTERING:
            enough = self.looks >= rules.enter_looks and at_ms - self.since_ms >= holds.enter_ms
            return self._enter(at_ms, belief.p) if enough and not stale and belief.p >= rules.p_in else []
        if self.stage is Stage.EXITING:
            sure = belief.share <= rules.p_out or self.share <= SURELY_OUT
            over = sure and at_ms - self.since_ms >= holds.exit_ms
            return self.end(self.since_ms, belief.p, "", holds) if over else []
        if self.stage is Stage.INSIDE and stale:
            self.stage = Stage.STALE
        return self._dwell(at_ms, holds, belief.p) if self.stage is Stage.INSIDE else []

    def end(self, ended_ms: int, p: float, reason: Reason, holds: Holds) -> list[Transition]:
        """The visit's end, at the latest when she was first believed outside; before it the dwell that was due."""
        if self.stage is Stage.EXITING:
            ended_ms = min(ended_ms, self.since_ms)
        ended_ms = max(ended_ms, self.entered_ms, self.dwelled_ms)
        dwelt = self._dwell(ended_ms, holds, p)
        self.stage, self.looks = Stage.OUTSIDE, 0
        return [*dwelt, Transition("exit", ended_ms, p, reason)]

    def forget(self) -> None:
        """The fence is gone; only the numbers of its visits stay, so that none is used again."""
        self.stage, self.near, self.waiting, self.heard = Stage.OUTSIDE, False, False, {}

    def reseed(self) -> None:
        """The fence has another shape: begin the run anew, keep the visit."""
        self.since_ms, self.looks = 0, 0
        self.stage = Stage.INSIDE if self.visiting else Stage.OUTSIDE

    def shift(self, by_ms: int) -> None:
        """The clock was set: move all times along with it."""
        for name in ("since_ms", "entered_ms", "seen_ms", "dwelled_ms", "crossed_ms"):
            if getattr(self, name):
                setattr(self, name, getattr(self, name) + by_ms)
        self.heard = {kind: (inside, at_ms + by_ms) for kind, (inside, at_ms) in self.heard.items()}

    def _come(self, belief: Belief, at_ms: int, rules: Rules, holds: Holds) -> list[Transition]:
        if belief.p < rules.p_in or not belief.live:
            self.waiting = belief.p >= rules.p_in
            self.stage, self.looks = Stage.OUTSIDE, 0
            return []
        if self.stage is not Stage.ENTERING:
            self.initial, self.opened, self.waiting = self.stage is Stage.UNKNOWN, self.waiting, False
            self.stage, self.since_ms, self.looks = Stage.ENTERING, at_ms, 0
        self.looks += 1
        held = self.looks >= rules.enter_looks and at_ms - self.since_ms >= holds.enter_ms
        return self._enter(at_ms, belief.p) if held or belief.certain else []

    def _enter(self, at_ms: int, p: float) -> list[Transition]:
        self.stage, self.looks = Stage.INSIDE, 0
        self.visit_no += 1
        self.entered_ms, self.seen_ms, self.dwelled_ms = self.since_ms, at_ms, 0
        return [Transition("enter", self.since_ms, p, "opened" if self.opened else "", self.initial)]

    def _visit(self, belief: Belief, at_ms: int, rules: Rules, holds: Holds) -> list[Transition]:
        if belief.share > rules.p_out:
            self.stage, self.looks, self.seen_ms = Stage.INSIDE, 0, at_ms
            return self._dwell(at_ms, holds, belief.p)
        if self.stage is not Stage.EXITING:
            self.stage, self.since_ms, self.looks = Stage.EXITING, at_ms, 0
        self.looks += 1
        if at_ms - self.since_ms < holds.exit_ms and not belief.certain:
            return self._dwell(self.since_ms, holds, belief.p)
        return self.end(self.since_ms, belief.p, "", holds)

    def _dwell(self, until_ms: int, holds: Holds, p: float) -> list[Transition]:
        """The dwell, once, when she is known to have been inside until after its deadline."""
        if holds.dwell_ms is None or self.dwelled_ms or until_ms < self.entered_ms + holds.dwell_ms:
            return []
        self.dwelled_ms = self.entered_ms + holds.dwell_ms
        return [Transition("dwell", self.dwelled_ms, p)]

    def state(self) -> dict[str, Any]:
        """What differs from a new track, JSON-able."""
        blank = _BLANK
        return {name: value for name in _NAMES if (value := getattr(self, name)) != getattr(blank, name)}

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> Track:
        track = cls(**{name: state[name] for name in _NAMES if name in state})
        track.stage = Stage(track.stage)
        track.heard = {kind: (bool(inside), int(at_ms)) for kind, (inside, at_ms) in track.heard.items()}
        return track


_NAMES = tuple(each.name for each in fields(Track))
_BLANK = Track()
