"""Calls for help: a shopper asks, somebody of the staff takes it on, comes, and it is done; or she takes it back."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, Row, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from endcap.errors import BadMessage
from endcap.messages import CUSTOMERS_EVENTS, CustomerEvent, derived_id, help_channel, promotions_channel
from endcap.wire import BIGINT_MAX, ID_PATTERN, Message, epoch_ms, wired, write_instant
from endcap_backend.retail.notices import notify
from endcap_backend.retail.schema import Outbox
from endcap_backend.retail.shop_tables import HelpRequest

State = Literal["queued", "accepted", "coming", "done", "cancelled"]
STATES: tuple[State, ...] = ("queued", "accepted", "coming", "done", "cancelled")
OPEN: tuple[State, ...] = ("queued", "accepted", "coming")
BEFORE: dict[str, tuple[State, ...]] = {  # what a state may follow
    "accepted": ("queued",),
    "coming": ("queued", "accepted"),
    "done": OPEN,
    "cancelled": OPEN,
}
PER_HOUR = 3  # calls a shopper may make
KEPT = timedelta(days=30)  # a closed call; its place goes when it is closed
NOTICE = "help"


@dataclass(frozen=True, slots=True)
class HelpCall(Message):
    """What a shopper asks for, and where.

    An `id` of her own makes the request one that may be sent again: it is the call's, whatever became of it since.
    """

    store: str = wired("store", "text", "the store she is in", pattern=ID_PATTERN)
    section: str | None = wired("section", "text", "where in it", default=None, max_chars=64)
    sku: int | None = wired("sku", "integer", "the product it is about", default=None, minimum=0, maximum=BIGINT_MAX)
    text: str | None = wired("text", "text", "what she wrote", default=None)
    latitude_deg: float | None = wired(
        "latitude", "number", "her place, for whoever comes", default=None, unit="degrees", minimum=-90, maximum=90
    )
    longitude_deg: float | None = wired(
        "longitude", "number", "her place, for whoever comes", default=None, unit="degrees", minimum=-180, maximum=180
    )

    id: str | None = wired(
        "id", "text", "the call's, drawn at random; one is given unless said", default=None, pattern=ID_PATTERN
    )

    def __post_init__(self) -> None:
        if (self.latitude_deg is None) != (self.longitude_deg is None):
            raise BadMessage("longitude" if self.longitude_deg is None else "latitude", "is missing: a place has both")


class TooOften(Exception):
    """She has called as often as she may; `retry_after_s` until she may again."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(f"{PER_HOUR} calls an hour are answered")
        self.retry_after_s = retry_after_s


class Taken(Exception):
    """Somebody else's call has this id."""


class NotSo(Exception):
    """A call that can't become that any more; `state` and `by` say what it is."""

    def __init__(self, row: Row[Any]) -> None:
        super().__init__(f"it is {row.state}" + (f" by {row.by}" if row.by else ""))


def ask(connection: Connection, uid: str, call: HelpCall, now: datetime) -> tuple[Row[Any], bool]:
    """Her call, told to the store's staff, and True; or the one of that id or that she has open already, and False.

    Raises:
        TooOften: three in an hour.
        Taken: the id is of another shopper's call.
    """
    connection.execute(delete(HelpRequest).where(HelpRequest.state.not_in(OPEN), HelpRequest.changed_at < now - KEPT))
    already = _already(connection, uid, call.id)
    if already is not None:
        return already, False
    _check_rate(connection, uid, now)
    told = {name: getattr(call, name) for name in ("store", "section", "sku", "text", "latitude_deg", "longitude_deg")}
    id = call.id or secrets.token_hex(16)
    times = {"state": "queued", "asked_at": now, "changed_at": now}
    try:
        with connection.begin_nested():
            connection.execute(insert(HelpRequest).values(id=id, uid=uid, **told, **times))
    except IntegrityError:  # the same call twice at the same time: the indexes let one in
        already = _already(connection, uid, call.id)
        if already is None:
            raise
        return already, False
    _tell_of_event(connection, uid, id, call, now)
    return _told(connection, id, now), True


