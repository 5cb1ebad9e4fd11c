"""`/v1/loyalty`: her card, points and tier, and the code she shows at the till; `/v1/till/keys` to verify it with."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, Response, request
from sqlalchemy import Connection, Row

from endcap.clock import Clock
from endcap.wire import write_instant
from endcap_backend.api.auth import Guard
from endcap_backend.api.bodies import answer
from endcap_backend.api.coupons import CouponDesk
from endcap_backend.api.openapi import COUNT, INSTANT, TEXT, Operation, object_of, operation, text
from endcap_backend.api.problems import Problem
from endcap_backend.retail import loyalty, wallet
from endcap_backend.retail.codes import Code
from endcap_backend.retail.database import Database
from endcap_backend.retail.loyalty import Account
from endcap_backend.retail.tiers import LoyaltyRules, Tier
from endcap_backend.retail.tillkeys import TillKeys

KEYS_CACHE = "public, max-age=300"
MAX_LINE = 2**62  # of the ledger

_CARD = text("EAN-13", pattern="^[0-9]{13}$")
_TIER = object_of({"id": TEXT, "name": TEXT, "at": {**COUNT, "description": "the points that lead to it"}})
GET_LOYALTY = Operation(
    "Her card, points and tier; the first call opens her account",
    "loyalty",
    {
        200: object_of(
            {
                "card": object_of({"number": _CARD, "opened_at": INSTANT}),
                "balance": {"type": "integer"},
                "tier": object_of(
                    {"id": TEXT, "name": TEXT, "points": {**COUNT, "description": "that count for it: of a year"}},
                    {"next": _TIER},
                ),
                "tiers": {"type": "array", "items": _TIER},
                "expiring": {"type": "array", "items": object_of({"points": COUNT, "at": INSTANT})},
                "ledger": {
                    "type": "array",
                    "items": object_of(
                        {
                            "id": {"type": "integer"},
                            "at": INSTANT,
                            "points": {"type": "integer"},
                            "reason": text("why", enum=[loyalty.PURCHASE, loyalty.REVERSAL, loyalty.EXPIRED]),
                        },
                        {"store": TEXT, "redemption": TEXT},
                    ),
                },
                "brought_forward": {"type": "integer", "description": "the sum of the lines before those listed"},
            }
        )
    },
    problems=("unauthorised", "invalid", "too_many_requests", "unavailable"),
    bearer=True,
    parameters=(
        {
            "name": "before",
            "in": "query",
            "required": False,
            "schema": text("id of a line of the ledger: the 100 before it are listed"),
        },
    ),
)
POST_CODE = Operation(
    "The code she shows at the till, for the next minute",
    "loyalty",
    {
        200: object_of(
            {
                "code": text("what the QR holds, in its alphanumeric mode"),
                "expires_at": INSTANT,
                "card": _CARD,
                "coupons": {"type": "array", "items": TEXT, "description": "the clipped coupons it names"},
            }
        )
    },
    problems=("unauthorised", "too_many_requests", "unavailable"),
    bearer=True,
)
GET_KEYS = Operation(
    "The keys a till verifies codes with, as a JSON Web Key Set",
    "till",
    {
        200: object_of(
            {
                "keys": {
                    "type": "array",
                    "items": object_of(dict.fromkeys(("kty", "crv", "kid", "x", "use", "alg"), TEXT), about="RFC 8037"),
                }
            }
        )
    },
)


class LoyaltyDesk:
    """Cards and codes. Safe from any thread."""

    def __init__(
        self, database: Database, coupons: CouponDesk, keys: TillKeys, rules: LoyaltyRules, clock: Clock
    ) -> None:
        self._database = database
        self._coupons = coupons
        self._keys = keys
        self._rules = rules
        self._clock = clock

    def standing(self, uid: str, before: int | None = None) -> dict[str, Any]:
        """All about her card; it is made if she has none, and points that have expired are taken off."""
        now = self._clock.now()
        account = self._account(uid, now)
        with self._database.reading() as connection:
            due = loyalty.has_expired(connection, uid, now)
        if due:
            with self._database.writing() as connection:
                loyalty.expire(connection, uid, now)
        with self._database.reading() as connection:
            account = loyalty.account_of(connection, uid) or account
            return self._told(connection, account, now, before)

    def code(self, uid: str) -> dict[str, Any]:
        """A new code with her card and every coupon she has clipped."""
        now = self._clock.now()
        account = self._account(uid, now)
        self._coupons.clip_what_clips_itself(uid, now)
        with self._database.reading() as connection:
            clipped = wallet.clipped(connection, uid, now)
        key = self._keys.signing()
        code = Code.new(account.card, [each.row.number for each in clipped], now)
        return {
            "code": code.signed(key.kid, key.private),
            "expires_at": write_instant(code.expires_at),
            "card": account.card,
            "coupons": [each.offer.id for each in clipped],
        }

    def _account(self, uid: str, now: datetime) -> Account:
        with self._database.reading() as connection:
            account = loyalty.account_of(connection, uid)
        if account is not None:
            return account
        with self._database.writing() as connection:
            return loyalty.open_account(connection, uid, now)

    def _told(self, connection: Connection, account: Account, now: datetime, before: int | None) -> dict[str, Any]:
        points = loyalty.tier_points(connection, account.uid, now)
        tier, following = self._rules.tier_at(points), self._rules.next_tier(points)
        lines = loyalty.ledger(connection, account.uid, before)
        first = lines[-1].id if lines else before or 0
        return {
            "card": {"number": account.card, "opened_at": write_instant(account.opened_at)},
            "balance": account.balance,
            "tier": {
                "id": tier.id,
                "name": tier.name,
                "points": points,
                **({"next": _tier(following)} if following else {}),
            },
            "tiers": [_tier(each) for each in self._rules.tiers],
            "expiring": [
                {"points": left, "at": write_instant(day)}
                for day, left in loyalty.expiring(connection, account.uid, now)
            ],
            "ledger": [_line(row) for row in lines],
            "brought_forward": loyalty.points_before(connection, account.uid, first),
        }


def blueprint(guard: Guard, desk: LoyaltyDesk, keys: TillKeys) -> Blueprint:
    routes = Blueprint("loyalty", __name__)

    @routes.get("/v1/loyalty")
    @operation(GET_LOYALTY)
    def get_loyalty() -> Response:
        uid = guard.shopper().uid
        return answer(desk.standing(uid, _before(request.args.get("before"))))

    @routes.post("/v1/loyalty/code")
    @operation(POST_CODE)
    def post_code() -> Response:
        return answer(desk.code(guard.shopper().uid))

    @routes.get("/v1/till/keys")
    @operation(GET_KEYS)
    def get_keys() -> Response:
        response = answer(keys.jwks())
        response.headers["Cache-Control"] = KEYS_CACHE
        return response

    return routes


def _before(given: str | None) -> int | None:
    if given is None:
        return None
    if not (given.isascii() and given.isdigit() and len(given) < 20 and int(given) <= MAX_LINE):
        raise Problem("invalid", "before must be the id of a line of the ledger", field="before")
    return int(given)


def _tier(tier: Tier) -> dict[str, Any]:
    return {"id": tier.id, "name": tier.name, "at": tier.at}


def _line(row: Row[Any]) -> dict[str, Any]:
    line = {"id": row.id, "at": write_instant(row.at), "points": row.points, "reason": row.reason}
    more = {"store": row.store, "redemption": row.redemption}
    return line | {name: value for name, value in more.items() if value is not None}
