"""Which of two candidates matters more, and why."""

from __future__ import annotations

from dataclasses import dataclass

from endcap.geo import NEAR_FT
from endcap_backend.decide.candidates import Candidate

# At these weights half price at 60 ft loses to 5 % off within arm's reach, and wins from 30 ft on.
NEARNESS_WEIGHT = 0.6
DISCOUNT_WEIGHT = 0.4


@dataclass(frozen=True, slots=True)
class Score:
    """A candidate's worth between 0 and 1 in its parts, each weighted already; the parts add up to `total`."""

    nearness: float
    discount: float

    @property
    def total(self) -> float:
        return self.nearness + self.discount

    def __str__(self) -> str:
        return f"{self.total:.3f} = {self.nearness:.3f} nearness + {self.discount:.3f} discount"


def score(candidate: Candidate) -> Score:
    """Nearness falls in a line from the shelf to 100 ft; the discount counts by its per cent."""
    distance_ft = NEAR_FT if candidate.distance_ft is None else min(candidate.distance_ft, NEAR_FT)
    return Score(
        nearness=NEARNESS_WEIGHT * (1 - distance_ft / NEAR_FT),
        discount=DISCOUNT_WEIGHT * (candidate.discount or 0) / 100,
    )


def rank(candidates: list[Candidate]) -> list[Candidate]:
    """Best first. Equal scores go by distance, then by SKU and promotion, so that the order never depends on luck."""
    return sorted(candidates, key=_order)


def _order(candidate: Candidate) -> tuple[float, float, int, str]:
    return (
        -score(candidate).total,
        NEAR_FT if candidate.distance_ft is None else candidate.distance_ft,
        -1 if candidate.sku is None else candidate.sku,
        candidate.pid or "",
    )
