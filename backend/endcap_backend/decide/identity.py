"""When two alerts are the same alert: what must never be told twice, and what may be told again on another day."""

from __future__ import annotations

from collections.abc import Collection

from endcap.messages import derived_id
from endcap_backend.decide.candidates import Candidate
from endcap_backend.decide.shoppers import DAY_MS, Shopper

Pair = tuple[str | None, int | None]  # promotion and product


def alert_id(candidate: Candidate, shopper: Shopper, at_ms: int) -> str:
    """The alert's id; the same facts give the same one, so that the log and the phone refuse a repeat.

    Of a promotion (or coupon) and a product there is one alert for ever, of a price she hoped for one, of a wish, and
    of whatever stands for a missing product, one a day, of help one a visit.
    """
    return derived_id("alert", shopper.uid, *_facts(candidate, shopper, at_ms // DAY_MS))


def was_told(candidate: Candidate, shopper: Shopper, pairs: Collection[Pair], at_ms: int) -> bool:
    """Whether she has heard it; `pairs` are the promotions and products of all that she has heard."""
    if candidate.pid is not None:
        if (candidate.pid, candidate.sku) in pairs:
            return True
        if candidate.missing is None and not candidate.by_coupon:
            return False
    today = at_ms // DAY_MS
    ids = {derived_id("alert", shopper.uid, *_facts(candidate, shopper, day)) for day in (today - 1, today, today + 1)}
    for_good = len(ids) == 1  # the day is none of its facts
    for told in shopper.told:
        lately = abs(at_ms - told.at_ms) < DAY_MS
        if (told.id in ids and (lately or for_good)) or (lately and _is_old_news(candidate, told.sku)):
            return True
    return False


def _is_old_news(candidate: Candidate, sku: int | None) -> bool:
    """A product told of today, for whatever reason, is news by a promotion or at the price she hoped for."""
    return candidate.sku is not None and candidate.sku == sku and not candidate.dropped


def _facts(candidate: Candidate, shopper: Shopper, day: int) -> tuple[object, ...]:
    if candidate.kind == "help":
        return "help", shopper.visit
    if candidate.missing is not None:
        return "alternative", candidate.missing.sku, day
    if candidate.pid is not None:
        return candidate.pid, candidate.sku
    if candidate.dropped:
        return "price", candidate.sku, candidate.price
    return "wanted", candidate.sku, day
