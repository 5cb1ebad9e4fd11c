"""Walks with a phone's errors on them: what the engine is measured with, and what an app can test itself with.

    walk = visit(stay_s=300, off_m=20, every_s=5)
    fixes = noisy(walk, CENTRE, correlated(15, tau_s=60), seed=1)

The same seed gives the same fixes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import cos, exp, radians, sin, sqrt
from random import Random

from endcap.fences.posterior import ACCURACY_PER_SIGMA
from endcap.geo import LatLon, offset
from endcap.messages import Fix

STARTED_AT = datetime(2026, 11, 24, 8, tzinfo=UTC)  # of every simulated walk


@dataclass(frozen=True, slots=True)
class Step:
    """Where she truly is: seconds since the start, metres east and north of a centre."""

    at_s: float
    east_m: float
    north_m: float


Errors = Iterator[tuple[float, float]]  # metres east and north, one for each step
Noise = Callable[[Random, float], Errors]  # (random, seconds between steps)


def visit(
    *,
    stay_s: float = 300.0,
    off_m: float = 0.0,
    every_s: float = 1.0,
    from_m: float = 150.0,
    speed_m_s: float = 1.2,
    after_s: float = 240.0,
    bearing_deg: float = 90.0,
) -> list[Step]:
    """She walks straight in from `from_m` metres, stands `stay_s` at `off_m` from the centre, walks out and waits."""
    in_s = (from_m - off_m) / speed_m_s
    out_s = in_s + stay_s
    total_s = out_s + in_s + after_s
    east, north = sin(radians(bearing_deg)), cos(radians(bearing_deg))
    steps: list[Step] = []
    for number in range(int(total_s / every_s) + 1):
        at_s = number * every_s
        walked_m = min(at_s, in_s) * speed_m_s
        back_m = min(max(0.0, at_s - out_s), in_s) * speed_m_s
        away_m = from_m - walked_m + back_m
        steps.append(Step(at_s, away_m * east, away_m * north))
    return steps


def stand(*, away_m: float, stay_s: float = 300.0, every_s: float = 1.0) -> list[Step]:
    """She stands `away_m` metres east of the centre all the time."""
    return [Step(number * every_s, away_m, 0.0) for number in range(int(stay_s / every_s) + 1)]


def white(sigma_m: float) -> Noise:
    """Each fix errs on its own, `sigma_m` an axis: the kindest error, and no phone's."""

    def errors(random: Random, every_s: float) -> Errors:
        while True:
            yield random.gauss(0, sigma_m), random.gauss(0, sigma_m)

    return errors


def correlated(sigma_m: float, tau_s: float = 60.0) -> Noise:
    """The error drifts (first-order autoregressive, time constant `tau_s`), as multipath and Wi-Fi make it drift."""

    def errors(random: Random, every_s: float) -> Errors:
        kept = exp(-every_s / tau_s)
        fresh_m = sigma_m * sqrt(1 - kept * kept)
        east_m, north_m = random.gauss(0, sigma_m), random.gauss(0, sigma_m)
        while True:
            yield east_m, north_m
            east_m = kept * east_m + random.gauss(0, fresh_m)
            north_m = kept * north_m + random.gauss(0, fresh_m)

    return errors


def noisy(
    walk: list[Step], centre: LatLon, noise: Noise, *, accuracy_m: float, seed: int, started_at: datetime = STARTED_AT
) -> list[Fix]:
    """The fixes a phone would report on the walk, each claiming `accuracy_m`."""
    every_s = walk[1].at_s - walk[0].at_s
    errors = noise(Random(seed), every_s)
    fixes: list[Fix] = []
    for step in walk:
        east_m, north_m = next(errors)
        point = offset(centre, step.east_m + east_m, step.north_m + north_m)
        fixes.append(Fix(*point, started_at + timedelta(seconds=step.at_s), accuracy_m, "simulated"))
    return fixes


def honest_accuracy_m(sigma_m: float) -> float:
    """What an honest OS reports for errors of `sigma_m` an axis: the 68 % radius."""
    return sigma_m * ACCURACY_PER_SIGMA
