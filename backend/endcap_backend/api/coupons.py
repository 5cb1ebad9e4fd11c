"""`/v1/coupons`: a shopper's coupons to clip and let go, and the best of them for a basket."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from flask import Blueprint, Response
from sqlalchemy import Connection

from endcap.clock import Clock
from endcap.errors import BadMessage
from endcap.wire import ID_PATTERN, write_instant
from endcap_backend.api.auth import Guard
from endcap_backend.api.bodies import answer, read_object
from endcap_backend.api.coupon_json import BASKET, COMBINATION, COUPON, CURRENCY, SAVING, coupon_json
from endcap_backend.api.openapi import INSTANT, TEXT, Operation, object_of, operation
from endcap_backend.api.problems import Problem, invalid
from endcap_backend.retail import loyalty, promoted, wallet
from endcap_backend.retail.combination import best
from endcap_backend.retail.database import Database
from endcap_backend.retail.offers import Applied, Combination
from endcap_backend.retail.purchase import BasketLine, as_lines, read_basket
from endcap_backend.retail.tiers import LoyaltyRules
from endcap_backend.retail.wallet import HerCoupon, NotForHer

MAX_BYTES = 64 * 1024  # a basket of 200 lines has 12

_READS = ("unauthorised", "too_many_requests", "unavailable")
_TAKES = (*_READS, "malformed", "too_large", "unsupported_media_type", "invalid")
GET_COUPONS = Operation(
    "Her coupons, those that end soonest first",
    "coupons",
    {200: object_of({"now": INSTANT, "currency": CURRENCY, "coupons": {"type": "array", "items": COUPON}})},
    problems=_READS,
    bearer=True,
)
CLIP = Operation(
    "Clip a coupon; a repeat changes nothing",
    "coupons",
    {200: COUPON},
    problems=(*_READS, "not_found", "conflict"),
    bearer=True,
)
UNCLIP = Operation("Let a coupon go", "coupons", {200: COUPON}, problems=(*_READS, "not_found"), bearer=True)
BEST = Operation(
    "The best combination for a basket, and why each other coupon is not in it",
    "coupons",
    {
        200: object_of(
            {
                **COMBINATION,
                "currency": CURRENCY,
                "worth_clipping": {"type": "array", "items": object_of({"coupon": TEXT, **SAVING})},
            }
        )
    },
    body=object_of({"basket": BASKET}),
    problems=_TAKES,
    bearer=True,
)


class CouponDesk:
    """What a shopper does with her coupons. Safe from any thread."""

    def __init__(self, database: Database, rules: LoyaltyRules, currency: str, clock: Clock) -> None:
        self._database = database
        self._rules = rules
        self._currency = currency
        self._clock = clock

    def coupons(self, uid: str) -> dict[str, Any]:
        """All there are for her; those that clip themselves are clipped by it."""
        now = self._clock.now()
        self.clip_what_clips_itself(uid, now)
        with self._database.reading() as connection:
            found = wallet.coupons_of(connection, uid, now)
        return {
            "now": write_instant(now),
            "currency": self._currency,
            "coupons": [coupon_json(each, now) for each in found],
        }

    def clip_what_clips_itself(self, uid: str, now: datetime) -> None:
        with self._database.reading() as connection:
            due = wallet.self_clipping(connection, uid, loyalty.buyer_of(connection, uid, self._rules, now), now)
        if due:
            with self._database.writing() as connection:
                wallet.clip_all(connection, uid, due, now)

    def clip(self, uid: str, coupon: str) -> dict[str, Any]:
        """Raises the problem 404 for none of that id, 409 for one that is not for her."""
        now = self._clock.now()
        with self._database.writing() as connection:
            buyer = loyalty.buyer_of(connection, uid, self._rules, now)
            try:
                found = wallet.clip(connection, uid, _known(coupon), buyer, now)
            except NotForHer as fault:
                raise Problem("conflict", str(fault)) from None
        return _found(found, now)

    def unclip(self, uid: str, coupon: str) -> dict[str, Any]:
        now = self._clock.now()
        with self._database.writing() as connection:
            found = wallet.unclip(connection, uid, _known(coupon), now)
        return _found(found, now)

    def best(self, uid: str, basket: list[BasketLine]) -> dict[str, Any]:
        """What the till would apply now, and what else would be worth clipping."""
        now = self._clock.now()
        self.clip_what_clips_itself(uid, now)
        with self._database.reading() as connection:
            found, tempting = self._combined(connection, uid, basket, now)
        return {
            **found.to_json(),
            "currency": self._currency,
            "worth_clipping": [each.to_json() for each in tempting],
        }

    def _combined(
        self, connection: Connection, uid: str, basket: list[BasketLine], now: datetime
    ) -> tuple[Combination, list[Applied]]:
        lines = as_lines(connection, basket)
        buyer = loyalty.buyer_of(connection, uid, self._rules, now)
        hers = wallet.coupons_of(connection, uid, now)
        clipped = [each.offer for each in hers if each.state == "clipped"]
        others = [each.offer for each in hers if each.state == "available"]
        live = promoted.offers_for(connection, uid, lines, now)
        with_all = best(lines, [*clipped, *others, *live], buyer, now).applied
        return best(lines, [*clipped, *live], buyer, now), [each for each in with_all if each.offer in others]


def blueprint(guard: Guard, desk: CouponDesk) -> Blueprint:
    routes = Blueprint("coupons", __name__)

    @routes.get("/v1/coupons")
    @operation(GET_COUPONS)
    def get_coupons() -> Response:
        return answer(desk.coupons(guard.shopper().uid))

    @routes.post("/v1/coupons/<coupon>/clip")
    @operation(CLIP)
    def post_clip(coupon: str) -> Response:
        return answer(desk.clip(guard.shopper().uid, coupon))

    @routes.delete("/v1/coupons/<coupon>/clip")
    @operation(UNCLIP)
    def delete_clip(coupon: str) -> Response:
        return answer(desk.unclip(guard.shopper().uid, coupon))

    @routes.post("/v1/coupons/best")
    @operation(BEST)
    def post_best() -> Response:
        uid = guard.shopper().uid
        try:
            basket = read_basket(read_object(MAX_BYTES))
        except BadMessage as fault:
            raise invalid(fault) from None
        return answer(desk.best(uid, basket))

    return routes


def _known(coupon: str) -> str:
    if not re.fullmatch(ID_PATTERN, coupon):
        raise Problem("not_found", "there is no coupon of that id")
    return coupon


def _found(found: HerCoupon | None, now: datetime) -> dict[str, Any]:
    if found is None:
        raise Problem("not_found", "there is no coupon of that id")
    return coupon_json(found, now)
