"""Loyalty accounts: a card, and a ledger to which lines are only ever added, whose sum is the balance.

Points are good until a day. What is taken back of them, or expires, is a line with the same day: so the lines of one
day add up to what is left of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from endcap.clock import Clock
from endcap_backend.retail.database import Database, insertion
from endcap_backend.retail.ean import new_card
from endcap_backend.retail.offers import Buyer
from endcap_backend.retail.tiers import WINDOW, LoyaltyRules
from endcap_backend.retail.till_tables import LoyaltyAccount, LoyaltyEntry

PURCHASE, REVERSAL, EXPIRED = "purchase", "reversal", "expired"  # the reasons of a line
LISTED = 100  # lines of the ledger at a time
LOOKED_BACK = timedelta(days=7)  # for points that expired while nobody looked; older ones go when she does


@dataclass(frozen=True, slots=True)
class Account:
    """A card and what is on it."""

    uid: str
    card: str
    balance: int
    opened_at: datetime


def open_account(connection: Connection, uid: str, moment: datetime) -> Account:
    """Her account, which is made when she has none; two calls at once make one."""
    found = account_of(connection, uid)
    while found is None:
        row = {"uid": uid, "card": new_card(), "opened_at": moment, "balance": 0}
        connection.execute(insertion(connection, LoyaltyAccount).values(row).on_conflict_do_nothing())
        found = account_of(connection, uid)  # none: another has that card, one in 10^10
    return found


def account_of(connection: Connection, uid: str) -> Account | None:
    return _account(connection, LoyaltyAccount.uid == uid)


def locked_account(connection: Connection, card: str) -> Account | None:
    """The account of a card, which no other transaction changes until this one ends."""
    return _account(connection, LoyaltyAccount.card == card, lock=True)


def enter(
    connection: Connection,
    uid: str,
    points: int,
    reason: str,
    moment: datetime,
    expires_at: datetime,
    *,
    store: str | None = None,
    redemption: str | None = None,
) -> int:
    """Add a line to her ledger and to her balance; the new balance. Nothing is written for no points."""
    if points:
        row = {
            "uid": uid, "at": moment, "points": points, "reason": reason, "expires_at": expires_at, "store": store,
            "redemption": redemption,
        }  # fmt: skip
        connection.execute(insert(LoyaltyEntry), [row])
        raised = LoyaltyAccount.balance + points
        connection.execute(update(LoyaltyAccount).where(LoyaltyAccount.uid == uid).values(balance=raised))
    return connection.execute(select(LoyaltyAccount.balance).where(LoyaltyAccount.uid == uid)).scalar_one()


def take_back(connection: Connection, uid: str, redemption: str, moment: datetime) -> tuple[int, int]:
    """Take back what a purchase gave, as far as it is still there; how many points, and the balance."""
    of_it = (LoyaltyEntry.uid == uid, LoyaltyEntry.redemption == redemption)
    line = connection.execute(select(LoyaltyEntry).where(*of_it, LoyaltyEntry.reason == PURCHASE)).first()
    given = int(connection.execute(select(func.coalesce(func.sum(LoyaltyEntry.points), 0)).where(*of_it)).scalar_one())
    left = 0 if line is None else min(given, _left_of(connection, uid, line.expires_at))
    if line is None or left <= 0:
        return 0, enter(connection, uid, 0, REVERSAL, moment, moment)
    balance = enter(connection, uid, -left, REVERSAL, moment, line.expires_at, store=line.store, redemption=redemption)
    return left, balance


def expire(connection: Connection, uid: str, moment: datetime) -> int:
    """Take what has expired off her balance; how many points."""
    if not has_expired(connection, uid, moment):
        return 0
    locked = connection.execute(select(LoyaltyAccount.uid).where(LoyaltyAccount.uid == uid).with_for_update()).first()
    due = [(day, points) for day, points in _by_day(connection, uid) if day <= moment and points > 0]
    for day, points in due if locked else ():
        enter(connection, uid, -points, EXPIRED, moment, day)
    return sum(points for _, points in due)


def has_expired(connection: Connection, uid: str, moment: datetime) -> bool:
    """True when `expire` has something to do."""
    return any(day <= moment and points > 0 for day, points in _by_day(connection, uid))


def with_expired_points(connection: Connection, moment: datetime, limit: int = 500) -> Sequence[str]:
    """Up to `limit` shoppers some of whose points expired in the last days and still count."""
    recently = LoyaltyEntry.expires_at.between(moment - LOOKED_BACK, moment)
    query = (
        select(LoyaltyEntry.uid)
        .where(recently)
        .group_by(LoyaltyEntry.uid, LoyaltyEntry.expires_at)
        .having(func.sum(LoyaltyEntry.points) > 0)
        .limit(limit)
    )
    return list(dict.fromkeys(connection.execute(query).scalars()))


def expire_points(database: Database, clock: Clock) -> int:
    """Take what expired in the last days off every balance; how many points. For one thread that comes by."""
    now, taken = clock.now(), 0
    with database.reading() as connection:
        due = with_expired_points(connection, now)
    for uid in due:
        with database.writing() as connection:
            taken += expire(connection, uid, now)
    return taken


def expiring(connection: Connection, uid: str, moment: datetime) -> list[tuple[datetime, int]]:
    """The days on which points of hers will expire, soonest first, and how many."""
    return [(day, points) for day, points in _by_day(connection, uid) if day > moment and points > 0]


def tier_points(connection: Connection, uid: str, moment: datetime) -> int:
    """The points of a year's purchases: what counts for a tier, whether or not they have expired."""
    counted = (LoyaltyEntry.uid == uid, LoyaltyEntry.at > moment - WINDOW, LoyaltyEntry.reason != EXPIRED)
    query = select(func.coalesce(func.sum(LoyaltyEntry.points), 0)).where(*counted)
    return max(0, int(connection.execute(query).scalar_one()))


