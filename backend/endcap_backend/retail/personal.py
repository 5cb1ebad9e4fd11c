"""What the shop's database holds of one shopper: which tables, how it is handed out, and how it is erased.

A module whose tables bear a uid adds them to `PERSONAL`; `GET /v1/me/export` and `DELETE /v1/me` follow.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, delete, select, update
from sqlalchemy.orm import DeclarativeBase

from endcap.wire import write_instant
from endcap_backend.retail.knowing_tables import ShopperChange, ShopperPreferences
from endcap_backend.retail.schema import Outbox
from endcap_backend.retail.shop_tables import HelpRequest, Notice, Pickup, SharedList, Wishlist, WishlistItem
from endcap_backend.retail.till_tables import Clip, LoyaltyAccount, LoyaltyEntry, Redemption
from endcap_backend.webpush.tables import PushSubscription

Erase = Callable[[Connection, str], int]


@dataclass(frozen=True, slots=True)
class Personal:
    """Rows of a table that are hers: those whose column `uid` names her.

    `erase` deletes them unless it is given; it returns how many rows bore her uid. `hidden` columns are no part of an
    export: they tell nothing of her.
    """

    table: type[DeclarativeBase]
    uid: str = "uid"
    hidden: tuple[str, ...] = ()
    erase: Erase | None = None

    def of(self, connection: Connection, uid: str) -> list[dict[str, Any]]:
        """Her rows as JSON objects, in the order of the primary key."""
        table = self._table
        shown = [column for column in table.columns if column.name not in (*self.hidden, self.uid)]
        query = select(*shown).where(table.columns[self.uid] == uid).order_by(*table.primary_key)
        return [
            {name: _exported(value) for name, value in row.items() if value is not None}
            for row in connection.execute(query).mappings()
        ]

    def forget(self, connection: Connection, uid: str) -> int:
        if self.erase is not None:
            return self.erase(connection, uid)
        return connection.execute(delete(self.table).where(self._table.columns[self.uid] == uid)).rowcount

    @property
    def name(self) -> str:
        return str(self.table.__tablename__)

    @property
    def _table(self) -> Table:
        assert isinstance(self.table.__table__, Table)
        return self.table.__table__


def _let_go(connection: Connection, uid: str) -> int:
    """The purchase stays in the shop's books; whose it was does not."""
    statement = update(Redemption).where(Redemption.uid == uid).values(uid=None, asked="", answer="{}", reversal=None)
    return connection.execute(statement).rowcount


# Rows that point to others stand before them.
PERSONAL: list[Personal] = [
    Personal(WishlistItem),
    Personal(Wishlist),
    Personal(SharedList, hidden=("code",)),
    Personal(HelpRequest),
    Personal(Pickup),
    Personal(Notice, hidden=("channel",)),
    Personal(Clip),
    Personal(LoyaltyEntry),
    Personal(LoyaltyAccount),
    Personal(Redemption, hidden=("nonce", "asked", "till"), erase=_let_go),
    Personal(PushSubscription, hidden=("p256dh", "auth")),
    Personal(ShopperPreferences),
    Personal(ShopperChange),  # the last: what erases the others may write it
]


TABLES = [each.table for each in PERSONAL] + [Outbox]


def export_of(connection: Connection, uid: str) -> dict[str, list[dict[str, Any]]]:
    """All that is held of her, by table."""
    return {each.name: each.of(connection, uid) for each in PERSONAL}


def forget(connection: Connection, uid: str) -> int:
    """Erase her from every table, and what waits in the outbox about her; returns how many rows bore her uid."""
    connection.execute(
        select(LoyaltyAccount.uid).where(LoyaltyAccount.uid == uid).with_for_update()
    )  # tills do so first
    waiting = connection.execute(delete(Outbox).where(Outbox.key == uid)).rowcount
    return waiting + sum(each.forget(connection, uid) for each in PERSONAL)


def _exported(value: object) -> object:
    if isinstance(value, datetime):
        return write_instant(value)
    if isinstance(value, str) and value.startswith("{"):
        return _parsed(value)
    return value


def _parsed(text: str) -> object:
    """A document kept as text, as the document it is."""
    try:
        return json.loads(text)
    except ValueError:
        return text
