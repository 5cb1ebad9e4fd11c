"""Exactly one enter and one exit a visit: the engine beside three rules that shipped SDKs use. Seeds in the open."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from random import Random
from statistics import median

from endcap.fences import Circle, Geofence, GeofenceMonitor
from endcap.geo import NEAR_M, LatLon, distance_m
from endcap.messages import Fix
from endcap.sim import Flaw, accuracy_lies, correlated, gaps, indoor_snap, multipath, stale_repeats, white
from endcap.sim.walks import STARTED_AT, pass_by, stand, visit

CENTRE = LatLon(60.16952, 24.93545)
FENCE = Geofence("bench", Circle(CENTRE, NEAR_M))
FIRST_SEED = 20_000  # the rules' figures were chosen on seeds below 10,000
FROM_M, SPEED_M_S = 150.0, 1.2
SURE = 0.9  # "high" confidence


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one rule made of one walk; `late_s` from the true crossing of the rim to the first enter.

    `sure` are the enters that the rule was at least 90 % sure of, `true` those of them when she truly was inside.
    """

    enters: int
    exits: int
    late_s: float | None
    sure: int = 0
    true: int = 0

    @property
    def right(self) -> bool:
        return self.enters == self.exits == 1


@dataclass(frozen=True, slots=True)
class Condition:
    name: str
    walk: Callable[[], list[Fix]]
    flaws: tuple[Flaw, ...]


Truth = Mapping[datetime, LatLon]
Rule = Callable[[Sequence[Fix], Truth], Outcome]


def naive(fixes: Sequence[Fix], truth: Truth) -> Outcome:
    """Inside is within the radius."""
    return _plain(fixes, lambda fix, inside: _away_m(fix) <= NEAR_M)


def both_ways(fixes: Sequence[Fix], truth: Truth) -> Outcome:
    """Enter and leave at radius + accuracy."""
    return _plain(fixes, lambda fix, inside: _away_m(fix) <= NEAR_M + (fix.accuracy_m or 0))


def ring(fixes: Sequence[Fix], truth: Truth) -> Outcome:
    """Enter at the radius, leave at radius + accuracy."""
    return _plain(fixes, lambda fix, inside: _away_m(fix) <= NEAR_M + (fix.accuracy_m or 0) * inside)


def endcap(fixes: Sequence[Fix], truth: Truth) -> Outcome:
    """The SDK's monitor with its own figures."""
    monitor = GeofenceMonitor([FENCE], install="bench")
    events = [event for fix in fixes for event in monitor.observe(fix)]
    enters = [event for event in events if event.kind == "enter"]
    late_s = _late_s((enters[0].decided_at - STARTED_AT).total_seconds()) if enters else None
    sure = [distance_m(CENTRE, truth[event.decided_at]) <= NEAR_M for event in enters if event.p_inside >= SURE]
    return Outcome(len(enters), len(events) - len(enters), late_s, len(sure), sum(sure))


RULES: dict[str, Rule] = {
    "within r": naive,
    "r + acc both ways": both_ways,
    "in r, out r + acc": ring,
    "Endcap": endcap,
}


def visits(*flaws: Flaw, name: str, **walk: float) -> Condition:
    return Condition(name, partial(visit, CENTRE, from_m=FROM_M, speed_m_s=SPEED_M_S, **walk), flaws)


VISITS = (
    visits(white(5), name="σ 5 m, white, every 5 s", every_s=5),
    visits(white(15), name="σ 15 m, white, every 5 s", every_s=5),
    visits(white(15), name="σ 15 m, white, every 1 s", every_s=1),
    visits(correlated(15, 60), name="σ 15 m, AR(1) τ 60 s, every 5 s", every_s=5),
    visits(correlated(15, 60), name="σ 15 m, AR(1) τ 60 s, every 1 s", every_s=1),
    visits(correlated(15, 120), name="σ 15 m, AR(1) τ 120 s, every 5 s", every_s=5),
    visits(correlated(15, 60), name="the same τ 60 s, stands 20 m off centre", every_s=5, off_m=20),
    visits(correlated(15, 20), name="the same τ 20 s, stands 20 m off centre", every_s=5, off_m=20),
    visits(correlated(15, 60), name="σ 15 m, AR(1) τ 60 s, every 30 s", every_s=30),
    visits(correlated(25, 60), name="σ 25 m, AR(1) τ 60 s, every 5 s", every_s=5),
    visits(correlated(15, 60), name="σ 15 m, AR(1) τ 60 s, stays 60 s", every_s=5, stay_s=60),
    visits(white(15), accuracy_lies(0.5), name="σ 15 m, white, 1 s, says half", every_s=1),
    visits(white(15), accuracy_lies(2.0), name="σ 15 m, white, 1 s, says twice", every_s=1),
    visits(white(15), accuracy_lies(0.5), name="σ 15 m, white, 5 s, says half", every_s=5),
    visits(white(15), accuracy_lies(2.0), name="σ 15 m, white, 5 s, says twice", every_s=5),
    visits(correlated(15, 60), accuracy_lies(0.5), name="σ 15 m, AR(1) τ 60 s, 5 s, says half", every_s=5),
    visits(correlated(15, 60), accuracy_lies(2.0), name="σ 15 m, AR(1) τ 60 s, 5 s, says twice", every_s=5),
    visits(white(8), multipath(), stale_repeats(), name="σ 8 m, bursts of 20-60 m, stale repeats, 1 s", every_s=1),
    visits(correlated(10, 60), gaps(300, (30, 120)), name="σ 10 m, AR(1), gaps of 30-120 s, 5 s", every_s=5),
    visits(indoor_snap(), name="indoors: among 4 places, always 65 m", every_s=5),
)
ELSEWHERE = (
    Condition("stands 60 m away", partial(stand, CENTRE, away_m=60, every_s=5), (correlated(15, 60),)),
    Condition("stands 50 m away (20 m outside)", partial(stand, CENTRE, away_m=50, every_s=5), (correlated(15, 60),)),
    Condition("stands 50 m away, white", partial(stand, CENTRE, away_m=50, every_s=5), (white(15),)),
    Condition("walks past, 15 m outside, σ 10 m", partial(pass_by, CENTRE, away_m=45.5), (correlated(10, 20),)),
    Condition("walks past, 30 m outside, σ 10 m", partial(pass_by, CENTRE, away_m=60.5), (correlated(10, 20),)),
)


