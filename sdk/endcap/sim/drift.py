"""How a phone's position errs as time goes by: drift that lasts, and reflections that come and go.

White noise flatters every filter: a phone's error stays the same for tens of seconds. Both errors here are advanced by
the seconds that have passed, so a recorded walk and a shopper who is still walking err alike. One thread each; the same
`random` makes the same errors.
"""

from __future__ import annotations

from math import cos, exp, pi, sin, sqrt
from random import Random


class Drift:
    """An error that fades and is renewed: AR(1), of one sigma an axis at any time."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._error = (random.gauss(0, 1), random.gauss(0, 1))

    def after(self, passed_s: float, tau_s: float) -> tuple[float, float]:
        """East and north in sigmas, `passed_s` after the last call; after `tau_s` a third (1/e) of an error is left."""
        kept = exp(-passed_s / tau_s)
        fresh = sqrt(1 - kept * kept)
        east, north = self._error
        self._error = (kept * east + self._random.gauss(0, fresh), kept * north + self._random.gauss(0, fresh))
        return self._error


class Reflections:
    """Now and then, beside a wall, everything heard is off by the same for a while."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._left_s = 0.0
        self._off_m = (0.0, 0.0)

    def after(
        self, passed_s: float, every_s: float, off_m: tuple[float, float], lasting_s: float
    ) -> tuple[float, float] | None:
        """East and north in metres, `passed_s` after the last call; None while nothing is reflected.

        One begins every `every_s` on average, `off_m` away (from, to), and lasts a third to twice of `lasting_s`.
        """
        self._left_s -= passed_s
        if self._left_s <= 0 and self._random.random() < 1 - exp(-passed_s / every_s):
            self._left_s = self._random.uniform(lasting_s / 3, lasting_s * 2)
            turn, away_m = self._random.uniform(0, 2 * pi), self._random.uniform(*off_m)
            self._off_m = away_m * sin(turn), away_m * cos(turn)
        return self._off_m if self._left_s > 0 else None
