"""Taking a purchase back: coupons and budgets are free again, its points go, and the journal says who did it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from endcap.wire import write_instant
from endcap_backend.api.roles import Employee
from endcap_backend.retail import journal, loyalty, promoted, wallet
from endcap_backend.retail.audit import note
from endcap_backend.retail.purchase import Answer
from endcap_backend.retail.till_tables import RedeemedOffer, Redemption


def reverse(connection: Connection, number: str, till: Employee, now: datetime) -> Answer | None:
    """Take a purchase back, once: again, it gets the same answer. None for an id that is unknown."""
    row = connection.execute(select(Redemption).where(Redemption.id == number)).first()
    if row is None:
        return None
    if row.uid is not None and (account := loyalty.account_of(connection, row.uid)) is not None:
        loyalty.locked_account(connection, account.card)
    first = update(Redemption).where(Redemption.id == number, Redemption.reversed_at.is_(None))
    if not connection.execute(first.values(reversed_at=now)).rowcount:
        query = select(Redemption.reversal).where(Redemption.id == number)
        return Answer(connection.execute(query).scalar_one() or "{}", new=False)
    answer, taken = _reversed(connection, row, now)
    connection.execute(update(Redemption).where(Redemption.id == number).values(reversal=answer))
    note(connection, till, now, "reversed", f"redemptions/{number}", {"off": row.off_cents / 100})
    _journal(connection, row, taken, till, now)
    return Answer(answer, new=True)


def _reversed(connection: Connection, row: Row[Any], now: datetime) -> tuple[str, int]:
    """Undo what a purchase used up and gave; the answer, and how many points went."""
    query = (
        select(RedeemedOffer)
        .where(RedeemedOffer.redemption == row.id)
        .order_by(RedeemedOffer.source, RedeemedOffer.offer)
    )
    for each in connection.execute(query).all():
        if each.source == "coupon":
            wallet.give_back(connection, row.uid, each.offer, each.off_cents)
        else:
            promoted.give_back(connection, each.offer, each.off_cents)
    taken, balance = 0, None
    if row.uid is not None and loyalty.account_of(connection, row.uid) is not None:
        taken, balance = loyalty.take_back(connection, row.uid, row.id, now)
    said: dict[str, Any] = {"id": row.id, "reversed_at": write_instant(now), "points": -taken}
    return json.dumps(said if balance is None else {**said, "balance": balance}), taken


def _journal(connection: Connection, row: Row[Any], taken: int, till: Employee, now: datetime) -> None:
    journal.append(
        connection,
        journal.Entry(
            store=row.store, at=now, kind=journal.REVERSED, redemption=row.id, actor=till.name, role=str(till.role),
            till=row.till, evidence="staff", total_cents=-row.total_cents, off_cents=-row.off_cents, points=-taken,
            offers=journal.write_offers([]),
        ),
    )  # fmt: skip
