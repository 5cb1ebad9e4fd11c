"""How well a phone hears where it is, among shelves and between houses: the SDK's errors, read step by step."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from endcap.fences.posterior import ACCURACY_PER_SIGMA
from endcap.sim.drift import Drift, Reflections
from endcap_devkit.simulate.shapes import Spot

MIN_CLAIM_M = 1.0  # no phone claims to know better
VAGUER = 1.6  # times as vague, by its own word, while something is reflected


@dataclass(frozen=True, slots=True)
class Noise:
    """One kind of reception. `sigma_m` is per axis."""

    sigma_m: float
    correlation_s: float = 30.0
    burst_every_s: float = 0.0  # on average; 0 is never
    burst_m: float = 0.0
    burst_s: float = 0.0


PERFECT = Noise(0.0)
INDOOR = Noise(3.0, 20.0, burst_every_s=90.0, burst_m=12.0, burst_s=8.0)  # Wi-Fi ranging among shelves
STREET = Noise(4.5, 30.0, burst_every_s=120.0, burst_m=20.0, burst_s=15.0)  # satellites between houses


class Receiver:
    """One phone's error over time. One thread; the same `rng` makes the same errors."""

    def __init__(self, rng: Random) -> None:
        self._drift, self._reflections = Drift(rng), Reflections(rng)

    def read(self, truth: Spot, noise: Noise, dt_s: float) -> tuple[Spot, float]:
        """Where the phone says it is `dt_s` after the last reading, and the accuracy it claims, in metres."""
        east, north = self._drift.after(dt_s, noise.correlation_s)
        thrown = self._reflected(noise, dt_s)
        east_m, north_m = thrown or (0.0, 0.0)
        heard = Spot(truth[0] + noise.sigma_m * east + east_m, truth[1] + noise.sigma_m * north + north_m)
        claimed_m = max(MIN_CLAIM_M, noise.sigma_m * ACCURACY_PER_SIGMA) * (VAGUER if thrown else 1.0)
        return heard, round(claimed_m, 1)

    def _reflected(self, noise: Noise, dt_s: float) -> tuple[float, float] | None:
        if not noise.burst_every_s:
            return None
        return self._reflections.after(dt_s, noise.burst_every_s, (noise.burst_m, noise.burst_m), noise.burst_s)
