"""Pricing a basket at the till alone, by the functions the backend prices with, within what may be risked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from endcap.errors import BadMessage
from endcap.wire import write_instant
from endcap_backend.retail.codes import Code
from endcap_backend.retail.combination import best
from endcap_backend.retail.held import Held
from endcap_backend.retail.offers import Buyer, Line, Offer
from endcap_backend.retail.purchase import BasketLine
from endcap_devkit.till.drawer import Kept


@dataclass(frozen=True, slots=True)
class Risk:
    """How much a till may give away before the backend has agreed. Money in the shop's currency."""

    total: float  # a purchase may come to
    off: float  # taken off a purchase
    off_in_all: float  # taken off all that the backend has not heard of
    hours: float  # that prices and offers may be old

    def check_age(self, held: Held, moment: datetime) -> None:
        """Raises BadMessage when prices and offers are too old."""
        if moment - held.at > timedelta(hours=self.hours):
            raise BadMessage("offline", f"prices and offers are of {held.at:%d %B %H:%M} UTC, and too old to go by")

    def check(self, answer: dict[str, Any], waiting: Iterable[Kept]) -> None:
        """Whether this may be given.

        Raises:
            BadMessage: it is more than may be risked; says which bound.
        """
        given = sum(each.promised["off"] for each in waiting if each.promised is not None)
        for found, most, what in (
            (answer["total"] + answer["off"], self.total, "a purchase that comes to more than"),
            (answer["off"], self.off, "a purchase that saves more than"),
            (given + answer["off"], self.off_in_all, "purchases that save together more than"),
        ):
            if found > most:
                raise BadMessage("offline", f"{what} {most:.2f} waits for the backend; sell it without the code")


def price(
    held: Held, code: Code, basket: Sequence[BasketLine], waiting: Sequence[Kept], id: str, moment: datetime
) -> dict[str, Any]:
    """The answer that the backend would give by what is held here, but for points and what it alone knows.

    That is what she redeemed elsewhere, and whether she still has the tier a coupon of hers is for. `waiting` are the
    purchases that were priced here and not settled: what they used up is gone.
    """
    lines = [
        Line(each.sku, each.quantity, round(each.price * 100), held.prices[each.sku].segment)
        if each.sku in held.prices
        else Line(each.sku, each.quantity, round(each.price * 100))
        for each in basket
    ]
    used = _used(waiting)
    hers = _used([each for each in waiting if each.card == code.card])
    offers = [held.coupons[number] for number in code.coupons if number in held.coupons]
    left = [_left(each, used, hers) for each in (*offers, *held.promotions)]
    tiers = frozenset(each.tier for each in offers if each.tier is not None)
    found = best(lines, left, Buyer(member=True, tiers=tiers), moment)
    return {"id": id, "at": write_instant(moment), **found.to_json(), "currency": held.currency}


def _used(waiting: Iterable[Kept]) -> Counter[tuple[str, str, str]]:
    """How often each offer was used, and how many hundredths it gave."""
    found: Counter[tuple[str, str, str]] = Counter()
    for each in waiting:
        for source, name in (("coupon", "applied"), ("promotion", "promotions")):
            for applied in (each.promised or {}).get(name, ()):
                found[source, applied[source], "times"] += 1
                found[source, applied[source], "cents"] += round(applied["off"] * 100)
    return found


def _left(offer: Offer, used: Counter[tuple[str, str, str]], hers: Counter[tuple[str, str, str]]) -> Offer:
    times, cents = used[offer.source, offer.id, "times"], used[offer.source, offer.id, "cents"]

    def less(bound: int | None, by: int) -> int | None:
        return None if bound is None else max(0, bound - by)

    return replace(
        offer,
        left=less(offer.left, hers[offer.source, offer.id, "times"]),
        left_in_all=less(offer.left_in_all, times),
        budget_left_cents=less(offer.budget_left_cents, cents),
    )
