"""`POST /v1/ably-token`: a short token for a shopper's own two channels, as far as she has agreed to each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, request

from endcap.consent import Purpose
from endcap.messages import location_channel, promotions_channel
from endcap.wire import write_instant
from endcap_backend.api.auth import Guard
from endcap_backend.api.bodies import answer, read_object
from endcap_backend.api.openapi import INSTANT, TEXT, Operation, object_of, operation, text
from endcap_backend.api.problems import Problem
from endcap_backend.api.shoppers import Shopper
from endcap_backend.api.tokens import AblyTokens

MAX_BYTES = 4 * 1024


@dataclass(frozen=True, slots=True)
class _Audience:
    life_s: float
    purposes: tuple[Purpose, ...]
    promotions: tuple[str, ...]  # what may be done on her channel of offers


AUDIENCES = {
    "phone": _Audience(3600.0, (Purpose.LOCATION, Purpose.PROMOTIONS), ("history", "subscribe")),
    "page": _Audience(300.0, (Purpose.PROMOTIONS,), ("subscribe",)),  # stands in a URL, which proxies log
}
POST_ABLY_TOKEN = Operation(
    "A token for her Ably channels",
    "shopper",
    {
        200: object_of(
            {
                "token": text("for Ably, as a JWT"),
                "client_id": text("what the token is bound to: her uid"),
                "expires_at": INSTANT,
                "capability": {"type": "object", "additionalProperties": {"type": "array", "items": TEXT}},
                "channels": object_of({"location": TEXT, "promotions": TEXT}),
                "endpoint": text("where Ably is; empty: its cloud"),
            }
        )
    },
    body=object_of({}, {"for": {"type": "string", "enum": list(AUDIENCES), "default": "phone"}}),
    body_required=False,
    problems=(
        "malformed", "unauthorised", "consent_required", "too_large", "unsupported_media_type", "invalid",
        "too_many_requests", "unavailable",
    ),
    bearer=True,
)  # fmt: skip


def blueprint(guard: Guard, tokens: AblyTokens | None, endpoint: str) -> Blueprint:
    routes = Blueprint("ably_token", __name__)

    @routes.post("/v1/ably-token")
    @operation(POST_ABLY_TOKEN)
    def post_ably_token() -> Response:
        shopper = guard.shopper()
        audience = _audience(read_object(MAX_BYTES) if request.content_length else {})
        capability = _capability(shopper, audience)
        if tokens is None:
            raise Problem("unavailable", "this backend has no Ably key: set ENDCAP_ABLY_KEY", retry_after_s=60)
        token, expires_at = tokens.issue(capability, audience.life_s, client_id=shopper.uid)
        channels = {"location": location_channel(shopper.uid), "promotions": promotions_channel(shopper.uid)}
        return answer(
            {
                "token": token,
                "client_id": shopper.uid,
                "expires_at": write_instant(expires_at),
                "capability": capability,
                "channels": channels,
                "endpoint": endpoint,
            }
        )

    return routes


def _audience(body: Mapping[str, Any]) -> _Audience:
    name = body.get("for", "phone")
    if not isinstance(name, str) or name not in AUDIENCES:
        raise Problem("invalid", f"for must be one of {', '.join(AUDIENCES)}", field="for")
    return AUDIENCES[name]


def _capability(shopper: Shopper, audience: _Audience) -> dict[str, list[str]]:
    agreed = {purpose for purpose in audience.purposes if shopper.allows(purpose)}
    if not agreed:
        wanted = " or ".join(audience.purposes)
        raise Problem("consent_required", f"she has not agreed to {wanted}", field="purposes")
    capability = {}
    if Purpose.LOCATION in agreed:
        capability[location_channel(shopper.uid)] = ["publish"]
    if Purpose.PROMOTIONS in agreed:
        capability[promotions_channel(shopper.uid)] = list(audience.promotions)
    return capability
