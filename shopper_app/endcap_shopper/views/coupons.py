"""Her coupons, and the card that carries them to the till."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from endcap_shopper.codes import Matrix

CouponState = Literal["available", "clipped", "redeemed", "expired"]


@dataclass(frozen=True, slots=True)
class CouponRow:
    """One coupon. `reason` says why it is not in the best combination, or which part it has."""

    id: str
    title: str
    off: str
    detail: str = ""
    ends: str = ""
    urgent: bool = False  # less than a day left
    state: CouponState = "available"
    reason: str = ""


@dataclass(frozen=True, slots=True)
class BestDeal:
    """The best legal combination for her list, by the shop; `refused` each with its reason."""

    off: str
    total: str
    applied: tuple[CouponRow, ...] = ()
    refused: tuple[CouponRow, ...] = ()


@dataclass(frozen=True, slots=True)
class SavedRow:
    """What one month's purchases saved her: "November 2026", "3 purchases", "12,40 €"."""

    month: str
    purchases: str
    off: str


@dataclass(frozen=True, slots=True)
class Coupons:
    available: tuple[CouponRow, ...] = ()
    clipped: tuple[CouponRow, ...] = ()
    history: tuple[CouponRow, ...] = ()
    auto_clip: bool = False
    best: BestDeal | None = None
    empty_why: str = ""
    saved: tuple[SavedRow, ...] = ()  # the latest month first
    needs_yes: bool = False  # nothing is here before she agrees to something under Privacy


@dataclass(frozen=True, slots=True)
class Card:
    """What the till reads. `code`: signed by the shop for a minute; None while there is none, and `why` says why."""

    bars: Matrix | None = None
    number: str = ""  # the digits below the bars, spaced
    code: Matrix | None = None
    seconds_left: int = 0
    valid_s: int = 60
    carries: str = ""  # "Card and 3 coupons"
    forgotten: str = ""  # "1 coupon for your list is not clipped"
    why: str = ""
    needs_yes: bool = False  # nothing is here before she agrees to something under Privacy
