"""`/v1/pickups`: orders that wait to be collected."""

from __future__ import annotations

from flask import Blueprint, Response

from endcap.clock import Clock
from endcap.errors import BadMessage
from endcap_backend.api.auth import Guard
from endcap_backend.api.bodies import answer, read_message
from endcap_backend.api.imports import CHANGING
from endcap_backend.api.openapi import COUNT, INSTANT, TEXT, Operation, object_of, operation, text
from endcap_backend.api.paths import id_in_path
from endcap_backend.api.problems import invalid
from endcap_backend.api.roles import Role
from endcap_backend.retail.audit import note
from endcap_backend.retail.database import Database
from endcap_backend.retail.pickup import STATES, PickupOrder, pickup_json, pickups_of, put_pickup

MAX_BYTES = 4 * 1024
ORDER = object_of(
    {"id": TEXT, "store": TEXT, "state": text("how far it is", enum=list(STATES)), "items": COUNT},
    {"door": text("a door of the store's plan"), "ready_at": INSTANT},
)
GET_PICKUPS = Operation(
    "Her orders, the latest change first",
    "shopper",
    {200: object_of({"orders": {"type": "array", "items": ORDER}})},
    problems=("unauthorised", "too_many_requests", "unavailable"),
    bearer=True,
)
PUT_PICKUP = Operation(
    "Say how far an order is; she is told when it is ready",
    "staff",
    {200: ORDER},
    body=PickupOrder.schema(),
    problems=(*CHANGING, "not_found"),
    role=Role.STAFF,
)


def blueprint(guard: Guard, database: Database, clock: Clock) -> Blueprint:
    routes = Blueprint("pickups", __name__)

    @routes.get("/v1/pickups")
    @operation(GET_PICKUPS)
    def get_pickups() -> Response:
        shopper = guard.shopper()
        with database.reading() as connection:
            return answer({"orders": [pickup_json(row) for row in pickups_of(connection, shopper.uid)]})

    @routes.put("/v1/pickups/<id>")
    @operation(PUT_PICKUP)
    def put(id: str) -> Response:
        employee = guard.staff(Role.STAFF)
        order, number, now = read_message(PickupOrder, MAX_BYTES), id_in_path(id), clock.now()
        try:
            with database.writing() as connection:
                row = put_pickup(connection, number, order, now)
                note(connection, employee, now, order.state, f"pickups/{number}", {"store": order.store})
        except BadMessage as fault:
            raise invalid(fault) from None
        return answer(pickup_json(row))

    return routes
