"""Why a shopper hears of something, in words she would use: "Oat milk: 20 % off, about 12 steps from you in Dairy"."""

from __future__ import annotations

from endcap.geo import FEET_PER_KM
from endcap_backend.decide.candidates import Candidate

FEET_PER_STEP = 2.5  # 0.76 m, a grown woman's walking step
EXACT_STEPS = 20  # beyond it steps are told in fives: nobody counts 43
BESIDE_STEPS = 2
VAGUE_M = 15.0  # a fix no better than that can't tell one aisle from the next


def why(candidate: Candidate, accuracy_m: float | None = None) -> str:
    """One line: what it is, what it is worth, how far, where; the product only when the title leaves it open.

    `accuracy_m` is the fix's 68 % radius, None when unknown. At most 256 characters, by the bounds of its parts.
    """
    where = _distance(candidate.distance_ft, accuracy_m)
    if candidate.section:
        where = f"{where} in {candidate.section}"
    return f"{_subject(candidate)}{_worth(candidate)}, {where}"


def _subject(candidate: Candidate) -> str:
    """One title stands on all products of a segment: "Coffee week" twice tells nobody which two."""
    product = candidate.product
    return f"{product}: " if product and product.casefold() not in candidate.title.casefold() else ""


def _worth(candidate: Candidate) -> str:
    return f"{candidate.discount:g} % off" if candidate.discount else "On promotion"


def _distance(distance_ft: float | None, accuracy_m: float | None) -> str:
    """Steps only where the fix is good enough to count them; otherwise no number is claimed."""
    if distance_ft is None or (accuracy_m is not None and accuracy_m > max(VAGUE_M, _metres(distance_ft))):
        return "near you"
    steps = round(distance_ft / FEET_PER_STEP)
    if steps <= BESIDE_STEPS:
        return "right beside you"
    return f"about {steps if steps <= EXACT_STEPS else round(steps / 5) * 5} steps from you"


def _metres(distance_ft: float) -> float:
    return distance_ft / FEET_PER_KM * 1000
