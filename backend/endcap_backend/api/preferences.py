"""`/v1/me/preferences`: when and of what a shopper wants to hear."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response

from endcap.errors import BadMessage
from endcap.messages import ALERT_KINDS
from endcap_backend.api.auth import Guard
from endcap_backend.api.bodies import answer, read_object
from endcap_backend.api.openapi import Operation, object_of, operation, text
from endcap_backend.api.problems import invalid
from endcap_backend.retail.database import Database
from endcap_backend.retail.preferences import Preferences, preferences_of, put_preferences

MAX_BYTES = 4 * 1024
_PROBLEMS = ("unauthorised", "too_many_requests", "unavailable")
PREFERENCES = object_of(
    {},
    {
        "quiet_hours": {"type": ["string", "null"], "description": "hours without offers, such as 22:00-07:00"},
        "timezone": {"type": ["string", "null"], "description": "of those hours; null: the shop's"},
        "muted": {
            "type": "array",
            "items": text("a kind of alert she does not want", enum=list(ALERT_KINDS)),
            "uniqueItems": True,
        },
    },
)
GET = Operation("When and of what she wants to hear", "shopper", {200: PREFERENCES}, problems=_PROBLEMS, bearer=True)
PUT = Operation(
    "Replace when and of what she wants to hear",
    "shopper",
    {200: PREFERENCES},
    body=PREFERENCES,
    problems=("malformed", "too_large", "unsupported_media_type", "invalid", *_PROBLEMS),
    bearer=True,
)


def blueprint(guard: Guard, database: Database) -> Blueprint:
    routes = Blueprint("preferences", __name__)

    @routes.get("/v1/me/preferences")
    @operation(GET)
    def get_preferences() -> Response:
        uid = guard.shopper().uid
        with database.reading() as connection:
            return answer(_written(preferences_of(connection, [uid]).get(uid, Preferences())))

    @routes.put("/v1/me/preferences")
    @operation(PUT)
    def put() -> Response:
        uid = guard.shopper().uid
        try:
            preferences = _read(read_object(MAX_BYTES))
        except BadMessage as fault:
            raise invalid(fault) from None
        with database.writing() as connection:
            put_preferences(connection, uid, preferences)
        return answer(_written(preferences))

    return routes


def _read(body: Mapping[str, Any]) -> Preferences:
    """What is left out is as if she never said it."""
    said = {name: body.get(name) for name in ("quiet_hours", "timezone")}
    for name, value in said.items():
        if value is not None and not isinstance(value, str):
            raise BadMessage(name, "must be text, or null")
    muted = body.get("muted", [])
    if not isinstance(muted, list) or not all(isinstance(kind, str) for kind in muted):
        raise BadMessage("muted", "must be a list of kinds of alert")
    return Preferences(said["quiet_hours"], said["timezone"], frozenset(muted))


def _written(preferences: Preferences) -> dict[str, Any]:
    return {
        "quiet_hours": preferences.quiet_hours,
        "timezone": preferences.timezone,
        "muted": sorted(preferences.muted),
    }
