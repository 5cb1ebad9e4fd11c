"""How a phone is wrong about where it is: drift that lasts, reflections.

White noise flatters every filter: a phone's error stays the same for tens of seconds. So the error here is AR(1) with a
time constant, plus bursts near walls that throw it tens of metres off and keep it there for a while.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, exp, pi, sin, sqrt
from random import Random

from endcap_devkit.simulate.shapes import Spot

SIGMAS_IN_ACCURACY = 1.51  # a reported accuracy is a 68 % radius: so many sigmas of each axis


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
        self._rng = rng
        self._error = (rng.gauss(0, 1), rng.gauss(0, 1))  # in sigmas
        self._burst = Spot(0.0, 0.0)
        self._burst_left_s = 0.0

    def read(self, truth: Spot, noise: Noise, dt_s: float) -> tuple[Spot, float]:
        """Where the phone says it is `dt_s` after the last reading, and the accuracy it claims, in metres."""
        self._drift(noise, dt_s)
        self._reflect(noise, dt_s)
        east, north = (noise.sigma_m * each for each in self._error)
        heard = Spot(truth[0] + east + self._burst[0], truth[1] + north + self._burst[1])
        claimed_m = max(1.0, noise.sigma_m * SIGMAS_IN_ACCURACY) * (1.6 if self._burst_left_s else 1.0)
        return heard, round(claimed_m, 1)

    def _drift(self, noise: Noise, dt_s: float) -> None:
        kept = exp(-dt_s / noise.correlation_s)
        fresh = sqrt(1 - kept * kept)
        self._error = (
            kept * self._error[0] + fresh * self._rng.gauss(0, 1),
            kept * self._error[1] + fresh * self._rng.gauss(0, 1),
        )

    def _reflect(self, noise: Noise, dt_s: float) -> None:
        self._burst_left_s = max(0.0, self._burst_left_s - dt_s)
        if not self._burst_left_s:
            self._burst = Spot(0.0, 0.0)
            if noise.burst_every_s and self._rng.random() < dt_s / noise.burst_every_s:
                bearing = 2 * pi * self._rng.random()
                self._burst = Spot(noise.burst_m * cos(bearing), noise.burst_m * sin(bearing))
                self._burst_left_s = noise.burst_s
