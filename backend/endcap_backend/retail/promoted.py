"""Promotions at the till: those a basket qualifies for by itself, and what they have given."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, or_, select, update

from endcap_backend.retail.offers import Line, Offer
from endcap_backend.retail.schema import Promotion
from endcap_backend.retail.till_tables import RedeemedOffer, Redemption

MAX_PROMOTIONS = 200  # for one basket; the ones that end soonest


def offers_for(connection: Connection, uid: str, basket: Sequence[Line], moment: datetime) -> list[Offer]:
    """The live promotions of what is in a basket, with what is left of them for her."""
    skus = {line.sku for line in basket}
    segments = {line.segment for line in basket if line.segment is not None}
    query = (
        select(*Promotion.__table__.columns)
        .where(
            Promotion.kind.is_not(None),
            *live(moment),
            or_(Promotion.sku.in_(skus), and_(Promotion.sku.is_(None), Promotion.segment.in_(segments))),
        )
        .order_by(Promotion.ends_at.is_(None), Promotion.ends_at, Promotion.pid)
        .limit(MAX_PROMOTIONS)
    )
    rows = connection.execute(query).all()
    used = _used_by(connection, uid, [row.pid for row in rows if row.limit_per_shopper is not None])
    return [_offer(row, used.get(row.pid, 0)) for row in rows]


def live(moment: datetime) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """What holds of promotions that have begun and not ended."""
    return (
        or_(Promotion.starts_at.is_(None), Promotion.starts_at <= moment),
        or_(Promotion.ends_at.is_(None), Promotion.ends_at > moment),
    )


def use(connection: Connection, pid: str, off_cents: int) -> bool:
    """Take what a promotion gives off its budget: False when there is not so much left (any more)."""
    spent = Promotion.spent_cents + off_cents
    left = or_(Promotion.budget_cents.is_(None), spent <= Promotion.budget_cents)
    statement = update(Promotion).where(Promotion.pid == pid, left).values(spent_cents=spent)
    return connection.execute(statement).rowcount == 1


def give_back(connection: Connection, pid: str, off_cents: int) -> None:
    """Undo `use`."""
    less = Promotion.spent_cents - off_cents
    connection.execute(update(Promotion).where(Promotion.pid == pid).values(spent_cents=less))


def _used_by(connection: Connection, uid: str, pids: Sequence[str]) -> dict[str, int]:
    """How many purchases of hers each promotion counted for; one that was reversed does not count."""
    if not pids:
        return {}
    query = (
        select(RedeemedOffer.offer, func.count().label("purchases"))
        .join(Redemption, Redemption.id == RedeemedOffer.redemption)
        .where(
            Redemption.uid == uid,
            Redemption.reversed_at.is_(None),
            RedeemedOffer.source == "promotion",
            RedeemedOffer.offer.in_(pids),
        )
        .group_by(RedeemedOffer.offer)
    )
    return {row.offer: row.purchases for row in connection.execute(query)}


def _offer(row: Row[Any], used: int) -> Offer:
    left = None if row.limit_per_shopper is None else max(0, row.limit_per_shopper - used)
    return Offer.of("promotion", row.pid, row.title or row.pid, row, left=left)
