"""`POST /v1/locations`: a shopper's fixes, onto the disk before the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, Response, request

from endcap.consent import Purpose
from endcap.messages import CustomerLocation
from endcap_backend.api.auth import Guard
from endcap_backend.api.batches import OUTCOMES, batch_schema, outcomes_answer, read_batch
from endcap_backend.api.bodies import read_object
from endcap_backend.api.intake import Intake, Outcome
from endcap_backend.api.limits import RateLimit
from endcap_backend.api.openapi import Operation, operation

POST_LOCATIONS = Operation(
    "Store a shopper's fixes",
    "shopper",
    {202: OUTCOMES},
    body=batch_schema("locations", "CustomerLocation"),
    problems=(
        "malformed", "unauthorised", "consent_required", "too_large", "unsupported_media_type", "invalid",
        "too_many_requests", "unavailable",
    ),
    bearer=True,
    gzip=True,
)  # fmt: skip


PATH = "/v1/locations"


class FixDesk:
    """Takes a shopper's fixes, whichever way the request is read. Safe from any thread."""

    def __init__(self, guard: Guard, intake: Intake, fixes: RateLimit) -> None:
        self._guard = guard
        self._intake = intake
        self._fixes = fixes

    def take(self, authorization: str, read: Callable[[], Mapping[str, Any]]) -> list[Outcome]:
        """What became of each fix in the body that `read` gives, once she is known; raises Problem and LogError."""
        shopper = self._guard.shopper_with(authorization, Purpose.LOCATION)
        items, sent_at = read_batch(read(), "locations")
        self._fixes.spend(shopper.uid, "fixes", len(items))
        return self._intake.store(shopper.uid, CustomerLocation, items, sent_at=sent_at)


def blueprint(desk: FixDesk, max_bytes: int) -> Blueprint:
    routes = Blueprint("locations", __name__)

    @routes.post(PATH)
    @operation(POST_LOCATIONS)
    def post_locations() -> Response:
        authorization = request.headers.get("Authorization", "")
        return outcomes_answer(desk.take(authorization, lambda: read_object(max_bytes)))

    return routes
