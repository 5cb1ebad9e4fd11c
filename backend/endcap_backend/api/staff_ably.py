"""`POST /v1/staff/ably-token`: a token that hears the calls for help of one store."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, Response

from endcap.messages import help_channel
from endcap.wire import ID_PATTERN, Message, wired, write_instant
from endcap_backend.api.auth import Guard
from endcap_backend.api.bodies import answer, read_message
from endcap_backend.api.imports import CHANGING
from endcap_backend.api.openapi import INSTANT, TEXT, Operation, object_of, operation, text
from endcap_backend.api.problems import Problem
from endcap_backend.api.roles import Role
from endcap_backend.api.tokens import AblyTokens

MAX_BYTES = 4 * 1024
LIFE_S = 3600.0


@dataclass(frozen=True, slots=True)
class Where(Message):
    """The store somebody works in."""

    store: str = wired("store", "text", "whose calls for help to hear", pattern=ID_PATTERN)


POST_TOKEN = Operation(
    "A token for the channel of a store's calls for help",
    "staff",
    {
        200: object_of(
            {
                "token": text("for Ably, as a JWT"),
                "client_id": TEXT,
                "expires_at": INSTANT,
                "channel": TEXT,
                "endpoint": text("where Ably is; empty: its cloud"),
            }
        )
    },
    body=Where.schema(),
    problems=CHANGING,
    role=Role.STAFF,
)


def blueprint(guard: Guard, tokens: AblyTokens | None, endpoint: str) -> Blueprint:
    routes = Blueprint("staff_ably", __name__)

    @routes.post("/v1/staff/ably-token")
    @operation(POST_TOKEN)
    def post_staff_ably_token() -> Response:
        employee = guard.staff(Role.STAFF)
        channel = help_channel(read_message(Where, MAX_BYTES).store)
        if tokens is None:
            raise Problem("unavailable", "this backend has no Ably key: set ENDCAP_ABLY_KEY", retry_after_s=60)
        client_id = f"staff-{employee.name}"
        token, expires_at = tokens.issue({channel: ["history", "subscribe"]}, LIFE_S, client_id=client_id)
        told = {"token": token, "client_id": client_id, "expires_at": write_instant(expires_at)}
        return answer({**told, "channel": channel, "endpoint": endpoint})

    return routes
