"""What the shop knows that no fix tells: a shopper's wishes, clipped coupons and tier, and who may have a promotion.

Plain values in memory: whoever keeps them (the shop's database, a table in Kafka) puts them here, in bulk, never one
question a fix.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from math import inf
from typing import TypeVar

from endcap_backend.decide.limits import QuietHours

T = TypeVar("T", "Wish", "Clip")


@dataclass(frozen=True, slots=True)
class Wish:
    """Something on her list, as one product or, without a SKU, as a kind of product."""

    text: str  # as she wrote it
    sku: int | None = None
    segment: str | None = None
    price_alert: float | None = None  # she asked to hear when it costs no more than this


@dataclass(frozen=True, slots=True)
class Clip:
    """A coupon she holds, for one product or, without a SKU, for a kind of product."""

    coupon: str
    title: str
    worth: str  # what it takes off, in words: "20 % off"
    sku: int | None = None
    segment: str | None = None
    discount: float | None = None  # per cent off, where it is that
    ends_at: datetime | None = None  # excluded


@dataclass(frozen=True, slots=True)
class Terms:
    """Who may have a promotion. One without any of these is for everybody, as often as they like."""

    members_only: bool = False
    limit_per_shopper: int | None = None  # purchases it counts for
    spent: bool = False  # nothing is left of its budget


@dataclass(frozen=True)
class Known:
    """One shopper, as the shop knows her."""

    wishes: tuple[Wish, ...] = ()
    clips: tuple[Clip, ...] = ()
    tier: str | None = None  # None: she is no member
    redeemed: Mapping[str, int] = field(default_factory=dict)  # purchases by promotion, of those with a limit
    quiet: QuietHours | None = None  # her own
    muted: frozenset[str] = frozenset()  # kinds of alert she does not want

    @property
    def _things(self) -> tuple[Wish | Clip, ...]:
        return (*self.wishes, *self.clips)

    @cached_property
    def skus(self) -> frozenset[int]:
        """The products whose shelves matter to her, promoted or not."""
        return frozenset(each.sku for each in self._things if each.sku is not None)

    @cached_property
    def segments(self) -> frozenset[str]:
        """The kinds of product that matter to her, whichever of them."""
        return frozenset(each.segment for each in self._things if each.sku is None and each.segment)

    def wish_for(self, sku: int | None, segment: str | None) -> Wish | None:
        """The wish that a product fulfils: the one that names it before one for its kind."""
        return _first_for(self._wished, sku, segment)

    def clip_for(self, sku: int | None, segment: str | None) -> Clip | None:
        """The coupon she holds for a product: one for it alone before one for its kind."""
        return _first_for(self._clipped, sku, segment)

    @cached_property
    def _wished(self) -> dict[int | str, Wish]:
        return _by_what(self.wishes)

    @cached_property
    def _clipped(self) -> dict[int | str, Clip]:
        return _by_what(self.clips)


NOBODY = Known()


class Knowledge:
    """Everything known of shoppers and promotions. Written and read by the pipeline's thread.

    Holds at most `capacity` shoppers (100 B each and what she wishes); beyond it whoever was put first goes, to be read
    again when she comes again.
    """

    def __init__(self, capacity: int = 200_000) -> None:
        self._capacity = capacity
        self._shoppers: dict[str, Known] = {}
        self._good_until_s: dict[str, float] = {}
        self._terms: Mapping[str, Terms] = {}

    def __contains__(self, uid: str) -> bool:
        return uid in self._shoppers

    def __len__(self) -> int:
        return len(self._shoppers)

    def of(self, uid: str) -> Known:
        """Of whom nothing is known, she is no member and wishes nothing."""
        return self._shoppers.get(uid, NOBODY)

    def put(self, uid: str, known: Known, good_until_s: float = inf) -> None:
        """Know this of her; on the caller's clock, it should be read again from `good_until_s` on."""
        self._shoppers[uid] = known
        self._good_until_s[uid] = good_until_s
        if len(self._shoppers) > self._capacity:
            self.forget(next(iter(self._shoppers)))

    def is_fresh(self, uid: str, now_s: float) -> bool:
        """False when she has to be read (again)."""
        return now_s < self._good_until_s.get(uid, -inf)

    def forget(self, uid: str) -> None:
        self._shoppers.pop(uid, None)
        self._good_until_s.pop(uid, None)

    def clear(self) -> None:
        """Forget every shopper."""
        self._shoppers.clear()
        self._good_until_s.clear()

    def set_terms(self, terms: Mapping[str, Terms]) -> None:
        """Replace the terms, by promotion, of all that have any."""
        self._terms = terms

    def barred(self, known: Known, pid: str | None) -> str:
        """Why she may not have a promotion; "" when she may."""
        terms = self._terms.get(pid) if pid is not None else None
        if terms is None or pid is None:
            return ""
        if terms.spent:
            return "budget spent"
        if terms.members_only and known.tier is None:
            return "members only"
        if terms.limit_per_shopper is not None and known.redeemed.get(pid, 0) >= terms.limit_per_shopper:
            return "limit per shopper"
        return ""


def _by_what(things: Iterable[T]) -> dict[int | str, T]:
    found: dict[int | str, T] = {}
    for each in things:
        what = each.sku if each.sku is not None else each.segment
        if what is not None:
            found.setdefault(what, each)
    return found


def _first_for(things: Mapping[int | str, T], sku: int | None, segment: str | None) -> T | None:
    if not things:
        return None
    own = things.get(sku) if sku is not None else None
    return own if own is not None or segment is None else things.get(segment)
