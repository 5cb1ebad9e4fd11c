"""Pickup orders: prepared, ready at a door, collected; the shopper is told when hers is ready."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, Row, delete, select

from endcap.errors import BadMessage
from endcap.messages import promotions_channel
from endcap.wire import ID_PATTERN, Message, epoch_ms, wired, write_instant
from endcap_backend.retail.database import upsert
from endcap_backend.retail.notices import notify
from endcap_backend.retail.shop_tables import Pickup
from endcap_backend.retail.till_tables import LoyaltyAccount

State = Literal["preparing", "ready", "collected"]
STATES: tuple[State, ...] = ("preparing", "ready", "collected")
KEPT = timedelta(days=30)  # a collected order
NOTICE = "pickup"


@dataclass(frozen=True, slots=True)
class PickupOrder(Message):
    """An order as the shop says it. Whose it is stands in its first writing: `card` or `uid`; nobody can change it."""

    store: str = wired("store", "text", "where it is collected", pattern=ID_PATTERN)
    state: State = wired("state", "text", "how far it is", choices=STATES)
    items: int = wired("items", "integer", "how many pieces", minimum=0, maximum=10_000)
    door: str | None = wired(
        "door", "text", "the door it is handed out at, by the plan's id", default=None, max_chars=64
    )
    card: str | None = wired("card", "text", "the number on her card", default=None, pattern="[0-9]{13}")
    uid: str | None = wired(
        "uid", "text", "her pseudonym, where the shop's own app knows it", default=None, pattern=ID_PATTERN
    )


def put_pickup(connection: Connection, id: str, order: PickupOrder, now: datetime) -> Row[Any]:
    """Store an order; she is told when it becomes ready, and once.

    Raises:
        BadMessage: nobody has that card, it does not say whose it is, or it is another shopper's.
    """
    connection.execute(delete(Pickup).where(Pickup.state == "collected", Pickup.changed_at < now - KEPT))
    known = _find(connection, id)
    uid = _whose(connection, order, known)
    was_ready = known is not None and known.state != "preparing"
    ready_at = None if order.state == "preparing" else known.ready_at if known is not None and was_ready else now
    told = {name: getattr(order, name) for name in ("store", "state", "items", "door")}
    upsert(connection, Pickup, [{"id": id, "uid": uid, **told, "ready_at": ready_at, "changed_at": now}])
    row = _find(connection, id)
    assert row is not None  # written above
    if order.state == "ready" and not was_ready:
        notify(connection, uid, promotions_channel(uid), NOTICE, pickup_json(row), epoch_ms(now))
    return row


def pickups_of(connection: Connection, uid: str) -> list[Row[Any]]:
    """Her orders, the latest change first."""
    query = select(*Pickup.__table__.columns).where(Pickup.uid == uid)
    return list(connection.execute(query.order_by(Pickup.changed_at.desc(), Pickup.id)))


def pickup_json(row: Row[Any]) -> dict[str, Any]:
    told = {name: getattr(row, name) for name in ("id", "store", "state", "door", "items")}
    told["ready_at"] = None if row.ready_at is None else write_instant(row.ready_at)
    return {name: value for name, value in told.items() if value is not None}


def _find(connection: Connection, id: str) -> Row[Any] | None:
    return connection.execute(select(*Pickup.__table__.columns).where(Pickup.id == id)).first()


def _whose(connection: Connection, order: PickupOrder, known: Row[Any] | None) -> str:
    uid = order.uid
    if order.card is not None:
        query = select(LoyaltyAccount.uid).where(LoyaltyAccount.card == order.card)
        uid = connection.execute(query).scalar()
        if uid is None or order.uid not in (None, uid):
            raise BadMessage("card", "is nobody's")
    if known is None and uid is None:
        raise BadMessage("card", "is missing: a new order says by card or uid whose it is")
    if known is not None and uid not in (None, known.uid):
        raise BadMessage("card" if order.card else "uid", "is another than the order's; make a new order")
    return str(uid or (known.uid if known is not None else ""))
