"""`POST /v1/redemptions`: what a till does with a code and a basket; and taking it back."""

from __future__ import annotations

import re

from flask import Blueprint, Response

from endcap.errors import BadMessage
from endcap.wire import ID_PATTERN
from endcap_backend.api.auth import Guard
from endcap_backend.api.bodies import read_object
from endcap_backend.api.coupon_json import BASKET, COMBINATION, CURRENCY
from endcap_backend.api.coupons import MAX_BYTES
from endcap_backend.api.openapi import COUNT, INSTANT, TEXT, Operation, object_of, operation
from endcap_backend.api.problems import Problem, invalid
from endcap_backend.api.roles import Role
from endcap_backend.retail.codes import BadCode
from endcap_backend.retail.purchase import Answer, Purchase, Till
from endcap_backend.retail.redemption import Conflict, Redemptions, UnknownCard

_PROBLEMS = ("unauthorised", "forbidden", "conflict", "unavailable")
_TILL = Till.schema()
REDEEMED = object_of(
    {
        "id": TEXT,
        "at": INSTANT,
        **COMBINATION,
        "currency": CURRENCY,
        "points": {**COUNT, "description": "earned by this purchase"},
        "balance": {"type": "integer"},
    }
)
POST_REDEMPTIONS = Operation(
    "Redeem a basket at the till; the same again gets the same answer",
    "till",
    {201: REDEEMED, 200: REDEEMED},
    body={
        **_TILL,
        "required": [*_TILL["required"], "basket"],
        "properties": {**_TILL["properties"], "basket": BASKET},
    },
    problems=(*_PROBLEMS, "malformed", "gone", "too_large", "unsupported_media_type", "invalid"),
    role=Role.TILL,
)
POST_REVERSAL = Operation(
    "Take a purchase back; the same again gets the same answer",
    "till",
    {
        200: object_of(
            {"id": TEXT, "reversed_at": INSTANT, "points": {"type": "integer", "maximum": 0}},
            {"balance": {"type": "integer"}},
        )
    },
    problems=(*_PROBLEMS, "not_found"),
    role=Role.TILL,
)


def blueprint(guard: Guard, redemptions: Redemptions) -> Blueprint:
    routes = Blueprint("redemptions", __name__)

    @routes.post("/v1/redemptions")
    @operation(POST_REDEMPTIONS)
    def post_redemptions() -> Response:
        till = guard.staff(Role.TILL)
        try:
            found = redemptions.redeem(Purchase.from_json(read_object(MAX_BYTES)), till)
        except BadMessage as fault:
            raise invalid(fault) from None
        except BadCode as fault:
            raise Problem("invalid", f"code: {fault}", field="code") from None
        except Conflict as fault:
            raise Problem("conflict", str(fault)) from None
        except UnknownCard as fault:
            raise Problem("gone", str(fault)) from None
        return _said(found, 201 if found.new else 200)

    @routes.post("/v1/redemptions/<redemption>/reversal")
    @operation(POST_REVERSAL)
    def post_reversal(redemption: str) -> Response:
        till = guard.staff(Role.TILL)
        found = redemptions.reverse(redemption, till) if re.fullmatch(ID_PATTERN, redemption) else None
        if found is None:
            raise Problem("not_found", "there is no redemption of that id")
        return _said(found, 200)

    return routes


def _said(found: Answer, status: int) -> Response:
    """The answer as it is kept, so that a repeat is the same to the byte."""
    return Response(found.text, status, mimetype="application/json")
