"""Coupons as the shop puts them: stored by id, what was redeemed of them kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from endcap_backend.retail.catalogue import Stored
from endcap_backend.retail.database import ROWS
from endcap_backend.retail.terms import CouponTerms, cents
from endcap_backend.retail.till_tables import Coupon

_TERMS = (
    "id", "title", "kind", "description", "value", "n", "m", "sku", "segment", "starts_at", "ends_at", "members_only",
    "tier", "stacking_group", "limit_per_shopper", "limit_in_all", "auto_clip",
)  # fmt: skip


def put_coupons(connection: Connection, coupons: Sequence[CouponTerms]) -> Stored:
    """Offer coupons; the latest terms of an id count, and what was clipped and redeemed of it stays."""
    total = Stored()
    for start in range(0, len(coupons), ROWS):
        total += _put(connection, coupons[start : start + ROWS])
    return total


def _put(connection: Connection, chunk: Sequence[CouponTerms]) -> Stored:
    columns = (Coupon.budget_cents, *(getattr(Coupon, name) for name in _TERMS))
    found = connection.execute(select(*columns).where(Coupon.id.in_([each.id for each in chunk])))
    known = {row.id: row._asdict() for row in found}
    rows = [_row(each) for each in chunk]
    new = [row for row in rows if row["id"] not in known]
    changed = [row for row in rows if known.get(row["id"], row) != row]
    if new:
        connection.execute(insert(Coupon), new)
    if changed:
        statement = update(Coupon).where(Coupon.id == bindparam("which"))
        connection.execute(statement, [{**row, "which": row["id"]} for row in changed])
    return Stored(len(new), len(changed), len(rows) - len(new) - len(changed))


def _row(coupon: CouponTerms) -> Mapping[str, Any]:
    return {
        "budget_cents": cents(coupon.budget),
        **{name: getattr(coupon, name) for name in _TERMS},
        "members_only": bool(coupon.members_only) or coupon.tier is not None,  # who has a tier has a card
        "limit_per_shopper": coupon.limit_per_shopper or 1,
        "auto_clip": bool(coupon.auto_clip),
    }
