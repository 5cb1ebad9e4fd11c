"""`POST /v1/events`: what happened on a shopper's device, as far as she agreed that it be told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from flask import Blueprint, Response

from endcap.consent import Purpose
from endcap.errors import BadMessage
from endcap.messages import EVENT_KINDS, CustomerEvent
from endcap_backend.api.auth import Guard
from endcap_backend.api.batches import batch_schema, outcomes_answer, read_batch
from endcap_backend.api.bodies import read_object
from endcap_backend.api.intake import Intake
from endcap_backend.api.limits import RateLimit
from endcap_backend.api.locations import POST_LOCATIONS
from endcap_backend.api.openapi import operation
from endcap_backend.api.shoppers import Shopper

# What each kind of event tells of her; redeeming and asking for help are hers to do with any consent.
NEEDED: dict[str, Purpose] = {
    "enter": Purpose.LOCATION,
    "dwell": Purpose.LOCATION,
    "exit": Purpose.LOCATION,
    "shown": Purpose.ANALYTICS,
    "opened": Purpose.ANALYTICS,
}
POST_EVENTS = replace(
    POST_LOCATIONS, summary="Store what happened on a shopper's device", body=batch_schema("events", "CustomerEvent")
)


def blueprint(guard: Guard, intake: Intake, events: RateLimit, max_bytes: int) -> Blueprint:
    routes = Blueprint("events", __name__)

    @routes.post("/v1/events")
    @operation(POST_EVENTS)
    def post_events() -> Response:
        shopper = guard.shopper()
        items, sent_at = read_batch(read_object(max_bytes), "events")
        events.spend(shopper.uid, "events", len(items))
        check = _agreed_by(shopper)
        return outcomes_answer(intake.store(shopper.uid, CustomerEvent, items, sent_at=sent_at, check=check))

    return routes


def _agreed_by(shopper: Shopper) -> Callable[[CustomerEvent], None]:
    def check(event: CustomerEvent) -> None:
        if event.kind not in EVENT_KINDS:
            raise BadMessage("kind", f"must be one of {', '.join(EVENT_KINDS)}")
        needed = NEEDED.get(event.kind)
        if needed is not None and not shopper.allows(needed):
            raise BadMessage("kind", f"consent_required: she has not agreed to {needed}")

    return check
