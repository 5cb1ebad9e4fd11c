"""Flaws: what a phone makes of the truth. Each takes a walk and gives back another; the same seed gives the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from math import cos, exp, pi, sin
from random import Random

from endcap.fences.posterior import ACCURACY_PER_SIGMA
from endcap.geo import offset
from endcap.messages import Fix
from endcap.sim.drift import Drift, Reflections

Flaw = Callable[[Sequence[Fix], Random], list[Fix]]


def white(sigma_m: float) -> Flaw:
    """Each fix errs on its own, `sigma_m` an axis, and says so honestly: the kindest flaw, and no phone's."""

    def flaw(walk: Sequence[Fix], random: Random) -> list[Fix]:
        return [_moved(fix, random.gauss(0, sigma_m), random.gauss(0, sigma_m), sigma_m) for fix in walk]

    return flaw


def correlated(sigma_m: float, tau_s: float = 60.0) -> Flaw:
    """The error drifts with time constant `tau_s`, as reflections and Wi-Fi make it drift; told honestly."""

    def flaw(walk: Sequence[Fix], random: Random) -> list[Fix]:
        drift = Drift(random)
        found = []
        for passed_s, fix in _steps(walk):
            east, north = drift.after(passed_s, tau_s)
            found.append(_moved(fix, sigma_m * east, sigma_m * north, sigma_m))
        return found

    return flaw


def multipath(every_s: float = 300.0, off_m: tuple[float, float] = (20.0, 60.0), lasting_s: float = 30.0) -> Flaw:
    """Now and then, beside a wall, every fix is off by the same for a while, and the accuracy does not tell."""

    def flaw(walk: Sequence[Fix], random: Random) -> list[Fix]:
        reflections = Reflections(random)
        found = []
        for passed_s, fix in _steps(walk):
            thrown = reflections.after(passed_s, every_s, off_m, lasting_s)
            found.append(_moved(fix, *thrown) if thrown else fix)
        return found

    return flaw


def indoor_snap(
    anchors: int = 4, spread_m: float = 40.0, accuracy_m: float = 65.0, stay_s: float = 20.0, only_from_s: float = 0.0
) -> Flaw:
    """Indoors the fix jumps among a few places around the truth, always with the same accuracy (iOS says 65 m).

    `only_from_s`: the first seconds of the walk are outdoors.
    """

    def flaw(walk: Sequence[Fix], random: Random) -> list[Fix]:
        places = [(random.gauss(0, spread_m / 2), random.gauss(0, spread_m / 2)) for _ in range(anchors)]
        at, left_s = places[0], stay_s
        found = []
        for passed_s, fix in _steps(walk):
            left_s -= passed_s
            if left_s <= 0:
                at, left_s = random.choice(places), random.expovariate(1 / stay_s)
            inside = (fix.taken_at - walk[0].taken_at).total_seconds() >= only_from_s
            found.append(replace(_moved(fix, *at), accuracy_m=accuracy_m, source="wifi") if inside else fix)
        return found

    return flaw


def cold_start(from_m: float = 100.0, over_s: float = 30.0) -> Flaw:
    """The receiver was off: at first it knows within `from_m`, and after `over_s` as well as ever."""

    def flaw(walk: Sequence[Fix], random: Random) -> list[Fix]:
        turn = random.uniform(0, 2 * pi)
        found = []
        for fix in walk:
            share = 1 - (fix.taken_at - walk[0].taken_at).total_seconds() / over_s
            if share <= 0:
                found.append(fix)
                continue
            off_m = share * from_m / 2
            vague = _moved(fix, off_m * sin(turn), off_m * cos(turn))
            found.append(replace(vague, accuracy_m=max(fix.accuracy_m or 0.0, share * from_m)))
        return found

    return flaw


def stale_repeats(share: float = 0.1) -> Flaw:
    """The OS hands out its last fix again, stamp and all."""

    def flaw(walk: Sequence[Fix], random: Random) -> list[Fix]:
        found: list[Fix] = []
        for fix in walk:
            if found and random.random() < share:
                found.append(found[-1])
            found.append(fix)
        return found

    return flaw


def accuracy_lies(factor: float = 1.0, *, zero: float = 0.0, negative: float = 0.0) -> Flaw:
    """The stated accuracy is `factor` of the true one; a share of fixes says 0, a share -1, as phones do."""

    def flaw(walk: Sequence[Fix], random: Random) -> list[Fix]:
        def lie(fix: Fix) -> Fix:
            dice = random.random()
            if dice < zero:
                return replace(fix, accuracy_m=0.0)
            if dice < zero + negative:
                return replace(fix, accuracy_m=-1.0)
            return replace(fix, accuracy_m=None if fix.accuracy_m is None else fix.accuracy_m * factor)

        return [lie(fix) for fix in walk]

    return flaw


def gaps(every_s: float = 600.0, lasting_s: tuple[float, float] = (60.0, 900.0)) -> Flaw:
    """A tunnel, a lift, a phone that dozes: now and then nothing comes for a while."""

    def flaw(walk: Sequence[Fix], random: Random) -> list[Fix]:
        left_s = 0.0
        found = []
        for passed_s, fix in _steps(walk):
            left_s -= passed_s
            if left_s <= 0 and random.random() < 1 - exp(-passed_s / every_s):
                left_s = random.uniform(*lasting_s)
            if left_s <= 0:
                found.append(fix)
        return found

    return flaw


def clock_skew(seconds: float) -> Flaw:
    """The device's clock is wrong by so much: every stamp is."""
    return lambda walk, random: [replace(fix, taken_at=fix.taken_at + timedelta(seconds=seconds)) for fix in walk]


def teleports(share: float = 0.01, away_m: float = 5000.0, *, mock: bool = False) -> Flaw:
    """A single fix kilometres away: a wrong Wi-Fi entry, or an app that makes positions up (`mock`: known to)."""

    def flaw(walk: Sequence[Fix], random: Random) -> list[Fix]:
        def throw(fix: Fix) -> Fix:
            if random.random() >= share:
                return fix
            turn = random.uniform(0, 2 * pi)
            return replace(_moved(fix, away_m * sin(turn), away_m * cos(turn)), mock=mock)

        return [throw(fix) for fix in walk]

    return flaw


def provider_mix(share: float = 0.3, sigma_m: float = 30.0) -> Flaw:
    """Between the satellite's fixes stand the network's, much vaguer and labelled so."""

    def flaw(walk: Sequence[Fix], random: Random) -> list[Fix]:
        def mixed(fix: Fix) -> Fix:
            if random.random() >= share:
                return fix
            return replace(_moved(fix, random.gauss(0, sigma_m), random.gauss(0, sigma_m), sigma_m), source="network")

        return [mixed(fix) for fix in walk]

    return flaw


def _moved(fix: Fix, east_m: float, north_m: float, sigma_m: float | None = None) -> Fix:
    """The fix elsewhere; with `sigma_m` it states the accuracy that such errors have."""
    point = offset(fix.point, east_m, north_m)
    accuracy_m = fix.accuracy_m if sigma_m is None else max(1.0, sigma_m * ACCURACY_PER_SIGMA)
    return replace(
        fix, latitude_deg=point.latitude_deg, longitude_deg=point.longitude_deg, accuracy_m=accuracy_m, speed_m_s=None
    )


def _steps(walk: Sequence[Fix]) -> Iterator[tuple[float, Fix]]:
    """Each fix with the seconds since the one before."""
    before = walk[0].taken_at if walk else None
    for fix in walk:
        assert before is not None
        yield max(0.0, (fix.taken_at - before).total_seconds()), fix
        before = fix.taken_at
