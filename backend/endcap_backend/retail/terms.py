"""What a promotion or a coupon takes off, as files and requests say it: the terms, and the messages that carry them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Literal, cast

from endcap.errors import BadMessage
from endcap.messages import ProductPromotion
from endcap.wire import BIGINT_MAX, ID_PATTERN, Message, wired

OfferKind = Literal["percent", "amount", "n_for_m"]
OFFER_KINDS: tuple[OfferKind, ...] = ("percent", "amount", "n_for_m")
MAX_PIECES = 100  # of an n for m
MAX_MONEY = 1e9  # in the shop's currency; what a price may be

_KIND = "percent: value per cent off; amount: value in the shop's currency off; n_for_m: n for the price of m"
_VALUE = "per cent, or in the shop's currency"
_GROUP = "of one group only one offer counts for the same product; without a group it combines with all"


@dataclass(frozen=True, slots=True)
class ShopPromotion(ProductPromotion):
    """A promotion with its terms, as the shop keeps it; `published` is the part that travels.

    A promotion without a kind takes `discount` per cent off, and nothing without a discount.
    """

    kind: OfferKind | None = wired("kind", "text", _KIND, default=None, choices=OFFER_KINDS)
    value: float | None = wired("value", "number", _VALUE, default=None, minimum=0, maximum=MAX_MONEY)
    n: int | None = wired("n", "integer", "pieces she takes", default=None, minimum=2, maximum=MAX_PIECES)
    m: int | None = wired("m", "integer", "pieces she pays for", default=None, minimum=1, maximum=MAX_PIECES)
    members_only: bool | None = wired("members_only", "flag", "only for who has a card", default=None)
    budget: float | None = wired(
        "budget", "number", "what it may take off in all", default=None, unit="currency", minimum=0, maximum=MAX_MONEY
    )
    limit_per_shopper: int | None = wired(
        "limit_per_shopper", "integer", "purchases it counts for, a shopper", default=None, minimum=1, maximum=10**6
    )
    stacking_group: str | None = wired("stacking_group", "text", _GROUP, default=None, max_chars=64)

    @classmethod
    def of(cls, promotion: ProductPromotion) -> ShopPromotion:
        """A promotion that says nothing of its terms, with those that follow from its discount."""
        if isinstance(promotion, ShopPromotion):
            return promotion.settled()
        return cls(**{each.name: getattr(promotion, each.name) for each in fields(ProductPromotion)}).settled()

    def settled(self) -> ShopPromotion:
        """The same, with its discount where it is per cent: each of the two says what the other says.

        Raises:
            BadMessage: terms that do not go together; names the field.
        """
        said = self._said()
        kind, value = said.get("kind"), said.get("value")
        if kind is None and self.value is None and self.n is None and self.m is None and self.discount:
            said |= {"kind": "percent", "value": self.discount}
        elif kind == "percent" and value is None and self.discount:
            said["value"] = self.discount
        elif kind == "percent" and value is not None and self.discount is None:
            said["discount"] = value
        settled = ShopPromotion(**said | {"members_only": bool(self.members_only)})  # type: ignore[arg-type]
        settled._check()
        return settled

    def published(self) -> ProductPromotion:
        """What the topic `products_promotions` carries of it."""
        return ProductPromotion(**{each.name: getattr(self, each.name) for each in fields(ProductPromotion)})

    def _said(self) -> dict[str, object]:
        return {each.name: getattr(self, each.name) for each in fields(self)}

    def _check(self) -> None:
        if self.kind is None:
            for name in ("value", "n", "m"):
                if getattr(self, name) is not None:
                    raise BadMessage("kind", f"is missing: {name} alone does not say what is taken off")
            return
        check_terms(self.kind, self.value, self.n, self.m)
        if self.discount is not None and (self.kind != "percent" or self.discount != self.value):
            raise BadMessage("discount", "differs from what kind and value say; leave it out")


@dataclass(frozen=True, slots=True)
class CouponTerms(Message):
    """A coupon as files and requests say it. Without `sku` and `segment` it is for the whole basket."""

    id: str = wired("id", "text", "the coupon's id", pattern=ID_PATTERN)
    title: str = wired("title", "text", "what the shopper reads", max_chars=128)
    kind: OfferKind = wired("kind", "text", _KIND, choices=OFFER_KINDS)
    description: str | None = wired("description", "text", "its small print", default=None)
    value: float | None = wired("value", "number", _VALUE, default=None, minimum=0, maximum=MAX_MONEY)
    n: int | None = wired("n", "integer", "pieces she takes", default=None, minimum=2, maximum=MAX_PIECES)
    m: int | None = wired("m", "integer", "pieces she pays for", default=None, minimum=1, maximum=MAX_PIECES)
    sku: int | None = wired("sku", "integer", "the one product it is for", default=None, minimum=0, maximum=BIGINT_MAX)
    segment: str | None = wired("segment", "text", "the kind of product it is for", default=None, max_chars=64)
    starts_at: datetime | None = wired("starts_at", "instant", "from when it holds; none: at once", default=None)
    ends_at: datetime | None = wired(
        "ends_at", "instant", "until when it holds, excluded; none: until withdrawn", default=None
    )
    members_only: bool | None = wired("members_only", "flag", "only for who has a card", default=None)
    tier: str | None = wired("tier", "text", "the lowest tier that may clip it", default=None, pattern=ID_PATTERN)
    stacking_group: str | None = wired("stacking_group", "text", _GROUP, default=None, max_chars=64)
    limit_per_shopper: int | None = wired(
        "limit_per_shopper", "integer", "times a shopper may redeem it; none: once", default=None, minimum=1,
        maximum=10**6,
    )  # fmt: skip
    limit_in_all: int | None = wired(
        "limit_in_all", "integer", "times all may redeem it together", default=None, minimum=1, maximum=10**9
    )
    budget: float | None = wired(
        "budget", "number", "what it may take off in all", default=None, unit="currency", minimum=0, maximum=MAX_MONEY
    )
    auto_clip: bool | None = wired("auto_clip", "flag", "clipped for everybody who may", default=None)

    def __post_init__(self) -> None:
        check_terms(self.kind, self.value, self.n, self.m)
        if self.sku is not None and self.segment is not None:
            raise BadMessage("segment", "must be left out where sku names one product")


def check_terms(kind: OfferKind, value: float | None, n: int | None, m: int | None) -> None:
    """Whether what is said goes together.

    Raises:
        BadMessage: names the field.
    """
    if kind == "n_for_m":
        _check_pieces(value, n, m)
        return
    for name, given in (("n", n), ("m", m)):
        if given is not None:
            raise BadMessage(name, "belongs to kind n_for_m only")
    if not value:
        raise BadMessage("value", f"must be above 0 for kind {kind}" if value == 0 else f"is missing: kind {kind}")
    if kind == "percent" and value > 100:
        raise BadMessage("value", "must not be above 100 per cent")
    if kind == "amount" and round(value * 100) < 1:
        raise BadMessage("value", "must be a hundredth of the currency at least")


def cents(money: float | None) -> int | None:
    """An amount of the shop's currency in hundredths."""
    return None if money is None else round(money * 100)


def kind_of(text: str | None) -> OfferKind | None:
    """A kind as the database holds it: it was checked on its way in."""
    return cast(OfferKind | None, text)


def _check_pieces(value: float | None, n: int | None, m: int | None) -> None:
    if value is not None:
        raise BadMessage("value", "does not belong to kind n_for_m")
    if n is None:
        raise BadMessage("n", "is missing: kind n_for_m")
    if m is None:
        raise BadMessage("m", "is missing: kind n_for_m")
    if m >= n:
        raise BadMessage("m", "must be below n: she takes n and pays for m")
