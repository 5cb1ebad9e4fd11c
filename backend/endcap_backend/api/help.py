"""`/v1/help`: a shopper asks for somebody, staff answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

from flask import Blueprint, Response, request

from endcap.clock import Clock
from endcap.wire import ID_PATTERN
from endcap_backend.api.auth import Guard
from endcap_backend.api.bodies import answer, read_message, read_object
from endcap_backend.api.openapi import INSTANT, TEXT, Operation, object_of, operation, text
from endcap_backend.api.paths import id_in_path
from endcap_backend.api.problems import Problem
from endcap_backend.api.roles import Employee, Role
from endcap_backend.api.shoppers import Shopper
from endcap_backend.retail.audit import note
from endcap_backend.retail.database import Database
from endcap_backend.retail.help import (
    STATES,
    HelpCall,
    NotSo,
    State,
    Taken,
    TooOften,
    ask,
    become,
    find,
    help_json,
    waiting,
)

MAX_BYTES = 4 * 1024
HERS: tuple[State, ...] = ("cancelled",)  # what a shopper may make of her call
STAFFS: tuple[State, ...] = ("accepted", "coming", "done")

NUMBER = {"type": "number"}
HELP = object_of(
    {
        "id": TEXT,
        "state": text("how far it is", enum=list(STATES)),
        "store": TEXT,
        "asked_at": INSTANT,
        "changed_at": INSTANT,
    },
    {
        "section": TEXT,
        "sku": {"type": "integer"},
        "text": TEXT,
        "by": text("who of the staff takes care of it"),
        "latitude": {**NUMBER, "description": "to staff alone, while it is open"},
        "longitude": NUMBER,
    },
)
_ASKING = ("unauthorised", "too_many_requests", "unavailable", "not_found")
_SENDING = ("malformed", "too_large", "unsupported_media_type", "invalid")
POST_HELP = Operation(
    "Ask for somebody; who has asked already gets that call",
    "shopper",
    {200: HELP, 201: HELP},
    body=HelpCall.schema(),
    problems=("unauthorised", "too_many_requests", "unavailable", "conflict", *_SENDING),
    bearer=True,
)
GET_HELP = Operation("The open calls of a store, the oldest first", "staff",
    {200: object_of({"requests": {"type": "array", "items": HELP}})},
    problems=("unauthorised", "forbidden", "invalid"), role=Role.STAFF,
    parameters=({"name": "store", "in": "query", "required": True, "schema": {**TEXT, "pattern": f"^{ID_PATTERN}$"}},),
)  # fmt: skip
GET_ONE = Operation(
    "A call for help", "shopper", {200: HELP}, problems=(*_ASKING, "forbidden"), bearer=True, role=Role.STAFF
)
PATCH_ONE = Operation(
    "Take a call on, come, be done with it; she may take it back",
    "shopper",
    {200: HELP},
    body=object_of({"state": {"type": "string", "enum": [*STAFFS, *HERS]}}),
    problems=(*_ASKING, *_SENDING, "forbidden", "conflict"),
    bearer=True,
    role=Role.STAFF,
)


class HelpDesk:
    """Between shoppers' calls and who answers them. Safe from any thread."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def ask(self, uid: str, call: HelpCall) -> tuple[dict[str, Any], int]:
        """The call, and 201; 200 for the one of that id or that she has open already.

        Raises the problems 429 after three in an hour, 409 when another shopper's call has the id.
        """
        try:
            with self._database.writing() as connection:
                row, new = ask(connection, uid, call, self._clock.now())
        except TooOften as fault:
            raise Problem("too_many_requests", str(fault), retry_after_s=fault.retry_after_s) from None
        except Taken as fault:
            raise Problem("conflict", str(fault), field="id") from None
        return help_json(row, staff=False), 201 if new else 200

    def waiting(self, store: str) -> list[dict[str, Any]]:
        with self._database.reading() as connection:
            return [help_json(row, staff=True) for row in waiting(connection, store)]

    def one(self, id: str, who: Shopper | Employee) -> dict[str, Any]:
        """A call, to staff or to whose it is; the problem 404 for anybody else."""
        with self._database.reading() as connection:
            return help_json(_seen(find(connection, id), who), staff=isinstance(who, Employee))

    def change(self, id: str, who: Shopper | Employee, body: Mapping[str, Any]) -> dict[str, Any]:
        """The call in its new state. Raises the problems 404, 409 when it is past that, 422 for no such state."""
        staff = isinstance(who, Employee)
        allowed, state = STAFFS if staff else HERS, body.get("state")
        if state not in allowed:
            raise Problem("invalid", f"state must be one of {', '.join(allowed)}", field="state")
        now = self._clock.now()
        try:
            with self._database.writing() as connection:
                row = _seen(find(connection, id), who)
                by = who.name if isinstance(who, Employee) else None
                row, changed = become(connection, row, cast(State, state), by, now)
                if changed and isinstance(who, Employee):
                    note(connection, who, now, str(state), f"help/{id}", {"store": row.store})
        except NotSo as fault:
            raise Problem("conflict", f"{fault} already") from None
        return help_json(row, staff=staff)


def blueprint(guard: Guard, desk: HelpDesk) -> Blueprint:
    routes = Blueprint("help", __name__)

    @routes.post("/v1/help")
    @operation(POST_HELP)
    def post_help() -> Response:
        shopper = guard.shopper()
        body, status = desk.ask(shopper.uid, read_message(HelpCall, MAX_BYTES))
        return answer(body, status)

    @routes.get("/v1/help")
    @operation(GET_HELP)
    def get_help() -> Response:
        guard.staff(Role.STAFF)
        store = request.args.get("store", "")
        if not re.fullmatch(ID_PATTERN, store):
            raise Problem("invalid", "store must name one", field="store")
        return answer({"requests": desk.waiting(store)})

    @routes.get("/v1/help/<id>")
    @operation(GET_ONE)
    def get_one(id: str) -> Response:
        return answer(desk.one(id_in_path(id), guard.either(Role.STAFF)))

    @routes.patch("/v1/help/<id>")
    @operation(PATCH_ONE)
    def patch_one(id: str) -> Response:
        who = guard.either(Role.STAFF)
        return answer(desk.change(id_in_path(id), who, read_object(MAX_BYTES)))

    return routes


def _seen(row: Any, who: Shopper | Employee) -> Any:
    if row is None or (isinstance(who, Shopper) and row.uid != who.uid):
        raise Problem("not_found", "there is no such call for help")
    return row
