"""Simulation: a walk, with a phone's flaws on it, through the real engine, on a clock that takes no time.

    from endcap import sim
    run = sim.replay("walk.gpx", [coffee], flaws=[sim.correlated(15, tau_s=60), sim.gaps()], seed=7)
    assert run.enters("s1/coffee") == 1
    assert run.budget.gps_s_an_hour < 3600

The same track, fences, flaws and seed give the same run, to the last event id.
"""

from endcap.sim.flaws import (
    Flaw,
    accuracy_lies,
    clock_skew,
    cold_start,
    correlated,
    gaps,
    indoor_snap,
    multipath,
    provider_mix,
    stale_repeats,
    teleports,
    white,
)
from endcap.sim.run import Budget, Run, replay

__all__ = [
    "Budget",
    "Flaw",
    "Run",
    "accuracy_lies",
    "clock_skew",
    "cold_start",
    "correlated",
    "gaps",
    "indoor_snap",
    "multipath",
    "provider_mix",
    "replay",
    "stale_repeats",
    "teleports",
    "white",
]
