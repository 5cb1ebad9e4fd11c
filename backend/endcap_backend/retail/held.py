"""What a till holds for a time without the backend: the prices of its store, and the offers that may count there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, or_, select

from endcap.errors import BadMessage
from endcap.wire import Wire, write_instant
from endcap_backend.retail.offers import Offer
from endcap_backend.retail.schema import Placement, Product, Promotion
from endcap_backend.retail.till_tables import Coupon

AHEAD = timedelta(hours=24)  # what begins so soon is held too: no redemption may be told later than that
_TIMES = ("starts_at", "ends_at")
_INSTANT = Wire("at", "instant", "a time in an answer")


@dataclass(frozen=True, slots=True)
class Price:
    """What the shop knows of a product in one store. `cents`: of a piece; None where it has no price."""

    segment: str
    cents: int | None
    name: str = ""  # or its variant; "" where it has neither


@dataclass(frozen=True, slots=True)
class Held:
    """A store's prices by SKU and its offers as they stood at `at`; coupons by the number that codes have for them.

    `left` of an offer is how often one shopper may use it, whatever she has used.
    """

    store: str
    at: datetime
    currency: str
    prices: Mapping[int, Price]
    promotions: Sequence[Offer]
    coupons: Mapping[int, Offer]

    def to_json(self) -> dict[str, Any]:
        return {
            "store": self.store,
            "at": write_instant(self.at),
            "currency": self.currency,
            "prices": [[sku, each.segment, each.cents, each.name] for sku, each in self.prices.items()],
            "promotions": [_offer_json(each) for each in self.promotions],
            "coupons": [{"number": number, **_offer_json(each)} for number, each in self.coupons.items()],
        }

    @classmethod
    def from_json(cls, value: object) -> Held:
        """Read what `to_json` wrote.

        Raises:
            BadMessage: it is something else.
        """
        try:
            return cls._read(value)
        except (KeyError, TypeError, ValueError, AttributeError) as fault:
            raise BadMessage("offers", f"are not what a backend tells its tills: {fault}") from None

    @classmethod
    def _read(cls, value: Any) -> Held:
        return cls(
            store=str(value["store"]),
            at=_instant(value["at"]),
            currency=str(value["currency"]),
            prices={int(sku): _price(*about) for sku, *about in value["prices"]},
            promotions=[_offer(each) for each in value["promotions"]],
            coupons={int(each["number"]): _offer(each) for each in value["coupons"]},
        )


def held_for(connection: Connection, store: str, moment: datetime, currency: str) -> Held:
    """What the tills of a store need to price a basket by themselves."""
    facts = (Placement.sku, Product.segment, Product.variant, Product.name, Placement.price)
    query = select(*facts).join(Product, Product.sku == Placement.sku)
    prices = {
        row.sku: Price(
            row.segment, None if row.price is None else round(row.price * 100), row.name or row.variant or ""
        )
        for row in connection.execute(query.where(Placement.store == store).order_by(Placement.sku))
    }
    return Held(store, moment, currency, prices, _promotions(connection, store, moment), _coupons(connection, moment))


def _price(segment: str, cents: int | None, name: str = "") -> Price:
    """As a drawer has it; those of before names were told are without."""
    return Price(str(segment), cents, str(name))


def _promotions(connection: Connection, store: str, moment: datetime) -> list[Offer]:
    stands = select(Placement.sku).where(Placement.store == store)
    kinds = select(Product.segment).where(Product.sku.in_(stands))
    query = select(*Promotion.__table__.columns).where(
        Promotion.kind.is_not(None),
        Promotion.archived_at.is_(None),
        *_soon(Promotion, moment),
        or_(Promotion.sku.in_(stands), and_(Promotion.sku.is_(None), Promotion.segment.in_(kinds))),
    )
    return [
        Offer.of("promotion", row.pid, row.title or row.pid, row, left=row.limit_per_shopper)
        for row in connection.execute(query.order_by(Promotion.pid))
    ]


def _coupons(connection: Connection, moment: datetime) -> dict[int, Offer]:
    query = select(*Coupon.__table__.columns).where(*_soon(Coupon, moment)).order_by(Coupon.number)
    return {
        row.number: Offer.of(
            "coupon", row.id, row.title, row, tier=row.tier, left=row.limit_per_shopper,
            left_in_all=None if row.limit_in_all is None else max(0, row.limit_in_all - row.redeemed),
        )
        for row in connection.execute(query)
    }  # fmt: skip


def _soon(table: Any, moment: datetime) -> Sequence[Any]:
    return (
        or_(table.starts_at.is_(None), table.starts_at <= moment + AHEAD),
        or_(table.ends_at.is_(None), table.ends_at > moment),
    )


def _offer_json(offer: Offer) -> dict[str, Any]:
    told = {name: value for name, value in asdict(offer).items() if value is not None}
    return told | {name: write_instant(told[name]) for name in _TIMES if name in told}


def _offer(value: Any) -> Offer:
    known = {each.name for each in fields(Offer)}
    told = {name: each for name, each in value.items() if name in known}
    return Offer(**told | {name: _instant(told[name]) for name in _TIMES if name in told})


def _instant(value: object) -> datetime:
    found = _INSTANT.read(value)
    assert isinstance(found, datetime)  # what an instant is read as
    return found
