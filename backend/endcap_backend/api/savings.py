"""`GET /v1/coupons/history`: a shopper's purchases with a card, and what they saved her."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response

from endcap.wire import write_instant
from endcap_backend.api.auth import Guard
from endcap_backend.api.bodies import answer
from endcap_backend.api.coupon_json import CURRENCY, MONEY
from endcap_backend.api.openapi import COUNT, INSTANT, TEXT, Operation, object_of, operation
from endcap_backend.retail.database import Database
from endcap_backend.retail.history import History, history_of

HISTORY = Operation(
    "Her last 100 purchases with a card, and what each month saved her",
    "coupons",
    {
        200: object_of(
            {
                "currency": CURRENCY,
                "redemptions": {
                    "type": "array",
                    "items": object_of(
                        {
                            "id": TEXT,
                            "at": INSTANT,
                            "store": TEXT,
                            "total": MONEY,
                            "off": MONEY,
                            "points": COUNT,
                            "offers": {
                                "type": "array",
                                "items": object_of({"off": MONEY}, {"coupon": TEXT, "promotion": TEXT}),
                            },
                        },
                        {"reversed_at": INSTANT},
                    ),
                },
                "months": {"type": "array", "items": object_of({"month": TEXT, "off": MONEY, "purchases": COUNT})},
            }
        )
    },
    problems=("unauthorised", "too_many_requests", "unavailable"),
    bearer=True,
)


def blueprint(guard: Guard, database: Database, currency: str) -> Blueprint:
    routes = Blueprint("savings", __name__)

    @routes.get("/v1/coupons/history")
    @operation(HISTORY)
    def get_history() -> Response:
        uid = guard.shopper().uid
        with database.reading() as connection:
            found = history_of(connection, uid)
        return answer({"currency": currency, **_told(found)})

    return routes


def _told(found: History) -> dict[str, Any]:
    return {
        "redemptions": [
            {
                "id": each.id,
                "at": write_instant(each.at),
                "store": each.store,
                "total": each.total_cents / 100,
                "off": each.off_cents / 100,
                "points": each.points,
                "offers": [{source: offer, "off": off / 100} for source, offer, off in each.offers],
                **({"reversed_at": write_instant(each.reversed_at)} if each.reversed_at else {}),
            }
            for each in found.purchases
        ],
        "months": [
            {"month": month, "off": off / 100, "purchases": count} for month, (off, count) in found.months.items()
        ],
    }
