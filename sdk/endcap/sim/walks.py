"""Walks as they truly are, for flaws to be put on: in and out of a place, standing near it, past it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from endcap.geo import LatLon, offset
from endcap.messages import Fix

STARTED_AT = datetime(2026, 11, 24, 8, tzinfo=UTC)  # of every walk here
TRUE_M = 1.0  # the accuracy that the truth states


def visit(
    centre: LatLon,
    *,
    stay_s: float = 300.0,
    off_m: float = 0.0,
    every_s: float = 1.0,
    from_m: float = 150.0,
    speed_m_s: float = 1.2,
    after_s: float = 240.0,
) -> list[Fix]:
    """She walks in from `from_m` metres east, stands `stay_s` at `off_m` from the centre, walks out again and waits."""
    way_s = (from_m - off_m) / speed_m_s
    steps = int((2 * way_s + stay_s + after_s) / every_s) + 1

    def east_m(at_s: float) -> float:
        walking_in_s, walking_out_s = min(at_s, way_s), min(max(0.0, at_s - way_s - stay_s), way_s)
        return from_m + speed_m_s * (walking_out_s - walking_in_s)

    return [_at(centre, number * every_s, east_m(number * every_s)) for number in range(steps)]


def stand(centre: LatLon, *, away_m: float, stay_s: float = 300.0, every_s: float = 1.0) -> list[Fix]:
    """She stands `away_m` metres east of the centre all the time."""
    return [_at(centre, number * every_s, away_m) for number in range(int(stay_s / every_s) + 1)]


def pass_by(
    centre: LatLon, *, away_m: float, every_s: float = 1.0, from_m: float = 200.0, speed_m_s: float = 1.2
) -> list[Fix]:
    """She walks straight past, `away_m` metres from the centre at the nearest."""
    steps = int(2 * from_m / speed_m_s / every_s) + 1
    return [_at(centre, n * every_s, away_m, n * every_s * speed_m_s - from_m) for n in range(steps)]


def _at(centre: LatLon, at_s: float, east_m: float, north_m: float = 0.0) -> Fix:
    return Fix(*offset(centre, east_m, north_m), STARTED_AT + timedelta(seconds=at_s), TRUE_M, "simulated")
