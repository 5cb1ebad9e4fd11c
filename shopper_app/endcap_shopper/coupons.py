"""Coupons: what the shop offers to be clipped, what she clipped, and what the till would take off a basket."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Literal

from endcap.wire import BIGINT_MAX, ID_PATTERN, Message, wired
from endcap_shopper.reading import each_of

State = Literal["available", "clipped", "redeemed", "expired"]
STATES: tuple[State, ...] = ("available", "clipped", "redeemed", "expired")
KINDS = ("percent", "amount", "n_for_m")

ENDS_SOON = timedelta(hours=24)  # she is told once, so long before the end


@dataclass(frozen=True, slots=True)
class Coupon(Message):
    """One coupon as `GET /v1/coupons` lists it for her."""

    id: str = wired("id", "text", "the coupon", pattern=ID_PATTERN)
    title: str = wired("title", "text", "what she reads", max_chars=128)
    kind: str = wired("kind", "text", "how it takes off", choices=KINDS)
    state: str = wired("state", "text", "what became of it", choices=STATES)
    value: float | None = wired("value", "number", "per cent, or money", default=None, minimum=0)
    n: int | None = wired("n", "integer", "pieces to buy", default=None, minimum=1)
    m: int | None = wired("m", "integer", "pieces to pay", default=None, minimum=0)
    description: str | None = wired("description", "text", "the small print", default=None, max_chars=512)
    sku: int | None = wired("sku", "integer", "the product", default=None, minimum=0, maximum=BIGINT_MAX)
    segment: str | None = wired("segment", "text", "the kind of product", default=None)
    starts_at: datetime | None = wired("starts_at", "instant", "from when it holds", default=None)
    ends_at: datetime | None = wired("ends_at", "instant", "until when, excluded", default=None)
    members_only: bool = wired("members_only", "flag", "needs the card", default=False)
    tier: str | None = wired("tier", "text", "needs this tier", default=None)
    stacking_group: str | None = wired("stacking_group", "text", "one of a group a purchase", default=None)
    limit_left: int | None = wired("limit_left", "integer", "how often it may still be used", default=None, minimum=0)
    auto_clip: bool = wired("auto_clip", "flag", "the shop clips it for her", default=False)
    clipped_at: datetime | None = wired("clipped_at", "instant", "when she clipped it", default=None)
    redeemed_at: datetime | None = wired("redeemed_at", "instant", "when the till took it", default=None)

    def at(self, now: datetime) -> Coupon:
        """The coupon as it is now: what has ended since it was fetched is expired."""
        over = self.ends_at is not None and self.ends_at <= now
        return replace(self, state="expired") if over and self.state in ("available", "clipped") else self

    def left(self, now: datetime) -> timedelta | None:
        """How long it still holds; None for one without an end."""
        return None if self.ends_at is None else max(self.ends_at - now, timedelta(0))


@dataclass(frozen=True, slots=True)
class CouponBook:
    """All her coupons, with what she did to them on this device and the shop does not know yet."""

    coupons: tuple[Coupon, ...] = ()

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> CouponBook:
        """Read an answer of `GET /v1/coupons`."""
        return cls(each_of(value.get("coupons"), Coupon.from_json, "a coupon"))

    def to_json(self) -> dict[str, Any]:
        return {"coupons": [coupon.to_json() for coupon in self.coupons]}

    def get(self, id: str) -> Coupon | None:
        return next((coupon for coupon in self.coupons if coupon.id == id), None)

    def with_pending(self, clips: Iterable[tuple[str, bool]], now: datetime) -> CouponBook:
        """As it will be when her actions have arrived: (coupon, clipped or let go of), in order."""
        last = dict(clips)
        return CouponBook(tuple(_pending(coupon, last.get(coupon.id), now) for coupon in self.coupons))

    def updated(self, coupon: Coupon) -> CouponBook:
        """With the shop's latest word on one coupon."""
        return CouponBook(tuple(coupon if each.id == coupon.id else each for each in self.coupons))

    def open(self, now: datetime) -> tuple[Coupon, ...]:
        """What can be clipped or is: clipped first, then what ends first."""
        found = [each for coupon in self.coupons if (each := coupon.at(now)).state in ("available", "clipped")]
        return tuple(sorted(found, key=lambda each: (each.state != "clipped", *_by_end(each))))

    def history(self, now: datetime) -> tuple[Coupon, ...]:
        """What was redeemed or is over, the latest first: nothing vanishes."""
        found = [each for coupon in self.coupons if (each := coupon.at(now)).state in ("redeemed", "expired")]
        return tuple(sorted(found, key=lambda each: (_closed_at(each, now), each.id), reverse=True))

    def clipped(self, now: datetime) -> tuple[Coupon, ...]:
        return tuple(each for each in self.open(now) if each.state == "clipped")

    def forgotten(self, skus: Iterable[int], now: datetime) -> tuple[Coupon, ...]:
        """What she has in the basket or on the list, and could still clip."""
        wanted = set(skus)
        return tuple(each for each in self.open(now) if each.state == "available" and each.sku in wanted)

    def to_clip(self, declined: Iterable[str], now: datetime) -> tuple[str, ...]:
        """What clipping automatically would clip: all that holds now, less what she let go of herself."""
        left_alone = set(declined)
        return tuple(
            each.id
            for each in self.open(now)
            if each.state == "available" and each.id not in left_alone and (each.starts_at or now) <= now
        )

    def ending_soon(self, now: datetime) -> tuple[Coupon, ...]:
        """What is clipped and ends within a day."""
        return tuple(each for each in self.clipped(now) if (left := each.left(now)) is not None and left <= ENDS_SOON)


