"""The best legal combination of offers for a basket, and for every other offer the reason why it is not in it.

What is legal:

- two offers of one stacking group that are for the same line exclude each other, and so do two "n for m";
- an offer is used for all it is for, or not at all, and only if it takes something off;
- an offer that alone would take more off than is left of its budget is not used.

In which order offers take off, whichever are used: "n for m" (the cheapest of each group of n is free, the dearest
pieces grouped first), amounts off each piece, percentages of what then remains of each line, amounts off once; within
each the one for a product before the one for a segment before the one for the whole basket. Percentages round half up,
a line at a time, and nothing falls below zero. In this order one more offer never makes the basket dearer: so only
offers that exclude each other have to be chosen between, and the search can stop where even the best of each circle of
them would not help.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from endcap_backend.retail.offers import Applied, Buyer, Combination, Line, Offer, Refused, refusal, words

MAX_STEPS = 2000  # of the search, 0.05 to 1 ms each; beyond it the best so far is taken: 12 offers need at most 100

_STAGES = ("n_for_m", "each", "percent", "amount")


def best(
    basket: Sequence[Line], offers: Iterable[Offer], buyer: Buyer, moment: datetime, max_steps: int = MAX_STEPS
) -> Combination:
    """The legal combination that takes most off; pure, and the same whatever the order of `offers`.

    Exact as long as the search needs no more than `max_steps`.
    """
    ordered = sorted(offers, key=_order)
    refused = [each for each in (_refusal(offer, basket, buyer, moment) for offer in ordered) if each is not None]
    out = {each.offer for each in refused}
    usable = [offer for offer in ordered if offer not in out]
    excluded = _exclusions(basket, usable)
    chosen = _chosen(basket, usable, excluded, max_steps)
    off = offs(basket, chosen)
    applied = [Applied(offer, off[offer], words(offer)) for offer in chosen if off[offer]]
    used = {each.offer for each in applied}
    refused += [_reason(offer, used, excluded[offer]) for offer in usable if offer not in used]
    total = sum(line.cents for line in basket)
    taken = sum(each.off_cents for each in applied)
    return Combination(applied, refused, total - taken, taken)


def offs(basket: Sequence[Line], offers: Iterable[Offer]) -> dict[Offer, int]:
    """What each of some offers takes off when all of them are used, in hundredths of the currency."""
    off: dict[Offer, int] = {}
    paid = [line.quantity for line in basket]
    prices = [line.price_cents for line in basket]
    remaining: list[int] | None = None
    for offer in sorted(offers, key=_order):
        stage = _stage(offer)
        if stage not in ("n_for_m", "each") and remaining is None:
            remaining = [count * price for count, price in zip(paid, prices, strict=True)]
        where = [index for index, line in enumerate(basket) if offer.covers(line)]
        if stage == "n_for_m":
            off[offer] = _free(offer, basket, where, paid)
        elif stage == "each":
            off[offer] = _lower(offer, where, paid, prices)
        elif remaining is not None:
            off[offer] = (_percent if stage == "percent" else _once)(offer, where, remaining)
    return off


def _refusal(offer: Offer, basket: Sequence[Line], buyer: Buyer, moment: datetime) -> Refused | None:
    found = refusal(offer, basket, buyer, moment)
    if found is not None:
        return found
    alone = offs(basket, [offer])[offer]
    if not alone:
        return Refused(offer, "nothing_left", "there is nothing to take off")
    if offer.budget_left_cents is not None and alone > offer.budget_left_cents:
        return Refused(offer, "budget", "what was set aside for it is spent")
    return None


def _free(offer: Offer, basket: Sequence[Line], where: Sequence[int], paid: list[int]) -> int:
    """Take the free pieces of each group of n out of `paid`; what they would have cost."""
    pieces = sum(paid[index] for index in where)
    grouped = pieces // offer.n * offer.n if offer.each else offer.n
    seen = taken = 0
    for index in sorted(where, key=lambda index: -basket[index].price_cents):
        free = _free_among(offer, min(seen + paid[index], grouped)) - _free_among(offer, min(seen, grouped))
        seen += paid[index]
        paid[index] -= free
        taken += free * basket[index].price_cents
    return taken


def _free_among(offer: Offer, pieces: int) -> int:
    """How many of the dearest `pieces` are free: of each group of n the last n - m."""
    return pieces // offer.n * (offer.n - offer.m) + max(0, pieces % offer.n - offer.m)


def _lower(offer: Offer, where: Sequence[int], paid: Sequence[int], prices: list[int]) -> int:
    """Lower the price of each piece."""
    taken = 0
    for index in where:
        less = min(prices[index], offer.amount_cents)
        prices[index] -= less
        taken += less * paid[index]
    return taken


def _percent(offer: Offer, where: Sequence[int], remaining: list[int]) -> int:
    taken = 0
    for index in where:
        less = (remaining[index] * offer.percent + 5000) // 10_000
        remaining[index] -= less
        taken += less
    return taken


def _once(offer: Offer, where: Sequence[int], remaining: list[int]) -> int:
    """Take the amount off one line after the other, until it is all taken."""
    left = offer.amount_cents
    for index in where:
        less = min(remaining[index], left)
        remaining[index] -= less
        left -= less
    return offer.amount_cents - left


def _order(offer: Offer) -> tuple[int, int, str, str]:
    return _STAGES.index(_stage(offer)), offer.width, offer.source, offer.id


def _stage(offer: Offer) -> str:
    return "each" if offer.kind == "amount" and offer.each else offer.kind


def _exclusions(basket: Sequence[Line], offers: Sequence[Offer]) -> dict[Offer, set[Offer]]:
    """For each offer those that can't be used beside it."""
    lines = {offer: {index for index, line in enumerate(basket) if offer.covers(line)} for offer in offers}
    return {
        offer: {
            other
            for other in offers
            if other is not offer and _alternatives(offer, other) and not lines[offer].isdisjoint(lines[other])
        }
        for offer in offers
    }


