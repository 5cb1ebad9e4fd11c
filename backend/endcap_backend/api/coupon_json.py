"""A shopper's coupon and what offers take off, as the API tells them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from endcap.wire import write_instant
from endcap_backend.api.openapi import COUNT, INSTANT, TEXT, object_of, text
from endcap_backend.retail.purchase import MAX_LINES, BasketLine
from endcap_backend.retail.terms import OFFER_KINDS
from endcap_backend.retail.wallet import STATES, HerCoupon

MONEY: dict[str, Any] = {"type": "number", "minimum": 0, "description": "in the shop's currency"}
CURRENCY = text("ISO 4217 code of the shop's money", pattern="^[A-Z]{3}$")
COUPON = object_of(
    {
        "id": TEXT,
        "title": TEXT,
        "kind": text("what it takes off", enum=list(OFFER_KINDS)),
        "value": {"type": ["number", "null"], "description": "per cent, or in the shop's currency; n_for_m: null"},
        "members_only": {"type": "boolean"},
        "limit_left": {**COUNT, "description": "times she may still redeem it"},
        "auto_clip": {"type": "boolean"},
        "state": text("how it stands for her", enum=list(STATES)),
    },
    {
        "description": TEXT,
        "n": COUNT,
        "m": COUNT,
        "sku": {"type": "integer"},
        "segment": TEXT,
        "starts_at": INSTANT,
        "ends_at": INSTANT,
        "ends_in_s": {**COUNT, "description": "seconds until it ends, by the backend's clock"},
        "tier": TEXT,
        "stacking_group": TEXT,
        "clipped_at": INSTANT,
        "redeemed_at": INSTANT,
    },
)
BASKET = {"type": "array", "minItems": 1, "maxItems": MAX_LINES, "items": BasketLine.schema()}
SAVING = {"title": TEXT, "off": MONEY, "why": TEXT}
COMBINATION = {
    "applied": {"type": "array", "items": object_of({"coupon": TEXT, **SAVING})},
    "promotions": {"type": "array", "items": object_of({"promotion": TEXT, **SAVING})},
    "refused": {
        "type": "array",
        "items": object_of({"coupon": TEXT, "title": TEXT, "because": text("for a program"), "reason": TEXT}),
    },
    "total": {**MONEY, "description": "what remains to pay"},
    "off": {**MONEY, "description": "what is taken off"},
}


def coupon_json(found: HerCoupon, now: datetime) -> dict[str, Any]:
    """A coupon as it stands for her."""
    row, offer = found.row, found.offer
    said = {
        "id": row.id,
        "title": row.title,
        "description": row.description,
        "kind": row.kind,
        "n": row.n,
        "m": row.m,
        "sku": row.sku,
        "segment": row.segment,
        "starts_at": _instant(row.starts_at),
        "ends_at": _instant(row.ends_at),
        "ends_in_s": None if row.ends_at is None else max(0, int((row.ends_at - now).total_seconds())),
        "members_only": offer.members_only,
        "tier": row.tier,
        "stacking_group": row.stacking_group,
        "limit_left": found.left,
        "auto_clip": row.auto_clip,
        "state": found.state,
        "clipped_at": _instant(row.clipped_at),
        "redeemed_at": _instant(row.redeemed_at),
    }
    return {**{name: value for name, value in said.items() if value is not None}, "value": row.value}


def _instant(moment: datetime | None) -> str | None:
    return None if moment is None else write_instant(moment)