def run(quick: bool) -> str:
    """One table of visits and one of walks that are none, as Markdown."""
    walks = 100 if quick else 500
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        found = {condition.name: _outcomes(pool, condition, walks) for condition in VISITS + ELSEWHERE}
    lines = [_head(walks)]
    lines += [_visit_row(condition, found[condition.name]) for condition in VISITS]
    lines += ["", "Share of walks that were told as a visit and were none:", ""]
    lines += [f"| she | {' | '.join(RULES)} |", "|---" * (len(RULES) + 1) + "|"]
    lines += [_elsewhere_row(condition, found[condition.name]) for condition in ELSEWHERE]
    ours = [outcome for outcomes in found.values() for outcome in outcomes["Endcap"]]
    sure, true = sum(outcome.sure for outcome in ours), sum(outcome.true for outcome in ours)
    lines += [
        "",
        f"Of {sure:,} enters of all rows with p_inside >= {SURE}, {true / sure:.1%} were true at that moment.",
    ]
    return "\n".join(lines)


def _head(walks: int) -> str:
    return "\n".join(
        [
            "## Visits told exactly once",
            "",
            "She walks 150 m to a fence of 100 ft (30.48 m) at 1.2 m/s, stands there for 5 minutes and walks away; "
            f"{walks:,} walks a row, seeds {FIRST_SEED:,} and up. Share of walks with exactly one enter and one exit "
            "(enters a walk); seconds from the true crossing to the enter, median / 95 %.",
            "",
            f"| errors of the fixes | {' | '.join(RULES)} | none / two or more | late, Endcap | late, within r |",
            "|---" * (len(RULES) + 4) + "|",
        ]
    )


def _visit_row(condition: Condition, found: dict[str, list[Outcome]]) -> str:
    ours = found["Endcap"]
    none = sum(outcome.enters == 0 for outcome in ours) / len(ours)
    more = sum(outcome.enters > 1 for outcome in ours) / len(ours)
    cells = [f"{_share(outcomes)} ({_enters(outcomes):.2g})" for outcomes in found.values()]
    late = f"{_lateness(ours)} | {_lateness(found['within r'])}"
    return f"| {condition.name} | {' | '.join(cells)} | {none:.1%} / {more:.1%} | {late} |"


def _elsewhere_row(condition: Condition, found: dict[str, list[Outcome]]) -> str:
    told = [sum(outcome.enters > 0 for outcome in outcomes) / len(outcomes) for outcomes in found.values()]
    return f"| {condition.name} | {' | '.join(f'{share:.1%}' for share in told)} |"


def _outcomes(pool: ProcessPoolExecutor, condition: Condition, walks: int) -> dict[str, list[Outcome]]:
    place = (VISITS + ELSEWHERE).index(condition)
    print(f"{place + 1} of {len(VISITS + ELSEWHERE)}: {condition.name}", file=sys.stderr, flush=True)
    seeds = range(FIRST_SEED, FIRST_SEED + walks)
    rows = list(pool.map(partial(_one, place), seeds, chunksize=10))
    return {name: [row[number] for row in rows] for number, name in enumerate(RULES)}


def _one(place: int, seed: int) -> list[Outcome]:
    condition, random = (VISITS + ELSEWHERE)[place], Random(seed)
    walk = condition.walk()
    truth = {fix.taken_at: fix.point for fix in walk}
    for flaw in condition.flaws:
        walk = flaw(walk, random)
    return [rule(walk, truth) for rule in RULES.values()]


def _plain(fixes: Sequence[Fix], is_inside: Callable[[Fix, bool], bool]) -> Outcome:
    inside, enters, exits, late_s = False, 0, 0, None
    for fix in fixes:
        now = is_inside(fix, inside)
        if now and not inside:
            enters += 1
            late_s = _late_s((fix.taken_at - STARTED_AT).total_seconds()) if late_s is None else late_s
        exits += inside and not now
        inside = now
    return Outcome(enters, exits, late_s)


def _away_m(fix: Fix) -> float:
    return distance_m(CENTRE, fix.point)


def _late_s(entered_s: float) -> float:
    return entered_s - (FROM_M - NEAR_M) / SPEED_M_S


def _share(outcomes: list[Outcome]) -> str:
    return f"{sum(outcome.right for outcome in outcomes) / len(outcomes):.1%}"


def _enters(outcomes: list[Outcome]) -> float:
    return sum(outcome.enters for outcome in outcomes) / len(outcomes)


def _lateness(outcomes: list[Outcome]) -> str:
    late = sorted(outcome.late_s for outcome in outcomes if outcome.late_s is not None)
    return f"{median(late):.0f} / {late[int(len(late) * 0.95)]:.0f}" if late else "–"
