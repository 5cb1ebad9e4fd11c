"""`POST /v1/integrations/ably`: fixes that phones published on Ably, carried here by its outgoing webhook.

Two enveloped forms are read: batched (`{"items": [{"source", "data": {"channelId", "messages"}}]}`) and single
(`{"source", "channel", "messages"}`). A message's data is one CustomerLocation or an array of them, as an object, as
JSON text or as bytes, by its `encoding`. What can't be used is counted and left out: Ably would send it for ever.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from flask import Blueprint, Response, request

from endcap.consent import Purpose
from endcap.errors import BadMessage
from endcap.messages import CustomerLocation, location_channel
from endcap.wire import parse_json
from endcap_backend.api.bodies import answer, parsed, read_raw
from endcap_backend.api.intake import Intake, Outcome
from endcap_backend.api.metrics import Metrics
from endcap_backend.api.openapi import COUNT, Operation, object_of, operation, text
from endcap_backend.api.problems import Problem
from endcap_backend.api.shoppers import Shoppers
from endcap_backend.api.tokens import AblyTokens

MAX_BYTES = 8 * 1024 * 1024  # Ably batches up to 1000 events, of 64 KiB at most
PREFIX = location_channel("")
SOURCE = "channel.message"

POST_ABLY = Operation(
    "Take the fixes that Ably's webhook carries",
    "integration",
    {200: object_of({"accepted": COUNT, "duplicates": COUNT, "rejected": COUNT})},
    body={"type": "object", "description": "Ably's enveloped webhook, single or batched"},
    problems=("malformed", "unauthorised", "too_large", "invalid", "unavailable"),
    parameters=(
        {"name": "X-Ably-Key", "in": "header", "required": True, "schema": text("the key's name, app.key")},
        {
            "name": "X-Ably-Signature",
            "in": "header",
            "required": True,
            "schema": text("base64 of the body's HMAC-SHA256 under the key's secret"),
        },
    ),
)


class Published(NamedTuple):
    """One message as Ably carried it."""

    channel: str
    client_id: object
    data: object
    encoding: object


def blueprint(intake: Intake, shoppers: Shoppers, tokens: AblyTokens | None, metrics: Metrics) -> Blueprint:
    routes = Blueprint("integrations", __name__)

    @routes.post("/v1/integrations/ably")
    @operation(POST_ABLY)
    def post_ably() -> Response:
        raw = read_raw(MAX_BYTES)
        key_name, signature = (request.headers.get(f"X-Ably-{each}", "") for each in ("Key", "Signature"))
        if tokens is None or not tokens.signs(raw, key_name, signature):
            metrics.refused.labels("signature").inc()
            raise Problem("unauthorised", "the webhook is not signed with this backend's Ably key")
        counts = {"accepted": 0, "duplicate": 0, "rejected": 0}
        for published in _published(parsed(raw)):
            for outcome in _stored(published, intake, shoppers):
                counts[outcome.status] += 1
        return answer(
            {"accepted": counts["accepted"], "duplicates": counts["duplicate"], "rejected": counts["rejected"]}
        )

    return routes


def _stored(published: Published, intake: Intake, shoppers: Shoppers) -> list[Outcome]:
    uid = published.channel.removeprefix(PREFIX)
    if published.client_id != uid:
        return intake.reject(CustomerLocation, "clientId", "must be the channel's shopper")
    shopper = shoppers.find(uid)
    if shopper is None or not shopper.allows(Purpose.LOCATION):
        return intake.reject(CustomerLocation, "uid", "has no live consent to location")
    try:
        data = decoded(published.data, published.encoding)
    except BadMessage as fault:
        return intake.reject(CustomerLocation, fault.field, fault.reason)
    return intake.store(uid, CustomerLocation, data if isinstance(data, list) else [data])


def decoded(data: object, encoding: object) -> object:
    """What a message's data holds, its encodings (`json/utf-8/base64`, undone from the right) taken off.

    Raises:
        BadMessage: an encoding that is not known, or data that is not what it says.
    """
    for step in reversed(str(encoding or "").split("/")):
        data = _undone(data, step)
    return parse_json(data) if isinstance(data, str | bytes) else data


def _undone(data: object, step: str) -> object:
    try:
        if step == "base64" and isinstance(data, str):
            return base64.b64decode(data, validate=True)
        if step == "utf-8" and isinstance(data, bytes):
            return data.decode("utf-8")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise BadMessage("data", f"is not valid {step}") from None
    if step in ("", "json", "utf-8"):
        return data
    raise BadMessage("encoding", "is none that is read here")


def _published(body: object) -> Iterator[Published]:
    if not isinstance(body, Mapping):
        raise Problem("invalid", "the body must be an Ably envelope: an object with items or messages")
    items = body.get("items", [body])
    if not isinstance(items, list):
        raise Problem("invalid", "items must be an array", field="items")
    for item in items:
        if isinstance(item, Mapping) and item.get("source") == SOURCE:
            yield from _messages(item)


def _messages(item: Mapping[str, Any]) -> Iterator[Published]:
    data = item.get("data")
    inner = data if isinstance(data, Mapping) else item
    channel = inner.get("channelId", inner.get("channel"))
    messages = inner.get("messages")
    if not isinstance(channel, str) or not channel.startswith(PREFIX) or not isinstance(messages, list):
        return
    for message in messages:
        if isinstance(message, Mapping):
            yield Published(channel, message.get("clientId"), message.get("data"), message.get("encoding"))