def _already(connection: Connection, uid: str, id: str | None) -> Row[Any] | None:
    """Her call of that id, else the one she has open."""
    named = None if id is None else find(connection, id)
    if named is not None and named.uid != uid:
        raise Taken(f"the id {id} is taken: draw another at random")
    open_one = select(*HelpRequest.__table__.columns).where(HelpRequest.uid == uid, HelpRequest.state.in_(OPEN))
    return connection.execute(open_one).first() if named is None else named


def find(connection: Connection, id: str) -> Row[Any] | None:
    return connection.execute(select(*HelpRequest.__table__.columns).where(HelpRequest.id == id)).first()


def waiting(connection: Connection, store: str) -> list[Row[Any]]:
    """The open calls of a store, the oldest first."""
    query = select(*HelpRequest.__table__.columns).where(HelpRequest.store == store, HelpRequest.state.in_(OPEN))
    return list(connection.execute(query.order_by(HelpRequest.asked_at, HelpRequest.id)))


def become(connection: Connection, row: Row[Any], state: State, by: str | None, now: datetime) -> tuple[Row[Any], bool]:
    """The call in its new state, told to her and to the staff, and True; False when it is so already, by the same.

    Raises:
        NotSo: it is past that, or somebody else was first.
    """
    gone = {"latitude_deg": None, "longitude_deg": None} if state not in OPEN else {}
    changed = update(HelpRequest).where(HelpRequest.id == row.id, HelpRequest.state.in_(BEFORE[state]))
    values = {"state": state, "changed_at": now, **({"by": by} if by is not None else {}), **gone}
    if connection.execute(changed.values(**values)).rowcount:
        return _told(connection, row.id, now), True
    current = find(connection, row.id)
    if current is None or current.state != state or (by is not None and current.by != by):
        raise NotSo(current if current is not None else row)
    return current, False


def help_json(row: Row[Any], *, staff: bool) -> dict[str, Any]:
    """A call as it is told; her place to staff alone, her pseudonym to nobody."""
    told: dict[str, Any] = {
        name: getattr(row, name) for name in ("id", "state", "store", "section", "sku", "text", "by")
    }
    told |= {"asked_at": write_instant(row.asked_at), "changed_at": write_instant(row.changed_at)}
    if staff:
        told |= {"latitude": row.latitude_deg, "longitude": row.longitude_deg}
    return {name: value for name, value in told.items() if value is not None}


def _check_rate(connection: Connection, uid: str, now: datetime) -> None:
    recent = HelpRequest.uid == uid, HelpRequest.asked_at > now - timedelta(hours=1)
    count, first = connection.execute(select(func.count(), func.min(HelpRequest.asked_at)).where(*recent)).one()
    if count >= PER_HOUR:
        raise TooOften((first + timedelta(hours=1) - now).total_seconds())


def _told(connection: Connection, id: str, now: datetime) -> Row[Any]:
    """The call as it stands, set on its way to both who wait for it."""
    row = find(connection, id)
    assert row is not None  # written in this transaction
    at_ms = epoch_ms(now)
    notify(connection, row.uid, help_channel(row.store), NOTICE, help_json(row, staff=True), at_ms)
    notify(connection, row.uid, promotions_channel(row.uid), NOTICE, help_json(row, staff=False), at_ms)
    return row


def _tell_of_event(connection: Connection, uid: str, id: str, call: HelpCall, now: datetime) -> None:
    """Set a `help` event on its way to `customers_events`, without what she wrote."""
    event = CustomerEvent(
        id=derived_id("help", id), uid=uid, kind="help", occurred_at=now, sku=call.sku, store=call.store
    )
    values = {"topic": CUSTOMERS_EVENTS, "key": uid, "value": event.to_text(), "at_ms": epoch_ms(now)}
    connection.execute(insert(Outbox).values(**values))