def _alternatives(one: Offer, other: Offer) -> bool:
    grouped = one.stacking_group is not None and one.stacking_group == other.stacking_group
    return grouped or one.kind == other.kind == "n_for_m"


def _chosen(
    basket: Sequence[Line], usable: Sequence[Offer], excluded: Mapping[Offer, set[Offer]], max_steps: int
) -> list[Offer]:
    search = _Search(basket, excluded, {offer: offs(basket, [offer])[offer] for offer in usable}, max_steps)
    free = [offer for offer in usable if not excluded[offer]]
    rest = sorted((offer for offer in usable if excluded[offer]), key=lambda offer: -search.alone[offer])
    search.look(free, rest)
    return search.best


class _Search:
    """Branch and bound over the offers that exclude each other; the first leaf is the greedy choice."""

    def __init__(
        self,
        basket: Sequence[Line],
        excluded: Mapping[Offer, set[Offer]],
        alone: Mapping[Offer, int],
        max_steps: int,
    ) -> None:
        self._basket = basket
        self._excluded = excluded
        self.alone = alone
        self._circle = _circles(excluded)
        self.best: list[Offer] = []
        self._most = -1
        self._steps_left = max_steps

    def look(self, chosen: list[Offer], undecided: Sequence[Offer], off: int | None = None) -> None:
        """`off`: what `chosen` take off, where that is known already."""
        self._steps_left -= 1
        if off is None:
            off = sum(offs(self._basket, chosen).values())
        if not undecided:
            if off > self._most:
                self._most, self.best = off, chosen
            return
        if self._most >= 0 and (self._steps_left < 0 or off + self._more(undecided) <= self._most):
            return
        first, rest = undecided[0], undecided[1:]
        self.look([*chosen, first], [offer for offer in rest if offer not in self._excluded[first]])
        if not self._excluded[first].isdisjoint(rest):
            self.look(chosen, rest, off)

    def _more(self, undecided: Iterable[Offer]) -> int:
        """No choice among `undecided` takes more off: of each circle its best, as if it were alone.

        An offer takes no more off beside others than alone, and others take no more off beside it.
        """
        most: dict[int, int] = {}
        for offer in undecided:
            circle = self._circle[offer]
            most[circle] = max(most.get(circle, 0), self.alone[offer])
        return sum(most.values())


def _circles(excluded: Mapping[Offer, set[Offer]]) -> dict[Offer, int]:
    """Each offer's circle, by number: of those in one circle each excludes all others, so one of them counts."""
    circles: list[list[Offer]] = []
    found: dict[Offer, int] = {}
    for offer, others in excluded.items():
        number = next((n for n, circle in enumerate(circles) if others.issuperset(circle)), len(circles))
        if number == len(circles):
            circles.append([])
        circles[number].append(offer)
        found[offer] = number
    return found


def _reason(offer: Offer, used: Collection[Offer], excluding: Collection[Offer]) -> Refused:
    instead = min((other for other in excluding if other in used), key=_order, default=None)
    if instead is None:
        return Refused(offer, "nothing_left", "there is nothing left to take off")
    return Refused(offer, "excluded", f"it does not combine with “{instead.title}”, which saves more here")
