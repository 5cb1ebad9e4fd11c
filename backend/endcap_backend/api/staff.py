"""`POST` and `DELETE /v1/staff/sessions`: signing in and out, for those who work in the shop."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, Response, request

from endcap.wire import Message, wired, write_instant
from endcap_backend.api.auth import Guard
from endcap_backend.api.bodies import answer, read_message
from endcap_backend.api.limits import RateLimit
from endcap_backend.api.metrics import Metrics
from endcap_backend.api.openapi import INSTANT, Operation, object_of, operation, text
from endcap_backend.api.problems import Problem
from endcap_backend.api.roles import Role
from endcap_backend.api.tokens import STAFF, Tokens
from endcap_backend.retail.passwords import MAX_CHARS
from endcap_backend.retail.staff import Staff

MAX_BYTES = 4 * 1024


@dataclass(frozen=True, slots=True)
class SignIn(Message):
    """Who wants to begin work."""

    name: str = wired("name", "text", "of the account", max_chars=64)
    password: str = wired("password", "text", "as `endcap-backend staff add` was told it", max_chars=MAX_CHARS)


_PROBLEMS = ("malformed", "too_large", "unsupported_media_type", "invalid", "too_many_requests", "unavailable")
POST_SESSIONS = Operation(
    "Sign in",
    "staff",
    {
        201: object_of(
            {
                "token": text("for Authorization: Bearer"),
                "role": text("what she may do", enum=list(Role)),
                "expires_at": INSTANT,
            }
        )
    },
    body=SignIn.schema(),
    problems=(*_PROBLEMS, "unauthorised"),
)
DELETE_SESSIONS = Operation("Sign out", "staff", {204: None}, problems=("unauthorised", "unavailable"), staff=True)


class StaffDesk:
    """Lets in who knows the password, not too often for one name and address. Safe from any thread."""

    def __init__(self, staff: Staff, tokens: Tokens, metrics: Metrics, tries: RateLimit, life_s: float) -> None:
        self._staff = staff
        self._tokens = tokens
        self._metrics = metrics
        self._tries = tries
        self._life_s = life_s

    def enter(self, wanted: SignIn, address: str) -> dict[str, str]:
        """The token of a new session.

        Raises:
            Problem: 401 name and password are nobody's; 429 too many tries.
        """
        self._tries.spend(f"{address} {wanted.name}", "tries to sign in")
        employee = self._staff.recognise(wanted.name, wanted.password)
        number = self._staff.begin(wanted.name, self._life_s) if employee else None
        if employee is None or number is None:
            self._metrics.refused.labels("password").inc()
            raise Problem("unauthorised", "the name or the password is wrong")
        token, expires_at = self._tokens.issue(STAFF, wanted.name, self._life_s, sid=number)
        return {"token": token, "role": employee.role, "expires_at": write_instant(expires_at)}


def blueprint(desk: StaffDesk, guard: Guard, staff: Staff) -> Blueprint:
    routes = Blueprint("staff", __name__)

    @routes.post("/v1/staff/sessions")
    @operation(POST_SESSIONS)
    def post_staff_sessions() -> Response:
        return answer(desk.enter(read_message(SignIn, MAX_BYTES), request.remote_addr or ""), 201)

    @routes.delete("/v1/staff/sessions")
    @operation(DELETE_SESSIONS)
    def delete_staff_sessions() -> Response:
        staff.end(guard.staff_session())
        return Response(status=204)

    return routes
