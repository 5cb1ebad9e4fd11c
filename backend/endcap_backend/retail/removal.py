"""Taking things off: a product off its shelf, a promotion off the shop. The same transaction tells the topics."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, delete, exists, select, update

from endcap.messages import StoreProduct
from endcap.wire import epoch_ms
from endcap_backend.retail.catalogue import placements_by, promotions_by, put_promotions, tell
from endcap_backend.retail.schema import NO_STORE, Placement, Promotion
from endcap_backend.retail.terms import ShopPromotion
from endcap_backend.retail.till_tables import RedeemedOffer


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """A promotion that was taken off. `archived`: purchases in the books name it, so its row is kept, out of sight."""

    promotion: ShopPromotion  # as it ended
    archived: bool
    now: bool  # False: that was done before, and nothing has changed


def remove_placement(connection: Connection, sku: int, store: str | None, at_ms: int) -> StoreProduct | None:
    """Take a product off its shelf in a store (None: in that of the records that name none); what stood there.

    What the product is stays known: lists and coupons name it, and it may come back.
    """
    name = store or NO_STORE
    where = (Placement.sku == sku, Placement.store == name)
    product = placements_by(connection, where[0] & where[1]).get((sku, name))
    if product is None or not connection.execute(delete(Placement).where(*where)).rowcount:
        return None
    # out of stock as well: an engine that knows nothing of removals, such as the SQL ones, then stops, too
    tell(connection, [replace(product, stock=0, removed=True)], at_ms)
    return product


def end_promotion(connection: Connection, pid: str, now: datetime) -> Withdrawn | None:
    """End a promotion, unless it is over; None when there is none of that id."""
    promotion = promotions_by(connection, Promotion.pid == pid).get(pid)
    if promotion is None:
        return None
    if promotion.ends_at is not None and promotion.ends_at <= now:
        return Withdrawn(promotion, archived=False, now=False)
    over = _ended(promotion, now)
    put_promotions(connection, [over], epoch_ms(now))
    return Withdrawn(over, archived=False, now=True)


def remove_promotion(connection: Connection, pid: str, now: datetime) -> Withdrawn | None:
    """End a promotion and forget it, or put it away where a purchase was made with it; None when there is none."""
    query = select(Promotion.archived_at).where(Promotion.pid == pid).with_for_update()  # a till that uses it is first
    row = connection.execute(query).first()
    ended = end_promotion(connection, pid, now) if row is not None else None
    if row is None or ended is None:
        return None
    if row.archived_at is not None:
        return replace(ended, archived=True)
    if _redeemed(connection, pid):
        connection.execute(update(Promotion).where(Promotion.pid == pid).values(archived_at=now))
        return replace(ended, archived=True, now=True)
    connection.execute(delete(Promotion).where(Promotion.pid == pid))
    return replace(ended, now=True)


def _ended(promotion: ShopPromotion, at: datetime) -> ShopPromotion:
    begun = promotion.starts_at is None or promotion.starts_at < at
    return replace(promotion, starts_at=promotion.starts_at if begun else None, ends_at=at)


def _redeemed(connection: Connection, pid: str) -> bool:
    """Whether a purchase was made with it; one that was taken back stands in the books, too."""
    query = exists().where(RedeemedOffer.source == "promotion", RedeemedOffer.offer == pid)
    return bool(connection.execute(select(query)).scalar())
