"""Why a shopper hears of something, in words she would use: "Oat milk: 20 % off, about 12 steps from you in Dairy"."""

from __future__ import annotations

from endcap.geo import FEET_PER_KM
from endcap_backend.decide.candidates import Candidate
from endcap_backend.match.shelf import NearShelf

FEET_PER_STEP = 2.5  # 0.76 m, a grown woman's walking step
EXACT_STEPS = 20  # beyond it steps are told in fives: nobody counts 43
BESIDE_STEPS = 2
VAGUE_M = 15.0  # a fix no better than that can't tell one aisle from the next
NAME_CHARS = 60  # of a second product's name; a shelf label has 128
MONEY = {"EUR": "€", "GBP": "£", "USD": "$"}  # signs that everybody reads; of other currencies the code


def why(candidate: Candidate, accuracy_m: float | None = None, currency: str = "EUR") -> str:
    """One line: what it is, what it is worth, how far, where; the product only when the title leaves it open.

    `accuracy_m` is the fix's 68 % radius, None when unknown; amounts are in `currency`, an ISO 4217 code. At most 256
    characters, by the bounds of its parts.
    """
    if candidate.kind == "help":
        return f"You have looked around{_in(candidate.section)} for a while. Ask, and somebody comes to you"
    where = _distance(candidate.distance_ft, accuracy_m) + _in(candidate.section)
    if candidate.missing is not None:
        return f"{_instead(candidate, candidate.missing, currency)}, {where}"
    return f"{_subject(candidate)}{_worth(candidate, currency)}, {where}"


def money(amount: float, currency: str) -> str:
    """An amount as people write it: "4.90 €"; "4.90 SEK" where the sign is no help."""
    return f"{amount:.2f} {MONEY.get(currency, currency)}"


def _subject(candidate: Candidate) -> str:
    """One title stands on all products of a segment: "Coffee week" twice tells nobody which two."""
    product = candidate.product
    return f"{product}: " if product and product.casefold() not in candidate.title.casefold() else ""


def _worth(candidate: Candidate, currency: str) -> str:
    """What speaks for it, the strongest first."""
    off = f"{candidate.discount:g} % off" if candidate.discount else ""
    if candidate.clip is not None and candidate.by_coupon:
        return f"{'On your list, your' if candidate.wish is not None else 'Your'} coupon, {candidate.clip.worth}"
    if candidate.wish is not None:
        return ", ".join(filter(None, ("On your list", _price_news(candidate, currency) or off)))
    if candidate.clip is not None:
        return f"{off or 'On promotion'}, and you hold a coupon"
    return off or "On promotion"


def _price_news(candidate: Candidate, currency: str) -> str:
    asked = candidate.wish.price_alert if candidate.wish is not None else None
    if asked is None or candidate.price is None or not candidate.dropped:
        return ""
    return f"now {money(candidate.price, currency)}, you asked for {money(asked, currency)}"


def _instead(candidate: Candidate, missing: NearShelf, currency: str) -> str:
    """What is gone, and why this may stand for it."""
    gone = (missing.name or missing.variant or f"Item {missing.sku}")[:NAME_CHARS]
    return f"{gone} is out of stock; this is {missing.segment} too, {_saving(candidate, missing, currency)}"


def _saving(candidate: Candidate, missing: NearShelf, currency: str) -> str:
    less = (missing.price or 0.0) - (candidate.price or 0.0)
    return f"{money(less, currency)} less" if less >= 0.01 else "at the same price"


def _in(section: str | None) -> str:
    return f" in {section}" if section else ""


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
