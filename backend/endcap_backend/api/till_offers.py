"""`GET /v1/till/offers/{store}`: what a till keeps, to price a basket while the backend is out of its reach."""

from __future__ import annotations

from flask import Blueprint, Response

from endcap.clock import Clock
from endcap_backend.api.auth import Guard
from endcap_backend.api.bodies import answer
from endcap_backend.api.coupon_json import CURRENCY
from endcap_backend.api.openapi import INSTANT, TEXT, Operation, object_of, operation
from endcap_backend.api.paths import id_in_path
from endcap_backend.api.roles import Role
from endcap_backend.retail.database import Database
from endcap_backend.retail.held import held_for

OFFERS = {"type": "array", "items": {"type": "object"}}
GET_OFFERS = Operation(
    "Prices and offers of a store, for a till to keep",
    "till",
    {
        200: object_of(
            {
                "store": TEXT,
                "at": INSTANT,
                "currency": CURRENCY,
                "prices": {"type": "array", "items": {"type": "array", "minItems": 4, "maxItems": 4}},
                "promotions": OFFERS,
                "coupons": OFFERS,
            }
        )
    },
    problems=("unauthorised", "forbidden", "not_found", "unavailable"),
    role=Role.TILL,
)


def blueprint(guard: Guard, database: Database, currency: str, clock: Clock) -> Blueprint:
    routes = Blueprint("till_offers", __name__)

    @routes.get("/v1/till/offers/<store>")
    @operation(GET_OFFERS)
    def get_offers(store: str) -> Response:
        guard.staff(Role.TILL)
        with database.reading() as connection:
            return answer(held_for(connection, id_in_path(store), clock.now(), currency).to_json())

    return routes