def ledger(connection: Connection, uid: str, before: int | None = None) -> Sequence[Row[Any]]:
    """The latest lines of her ledger, newest first; with `before`, those older than the line of that id."""
    query = select(*LoyaltyEntry.__table__.columns).where(LoyaltyEntry.uid == uid)
    if before is not None:
        query = query.where(LoyaltyEntry.id < before)
    return connection.execute(query.order_by(LoyaltyEntry.id.desc()).limit(LISTED)).all()


def points_before(connection: Connection, uid: str, line: int) -> int:
    """The sum of the lines older than the one of that id."""
    query = select(func.coalesce(func.sum(LoyaltyEntry.points), 0))
    return int(connection.execute(query.where(LoyaltyEntry.uid == uid, LoyaltyEntry.id < line)).scalar_one())


def buyer_of(connection: Connection, uid: str, rules: LoyaltyRules, moment: datetime) -> Buyer:
    """What she is to the offers: whether she has a card, and the tiers she has reached."""
    if account_of(connection, uid) is None:
        return Buyer()
    return Buyer(member=True, tiers=rules.reached_by(tier_points(connection, uid, moment)))


def _account(connection: Connection, which: Any, *, lock: bool = False) -> Account | None:
    columns = (LoyaltyAccount.uid, LoyaltyAccount.card, LoyaltyAccount.balance, LoyaltyAccount.opened_at)
    query = select(*columns).where(which)
    row = connection.execute(query.with_for_update() if lock else query).first()
    return None if row is None else Account(**row._asdict())


def _by_day(connection: Connection, uid: str) -> list[tuple[datetime, int]]:
    """What is left of the points that are good until each day."""
    query = (
        select(LoyaltyEntry.expires_at, func.sum(LoyaltyEntry.points))
        .where(LoyaltyEntry.uid == uid, LoyaltyEntry.expires_at.is_not(None))
        .group_by(LoyaltyEntry.expires_at)
        .order_by(LoyaltyEntry.expires_at)
    )
    return [(day, int(points)) for day, points in connection.execute(query) if day is not None]


def _left_of(connection: Connection, uid: str, day: datetime) -> int:
    return dict(_by_day(connection, uid)).get(day, 0)