@dataclass(frozen=True, slots=True)
class Applied:
    """One offer that takes something off a basket, in the shop's currency."""

    coupon: str
    off: float
    why: str = ""


@dataclass(frozen=True, slots=True)
class NotApplied:
    """One that does not, and why."""

    coupon: str
    reason: str


@dataclass(frozen=True, slots=True)
class Best:
    """The best legal combination for a basket, as the till would find it."""

    total: float
    off: float
    applied: tuple[Applied, ...] = ()
    refused: tuple[NotApplied, ...] = ()

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Best:
        """Read an answer of `POST /v1/coupons/best`.

        Raises:
            ValueError, KeyError, TypeError: it has no sums.
        """
        return cls(
            float(value["total"]),
            float(value["off"]),
            each_of(value.get("applied"), _applied, "a coupon that applies"),
            each_of(value.get("refused"), _refused, "a refused coupon"),
        )


@dataclass(frozen=True, slots=True)
class Saving:
    """What the coupons and offers of one month's purchases took off, in the shop's currency."""

    month: date  # its first day
    off: float
    purchases: int


def savings(value: Mapping[str, Any]) -> tuple[Saving, ...]:
    """Read the months of an answer of `GET /v1/coupons/history`, the latest first."""
    found = each_of(value.get("months"), _saving, "what a month saved")
    return tuple(sorted(found, key=lambda saving: saving.month, reverse=True))


def _saving(value: Mapping[str, Any]) -> Saving:
    return Saving(date.fromisoformat(f"{value['month']}-01"), float(value["off"]), int(value["purchases"]))


def _applied(value: Mapping[str, Any]) -> Applied:
    return Applied(str(value["coupon"]), float(value["off"]), str(value.get("why") or ""))


def _refused(value: Mapping[str, Any]) -> NotApplied:
    return NotApplied(str(value["coupon"]), str(value["reason"]))


def _pending(coupon: Coupon, clipped: bool | None, now: datetime) -> Coupon:
    if clipped is None or coupon.state not in ("available", "clipped"):
        return coupon
    if clipped:
        return replace(coupon, state="clipped", clipped_at=coupon.clipped_at or now)
    return replace(coupon, state="available", clipped_at=None)


def _by_end(coupon: Coupon) -> tuple[bool, float, str]:
    return coupon.ends_at is None, coupon.ends_at.timestamp() if coupon.ends_at else 0.0, coupon.id


def _closed_at(coupon: Coupon, now: datetime) -> datetime:
    return coupon.redeemed_at or coupon.ends_at or now
