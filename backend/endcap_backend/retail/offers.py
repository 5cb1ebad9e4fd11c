"""Offers as the till sees them, coupons and promotions alike: what each is for, and whether it may be used at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row

from endcap.wire import write_instant
from endcap_backend.retail.terms import OfferKind, kind_of

Source = Literal["coupon", "promotion"]


@dataclass(frozen=True, slots=True)
class Line:
    """Pieces of one product in a basket, and what one of them costs before any offer."""

    sku: int
    quantity: int
    price_cents: int
    segment: str | None = None  # None: the shop does not know the product

    @property
    def cents(self) -> int:
        return self.quantity * self.price_cents


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who pays: whether she has a card, and every tier she has reached."""

    member: bool = False
    tiers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Offer:
    """A coupon or a promotion, with what is left of its limits and its budget for this shopper; None: no limit.

    `percent` is in hundredths of a per cent, `amount_cents` in hundredths of the currency: of a promotion off each
    piece, of a coupon once.
    """

    source: Source
    id: str
    title: str
    kind: OfferKind
    percent: int = 0
    amount_cents: int = 0
    n: int = 0
    m: int = 0
    sku: int | None = None
    segment: str | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    members_only: bool = False
    tier: str | None = None
    stacking_group: str | None = None
    left: int | None = None
    left_in_all: int | None = None
    budget_left_cents: int | None = None

    @classmethod
    def of(cls, source: Source, id: str, title: str, row: Row[Any], **limits: Any) -> Offer:
        """The offer in a row of `coupons` or `promotions`; `limits` are what is left of it for her."""
        kind = kind_of(row.kind)
        assert kind is not None  # rows without one are no offers
        return cls(
            source=source,
            id=id,
            title=title,
            kind=kind,
            percent=round(row.value * 100) if kind == "percent" else 0,
            amount_cents=round(row.value * 100) if kind == "amount" else 0,
            n=row.n or 0,
            m=row.m or 0,
            sku=row.sku,
            segment=row.segment,
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            members_only=row.members_only,
            stacking_group=row.stacking_group,
            budget_left_cents=None if row.budget_cents is None else row.budget_cents - row.spent_cents,
            **limits,
        )

    @property
    def each(self) -> bool:
        """True when it counts for each piece or group of pieces, and not just once."""
        return self.source == "promotion"

    @property
    def width(self) -> int:
        """How much it is for: one product, a kind of product, or the whole basket."""
        return 0 if self.sku is not None else 1 if self.segment is not None else 2

    def covers(self, line: Line) -> bool:
        if self.sku is not None:
            return line.sku == self.sku
        return self.segment is None or line.segment == self.segment

    def pieces(self, basket: Sequence[Line]) -> int:
        """How many pieces of the basket it is for."""
        return sum(line.quantity for line in basket if self.covers(line))


@dataclass(frozen=True, slots=True)
class Applied:
    """What an offer takes off, and why in words."""

    offer: Offer
    off_cents: int
    why: str

    def to_json(self) -> dict[str, Any]:
        return {
            self.offer.source: self.offer.id,
            "title": self.offer.title,
            "off": self.off_cents / 100,
            "why": self.why,
        }


@dataclass(frozen=True, slots=True)
class Refused:
    """Why an offer is not used: `because` for a program, `reason` for a person."""

    offer: Offer
    because: str
    reason: str

    def to_json(self) -> dict[str, Any]:
        title = self.offer.title
        return {self.offer.source: self.offer.id, "title": title, "because": self.because, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class Combination:
    """What is used and what is not; `total_cents` is what remains to pay."""

    applied: list[Applied] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    total_cents: int = 0
    off_cents: int = 0

    def to_json(self) -> dict[str, Any]:
        """As the API tells it: coupons, and apart from them the promotions, which nobody has to clip."""
        return {
            "applied": [each.to_json() for each in self.applied if each.offer.source == "coupon"],
            "promotions": [each.to_json() for each in self.applied if each.offer.source == "promotion"],
            "refused": [each.to_json() for each in self.refused if each.offer.source == "coupon"],
            "total": self.total_cents / 100,
            "off": self.off_cents / 100,
        }


def refusal(offer: Offer, basket: Sequence[Line], buyer: Buyer, moment: datetime) -> Refused | None:
    """Why an offer can't be used by this buyer for this basket now, whatever else is used; None when it can."""
    why = _not_now(offer, moment) or _not_hers(offer, buyer) or _not_left(offer) or _not_here(offer, basket)
    return Refused(offer, *why) if why else None


def words(offer: Offer) -> str:
    """What an offer takes off, as a receipt says it."""
    if offer.kind == "percent":
        return f"{offer.percent / 100:g} % off"
    if offer.kind == "amount":
        return f"{offer.amount_cents / 100:.2f} off{' each' if offer.each else ''}"
    return f"{offer.n} for {offer.m}"


def _not_now(offer: Offer, moment: datetime) -> tuple[str, str] | None:
    if offer.starts_at is not None and moment < offer.starts_at:
        return "not_begun", f"it begins at {write_instant(offer.starts_at)}"
    if offer.ends_at is not None and moment >= offer.ends_at:
        return "ended", f"it ended at {write_instant(offer.ends_at)}"
    return None


def _not_hers(offer: Offer, buyer: Buyer) -> tuple[str, str] | None:
    if (offer.members_only or offer.tier is not None) and not buyer.member:
        return "members_only", "it is for who has a card"
    if offer.tier is not None and offer.tier not in buyer.tiers:
        return "tier", f"it is for the tier {offer.tier} and above"
    return None


def _not_left(offer: Offer) -> tuple[str, str] | None:
    if offer.left is not None and offer.left < 1:
        return "limit", "it was redeemed as often as one shopper may"
    if offer.left_in_all is not None and offer.left_in_all < 1:
        return "limit_in_all", "all there were of it are redeemed"
    return None


def _not_here(offer: Offer, basket: Sequence[Line]) -> tuple[str, str] | None:
    pieces = offer.pieces(basket)
    if not pieces:
        return "not_in_basket", "nothing it is for is in the basket"
    if offer.kind == "n_for_m" and pieces < offer.n:
        return "too_few", f"it takes {offer.n}, and {pieces} are in the basket"
    return None
