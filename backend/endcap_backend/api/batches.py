"""What posting fixes and posting events have in common: a named array in, one outcome an item out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from flask import Response

from endcap.errors import BadMessage
from endcap.wire import Wire
from endcap_backend.api.bodies import answer
from endcap_backend.api.intake import Outcome
from endcap_backend.api.openapi import COUNT, TEXT, object_of, reference
from endcap_backend.api.problems import Problem, invalid
from endcap_backend.config import MAX_BATCH

SENT_AT = Wire("sent_at", "instant", "the device's time when it sent this: tells an old fix from a wrong clock")

OUTCOMES = object_of(
    {
        "accepted": COUNT,
        "duplicates": COUNT,
        "rejected": COUNT,
        "results": {
            "type": "array",
            "items": object_of(
                {"index": COUNT, "status": {"type": "string", "enum": ["accepted", "duplicate", "rejected"]}},
                {"field": TEXT, "reason": TEXT},
            ),
        },
    },
    about="What became of each item; what is accepted or a duplicate is on disk.",
)


def batch_schema(name: str, message: str) -> dict[str, Any]:
    """The JSON Schema of a request's body."""
    items = {"type": "array", "minItems": 1, "maxItems": MAX_BATCH, "items": reference(message)}
    return object_of({name: items}, {"sent_at": SENT_AT.schema()})


def read_batch(body: Mapping[str, Any], name: str) -> tuple[Sequence[object], datetime | None]:
    """The items and the device's time of sending.

    Raises:
        Problem: 413 too many; 422 none, or not an array.
    """
    items = body.get(name)
    if not isinstance(items, list):
        raise Problem("invalid", f"{name} must be an array" if name in body else f"{name} is missing", field=name)
    if not items:
        raise Problem("invalid", f"{name} is empty: send at least one", field=name)
    if len(items) > MAX_BATCH:
        raise Problem("too_large", f"{name} has {len(items)} items: send at most {MAX_BATCH} at a time", field=name)
    sent_at = body.get("sent_at")
    try:
        return items, cast(datetime, SENT_AT.read(sent_at)) if sent_at is not None else None
    except BadMessage as fault:
        raise invalid(fault) from None


def outcomes_answer(outcomes: Sequence[Outcome]) -> Response:
    """202 with each outcome; the problem 422 when not one item was good."""
    return answer(outcomes_body(outcomes), 202)


def outcomes_body(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The body of a 202; raises the problem 422 when not one item was good."""
    counts = {
        status: sum(each.status == status for each in outcomes) for status in ("accepted", "duplicate", "rejected")
    }
    told = [outcome.to_json() for outcome in outcomes]
    if counts["rejected"] == len(outcomes):
        first = outcomes[0]
        detail = f"nothing was stored; item {first.index}: {first.field} {first.reason}"
        raise Problem("invalid", detail, field=first.field, errors=told)
    body = {"accepted": counts["accepted"], "duplicates": counts["duplicate"], "rejected": counts["rejected"]}
    return {**body, "results": told}
