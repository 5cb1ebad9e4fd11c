"""`POST /v1/locations`: a shopper's fixes, onto the disk before the answer."""

from __future__ import annotations

from flask import Blueprint, Response

from endcap.consent import Purpose
from endcap.messages import CustomerLocation
from endcap_backend.api.auth import Guard
from endcap_backend.api.batches import OUTCOMES, batch_schema, outcomes_answer, read_batch
from endcap_backend.api.bodies import read_object
from endcap_backend.api.intake import Intake
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


def blueprint(guard: Guard, intake: Intake, fixes: RateLimit, max_bytes: int) -> Blueprint:
    routes = Blueprint("locations", __name__)

    @routes.post("/v1/locations")
    @operation(POST_LOCATIONS)
    def post_locations() -> Response:
        shopper = guard.shopper(Purpose.LOCATION)
        items, sent_at = read_batch(read_object(max_bytes), "locations")
        fixes.spend(shopper.uid, "fixes", len(items))
        return outcomes_answer(intake.store(shopper.uid, CustomerLocation, items, sent_at=sent_at))

    return routes
