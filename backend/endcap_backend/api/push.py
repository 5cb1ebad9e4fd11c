"""`/v1/push`: a shopper's browser asks for notifications, or for no more."""

from __future__ import annotations

from collections.abc import Collection

from flask import Blueprint, Response

from endcap.consent import Purpose
from endcap.errors import BadMessage
from endcap_backend.api.auth import Guard
from endcap_backend.api.bodies import answer, read_object
from endcap_backend.api.openapi import TEXT, Operation, object_of, operation, text
from endcap_backend.api.problems import Problem, invalid
from endcap_backend.webpush.subscriptions import Subscription, Subscriptions

MAX_BYTES = 8 * 1024
_PROBLEMS = ("unauthorised", "too_many_requests", "unavailable")
GET_KEY = Operation(
    "The key a browser subscribes with",
    "shopper",
    {200: object_of({"key": text("applicationServerKey, in base64url")})},
    problems=("not_found",),
)
PUT_PUSH = Operation(
    "Notify this browser of her offers",
    "shopper",
    {204: None},
    body=object_of(
        {
            "endpoint": text("where its push service takes messages", format="uri", maxLength=1024),
            "keys": object_of({"p256dh": TEXT, "auth": TEXT}),
        },
        about="What PushSubscription.toJSON() gives.",
    ),
    problems=(
        "malformed", "consent_required", "not_found", "too_large", "unsupported_media_type", "invalid", *_PROBLEMS,
    ),
    bearer=True,
)  # fmt: skip
DELETE_PUSH = Operation("Notify none of her browsers any more", "shopper", {204: None}, problems=_PROBLEMS, bearer=True)


def blueprint(guard: Guard, subscriptions: Subscriptions, hosts: Collection[str], public_key: str) -> Blueprint:
    """`public_key` is "" for a shop that sends no notifications."""
    routes = Blueprint("push", __name__)

    @routes.get("/v1/push/key")
    @operation(GET_KEY)
    def get_key() -> Response:
        return answer({"key": _offered(public_key)})

    @routes.put("/v1/push")
    @operation(PUT_PUSH)
    def put_push() -> Response:
        shopper = guard.shopper(Purpose.PROMOTIONS)
        _offered(public_key)
        try:
            subscription = Subscription.from_json(read_object(MAX_BYTES), hosts)
        except BadMessage as fault:
            raise invalid(fault) from None
        subscriptions.keep(shopper.uid, subscription)
        return Response(status=204)

    @routes.delete("/v1/push")
    @operation(DELETE_PUSH)
    def delete_push() -> Response:
        subscriptions.end(guard.shopper().uid)
        return Response(status=204)

    return routes


def _offered(public_key: str) -> str:
    if not public_key:
        raise Problem("not_found", "this shop sends no notifications (setting push_contact)")
    return public_key
