"""What a shopper bought with her card: purchase by purchase, and month by month what she saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from endcap_backend.retail.till_tables import RedeemedOffer, Redemption

LISTED = 100
MONTHS = 24


@dataclass(frozen=True, slots=True)
class PastPurchase:
    """A purchase, and what each offer took off: its source, id and cents."""

    id: str
    at: datetime
    store: str
    total_cents: int
    off_cents: int
    points: int
    reversed_at: datetime | None
    offers: tuple[tuple[str, str, int], ...]


@dataclass(frozen=True, slots=True)
class History:
    """The latest purchases, newest first; by month ("2026-11", in UTC) the cents saved and the purchases."""

    purchases: list[PastPurchase]
    months: Mapping[str, tuple[int, int]]


def history_of(connection: Connection, uid: str) -> History:
    columns = (
        Redemption.id, Redemption.at, Redemption.store, Redemption.total_cents, Redemption.off_cents,
        Redemption.points, Redemption.reversed_at,
    )  # fmt: skip
    newest = select(*columns).where(Redemption.uid == uid).order_by(Redemption.at.desc(), Redemption.id)
    rows = connection.execute(newest.limit(LISTED)).all()
    offers = _offers_of(connection, [row.id for row in rows])
    return History(
        [PastPurchase(**row._asdict(), offers=tuple(offers.get(row.id, ()))) for row in rows], _months(connection, uid)
    )


def _offers_of(connection: Connection, purchases: list[str]) -> dict[str, list[tuple[str, str, int]]]:
    query = select(RedeemedOffer.redemption, RedeemedOffer.source, RedeemedOffer.offer, RedeemedOffer.off_cents)
    found: dict[str, list[tuple[str, str, int]]] = {}
    ordered = query.where(RedeemedOffer.redemption.in_(purchases)).order_by(RedeemedOffer.source, RedeemedOffer.offer)
    for purchase, source, offer, off in connection.execute(ordered):
        found.setdefault(purchase, []).append((source, offer, off))
    return found


def _months(connection: Connection, uid: str) -> dict[str, tuple[int, int]]:
    """Newest first; a purchase that was reversed saved nothing."""
    query = select(Redemption.at, Redemption.off_cents).where(Redemption.uid == uid, Redemption.reversed_at.is_(None))
    found: dict[str, tuple[int, int]] = {}
    for at, off_cents in connection.execute(query.order_by(Redemption.at.desc())):
        month = f"{at:%Y-%m}"
        off, count = found.get(month, (0, 0))
        found[month] = (off + off_cents, count + 1)
        if len(found) > MONTHS:
            del found[month]
            break
    return found
