"""What a shop gives for loyalty: points a purchase, how long they are good, and the tiers they lead to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from endcap.errors import BadConfig
from endcap.wire import ID_PATTERN

WINDOW = timedelta(days=365)  # the points of so long count for a tier
DEFAULT_TIERS = "bronze:0,silver:500,gold:2000"


@dataclass(frozen=True, slots=True)
class Tier:
    """A tier, and the points that lead to it."""

    id: str
    at: int

    @property
    def name(self) -> str:
        return self.id[:1].upper() + self.id[1:]


@dataclass(frozen=True, slots=True)
class LoyaltyRules:
    """How points are earned and lost."""

    points_per_unit: float = 1.0  # of the currency that is paid
    life: timedelta = timedelta(days=365)
    tiers: tuple[Tier, ...] = (Tier("bronze", 0), Tier("silver", 500), Tier("gold", 2000))

    def points_for(self, cents: int) -> int:
        """The whole points for what is paid."""
        return int(cents * self.points_per_unit / 100 + 1e-9)  # a float may end a hair below a whole number

    def expiry_of(self, moment: datetime) -> datetime:
        """Until when points of this moment are good: the end of a day in UTC, so that one date stands for many."""
        midnight = (moment + self.life).replace(hour=0, minute=0, second=0, microsecond=0)
        return midnight + timedelta(days=1)

    def tier_at(self, points: int) -> Tier:
        return [tier for tier in self.tiers if tier.at <= max(0, points)][-1]

    def next_tier(self, points: int) -> Tier | None:
        return next((tier for tier in self.tiers if tier.at > max(0, points)), None)

    def reached_by(self, points: int) -> frozenset[str]:
        """Every tier that so many points have reached."""
        return frozenset(tier.id for tier in self.tiers if tier.at <= max(0, points))


def read_tiers(text: str) -> tuple[Tier, ...]:
    """Tiers as a setting says them: `bronze:0,silver:500`, from the lowest to the highest.

    Raises:
        BadConfig: says what is wrong.
    """
    tiers = [_tier(part.strip()) for part in text.split(",")]
    if tiers[0].at != 0:
        raise BadConfig("loyalty_tiers", f"must begin with a tier at 0 points, not {tiers[0].at}")
    if any(later.at <= earlier.at for earlier, later in pairwise(tiers)):
        raise BadConfig("loyalty_tiers", "must go up: each tier needs more points than the one before")
    if len({tier.id for tier in tiers}) < len(tiers):
        raise BadConfig("loyalty_tiers", "names a tier twice")
    return tuple(tiers)


def _tier(text: str) -> Tier:
    found = re.fullmatch(rf"({ID_PATTERN}):([0-9]{{1,9}})", text)
    if found is None:
        raise BadConfig("loyalty_tiers", "must be names and points, such as bronze:0,silver:500,gold:2000")
    return Tier(found[1], int(found[2]))
