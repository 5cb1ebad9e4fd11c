"""Which of two candidates matters more, and why."""

from __future__ import annotations

from typing import NamedTuple

from endcap.geo import NEAR_FT
from endcap_backend.decide.candidates import Candidate

# They add up to 1. Nearness to discount is as 3 to 2: half price at 60 ft loses to 5 % off within arm's reach, and wins
# from 30 ft on. What she asked for herself outweighs either.
NEARNESS_WEIGHT = 0.3
DISCOUNT_WEIGHT = 0.2
WISH_WEIGHT = 0.3
COUPON_WEIGHT = 0.1
SECTION_WEIGHT = 0.1
HELP_WORTH = 0.5  # before an offer she did not ask for, after one she did


class Score(NamedTuple):
    """A candidate's worth between 0 and 1 in its parts, each weighted already; the parts add up to `total`."""

    nearness: float = 0.0
    discount: float = 0.0
    wish: float = 0.0  # it is on her list
    coupon: float = 0.0  # she holds one for it
    section: float = 0.0  # it stands in the part of the store she is in
    lingering: float = 0.0  # she has stood about without finding anything

    @property
    def total(self) -> float:
        return sum(self)

    def __str__(self) -> str:
        parts = " + ".join(f"{part:.3f} {name}" for name, part in zip(self._fields, self, strict=True) if part)
        return f"{self.total:.3f} = {parts or 'nothing'}"


def score(candidate: Candidate, section: str | None = None) -> Score:
    """Nearness falls in a line from the shelf to 100 ft; the discount counts by its per cent.

    `section` is the part of the store that she is in, as far as her phone told.
    """
    if candidate.kind == "help":
        return Score(lingering=HELP_WORTH)
    distance_ft = NEAR_FT if candidate.distance_ft is None else min(candidate.distance_ft, NEAR_FT)
    return Score(
        NEARNESS_WEIGHT * (1 - distance_ft / NEAR_FT),
        DISCOUNT_WEIGHT * (candidate.discount or 0) / 100,
        0.0 if candidate.wish is None else WISH_WEIGHT,
        0.0 if candidate.clip is None else COUPON_WEIGHT,
        SECTION_WEIGHT if section is not None and candidate.section == section else 0.0,
    )


def rank(candidates: list[Candidate], section: str | None = None) -> list[Candidate]:
    """Best first. Equal scores go by distance, then by SKU, promotion and kind: the order never depends on luck."""
    return sorted(candidates, key=lambda candidate: _order(candidate, section))


def _order(candidate: Candidate, section: str | None) -> tuple[float, float, int, bool, str, str]:
    return (
        -sum(score(candidate, section)),
        NEAR_FT if candidate.distance_ft is None else candidate.distance_ft,
        -1 if candidate.sku is None else candidate.sku,
        candidate.pid is None,  # what is worth something before what is only near
        candidate.pid or "",
        candidate.kind,
    )
