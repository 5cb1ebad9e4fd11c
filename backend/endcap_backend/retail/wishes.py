"""Who wishes what, in bulk: what deciding needs of the wishlists."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Connection, Row, Select, or_, select

from endcap_backend.decide.knowledge import Wish
from endcap_backend.retail.database import ROWS
from endcap_backend.retail.shop_tables import WishlistItem

Wishes = dict[str, tuple[Wish, ...]]


def wishes_of(connection: Connection, uids: Collection[str] | None = None) -> Wishes:
    """What these shoppers, or all, still look for: items neither done nor removed that name a product or a segment.

    By uid, each list as she ordered it; who wishes nothing is left out.
    """
    query = _open().order_by(WishlistItem.uid, WishlistItem.position, WishlistItem.id)
    if uids is None:
        return _by_uid(connection.execute(query))
    asked = sorted(uids)
    found: Wishes = {}
    for start in range(0, len(asked), ROWS):
        found |= _by_uid(connection.execute(query.where(WishlistItem.uid.in_(asked[start : start + ROWS]))))
    return found


def wishes_for(connection: Connection, sku: int, segment: str) -> Wishes:
    """Who looks for this product, by its SKU or, where she names none, by its segment."""
    by_segment = WishlistItem.sku.is_(None) & (WishlistItem.segment == segment)
    query = _open().where(or_(WishlistItem.sku == sku, by_segment))
    return _by_uid(connection.execute(query.order_by(WishlistItem.uid, WishlistItem.position, WishlistItem.id)))


def _open() -> Select[str, str, int | None, str | None, int | None]:
    item = WishlistItem
    return select(item.uid, item.text, item.sku, item.segment, item.price_alert_cents).where(
        item.done.is_(False), item.removed.is_(False), or_(item.sku.is_not(None), item.segment.is_not(None))
    )


def _by_uid(rows: Iterable[Row[Any]]) -> Wishes:
    found: dict[str, list[Wish]] = {}
    for row in rows:
        cents = row.price_alert_cents
        found.setdefault(row.uid, []).append(
            Wish(row.text, row.sku, row.segment, None if cents is None else cents / 100)
        )
    return {uid: tuple(each) for uid, each in found.items()}
