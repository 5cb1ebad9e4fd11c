"""A shopper's list: what two devices say of it meets item by item, the later word counting; and links to it."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from endcap.errors import BadMessage
from endcap.wire import BIGINT_MAX, ID_PATTERN, Message, epoch_ms, from_epoch_ms, wired
from endcap_backend.retail.database import upsert
from endcap_backend.retail.shop_tables import SharedList, Wishlist, WishlistItem
from endcap_backend.retail.terms import MAX_MONEY, cents

MOST_ITEMS = 500  # on a list; nobody shops for more
REMOVED_KEPT = timedelta(days=90)  # a device that was away for longer brings its items back
AHEAD = timedelta(minutes=5)  # a device's clock may be ahead of ours by so much; else its word would count for ever
SHARED_FOR = timedelta(days=7)
MOST_SHARED = 10  # links of one shopper at a time; then the oldest ends

_FIELDS = ("id", "text", "sku", "segment", "quantity", "note", "position", "done", "removed", "changed_at")


@dataclass(frozen=True, slots=True)
class ListItem(Message):
    """One thing on a list. A removed one stays for a while, so that no other device brings it back."""

    id: str = wired("id", "text", "made where it was added", pattern=ID_PATTERN)
    text: str = wired("text", "text", "what she wrote", max_chars=128)
    changed_at: datetime = wired("changed_at", "instant", "of two writings of an item the later counts")
    sku: int | None = wired("sku", "integer", "the product", default=None, minimum=0, maximum=BIGINT_MAX)
    segment: str | None = wired("segment", "text", "the kind of product", default=None, max_chars=64)
    quantity: int = wired("quantity", "integer", "how many", default=1, minimum=1, maximum=999)
    note: str | None = wired("note", "text", "for herself", default=None)
    price_alert: float | None = wired(
        "price_alert", "number", "she wants to hear when it costs no more than this", default=None, unit="currency",
        minimum=0, maximum=MAX_MONEY,
    )  # fmt: skip
    position: float = wired("position", "number", "her own order", default=0.0, minimum=-1e12, maximum=1e12)
    done: bool = wired("done", "flag", "in the basket", default=False)
    removed: bool = wired("removed", "flag", "taken off", default=False)


@dataclass(frozen=True, slots=True)
class HerList:
    """All items, in her order; those taken off last. `version` counts the merges that changed it."""

    version: int
    items: tuple[ListItem, ...]

    def to_json(self) -> dict[str, Any]:
        return {"version": self.version, "items": [each.to_json() for each in self.items]}


def list_of(connection: Connection, uid: str) -> HerList:
    """Her list as it stands; empty where there is none."""
    version = connection.execute(select(Wishlist.version).where(Wishlist.uid == uid)).scalar() or 0
    query = select(*WishlistItem.__table__.columns).where(WishlistItem.uid == uid)
    rows = connection.execute(query.order_by(WishlistItem.removed, WishlistItem.position, WishlistItem.id))
    return HerList(version, tuple(_item(row) for row in rows))


def merge(connection: Connection, uid: str, items: Sequence[ListItem], now: datetime) -> HerList:
    """Her list with these items: of each the later word counts, and of two at the same moment always the same one.

    So the order of merges makes no difference, and a repeat changes nothing. Items taken off long ago are forgotten.

    Raises:
        BadMessage: the list would be too long.
    """
    version = _begin(connection, uid)
    known = {each.id: each for each in list_of(connection, uid).items}
    changed: dict[str, ListItem] = {}
    for item in items:
        item = _settled(item, now)
        before = changed.get(item.id) or known.get(item.id)
        if before is None or _precedence(item) > _precedence(before):
            changed[item.id] = item
    after = {**known, **changed}
    if sum(not each.removed for each in after.values()) > MOST_ITEMS or len(after) > 4 * MOST_ITEMS:
        raise BadMessage("items", f"make the list longer than {MOST_ITEMS}")
    if changed:
        upsert(connection, WishlistItem, [_row(uid, each) for each in changed.values()])
        connection.execute(update(Wishlist).where(Wishlist.uid == uid).values(version=version + 1))
    forgotten = WishlistItem.removed & (WishlistItem.changed_at < now - REMOVED_KEPT)
    connection.execute(delete(WishlistItem).where(WishlistItem.uid == uid, forgotten))
    return list_of(connection, uid)


def share(connection: Connection, uid: str, now: datetime) -> tuple[str, datetime]:
    """A code that shows her list to whoever has it, and until when."""
    expires_at = now + SHARED_FOR
    connection.execute(delete(SharedList).where(SharedList.expires_at <= now))
    hers = select(SharedList.code).where(SharedList.uid == uid).order_by(SharedList.expires_at.desc())
    oldest = list(connection.execute(hers).scalars())[MOST_SHARED - 1 :]
    connection.execute(delete(SharedList).where(SharedList.code.in_(oldest)))
    code = secrets.token_urlsafe(16)
    connection.execute(insert(SharedList).values(code=_digest(code), uid=uid, expires_at=expires_at))
    return code, expires_at


def shared(connection: Connection, code: str, now: datetime) -> list[ListItem] | None:
    """What is still to be fetched of the list that a code shows; None when there is none, or no longer."""
    query = select(SharedList.uid).where(SharedList.code == _digest(code), SharedList.expires_at > now)
    uid = connection.execute(query).scalar()
    if uid is None:
        return None
    return [each for each in list_of(connection, uid).items if not each.removed and not each.done]


def _begin(connection: Connection, uid: str) -> int:
    """Her list, made when she has none, and locked: two devices merge one after the other. Its version."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    connection.execute(dialect.insert(Wishlist).values(uid=uid, version=0).on_conflict_do_nothing())
    query = select(Wishlist.version).where(Wishlist.uid == uid).with_for_update()
    return connection.execute(query).scalar_one()


def _settled(item: ListItem, now: datetime) -> ListItem:
    """As the table holds it: to the millisecond and the hundredth, and of no later than now."""
    changed_at = from_epoch_ms(epoch_ms(min(item.changed_at, now + AHEAD)))
    price_alert = None if item.price_alert is None else round(item.price_alert, 2)
    return replace(item, changed_at=changed_at, price_alert=price_alert)


def _precedence(item: ListItem) -> tuple[datetime, str]:
    return item.changed_at, item.to_text()


def _item(row: Row[Any]) -> ListItem:
    price_alert = None if row.price_alert_cents is None else row.price_alert_cents / 100
    return ListItem(price_alert=price_alert, **{name: getattr(row, name) for name in _FIELDS})


def _row(uid: str, item: ListItem) -> dict[str, Any]:
    told = {name: getattr(item, name) for name in _FIELDS}
    return {"uid": uid, "price_alert_cents": cents(item.price_alert), **told}


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode("utf-8", "surrogatepass")).hexdigest()
