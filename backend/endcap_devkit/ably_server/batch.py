"""Batches: many messages on many channels in one request, each channel with its own success or failure."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from endcap_devkit.ably_server.auth import Identity
from endcap_devkit.ably_server.errors import BAD_REQUEST, BATCH_FAILED, AblyError
from endcap_devkit.ably_server.http import identify, read_body, refusal, reply, reply_format
from endcap_devkit.ably_server.messages import read_drafts
from endcap_devkit.ably_server.names import ChannelName
from endcap_devkit.ably_server.rest import present, publish_drafts, published_reply, request_version
from endcap_devkit.ably_server.state import STATE, LocalAbly

PER_SPEC_VERSION = 3  # the protocol version from which a reply counts by spec


async def publish(request: web.Request) -> web.Response:
    """`POST /messages`: one spec or a list of them, each `{channels, messages}`."""
    ably, identity = request.app[STATE], identify(request)
    body = await read_body(request)
    specs = body if isinstance(body, list) else [body]
    if not specs:
        raise AblyError(BAD_REQUEST, "the batch is empty")
    planned = [(_channels(spec), spec.get("messages")) for spec in specs]
    results = [[await _publish_one(ably, identity, name, messages) for name in names] for names, messages in planned]
    if request_version(request) < PER_SPEC_VERSION and request.query.get("newBatchResponse") != "true":
        return _flat(request, [result for of_spec in results for result in of_spec])
    counted = [_counted(of_spec) for of_spec in results]
    return reply(request, counted if isinstance(body, list) else counted[0], 201)


async def presence(request: web.Request) -> web.Response:
    """`GET /presence?channels=a,b`: who is on each channel."""
    ably, identity = request.app[STATE], identify(request)
    names = [name for name in (request.query.get("channels") or request.query.get("channel", "")).split(",") if name]
    if not names:
        raise AblyError(BAD_REQUEST, "channels must name at least one channel")
    results: list[dict[str, Any]] = []
    for wire in names:
        try:
            name = ChannelName.read(wire)
            identity.capability.require("presence", name.base)
            channel = identity.app.channels.open(name.base, ably.now_ms())
            results.append({"channel": wire, "presence": present(channel, reply_format(request))})
        except AblyError as fault:
            results.append({"channel": wire, "error": fault.to_wire()})
    if request_version(request) < PER_SPEC_VERSION and request.query.get("newBatchResponse") != "true":
        return _flat(request, results, 200)
    return reply(request, _counted(results))


def _channels(spec: Any) -> list[str]:
    names = spec.get("channels") if isinstance(spec, dict) else None
    names = [names] if isinstance(names, str) else names
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise AblyError(BAD_REQUEST, "each spec of a batch needs channels, a name or a list of names, and messages")
    return names


async def _publish_one(ably: LocalAbly, identity: Identity, wire: str, messages: Any) -> dict[str, Any]:
    try:
        name = ChannelName.read(wire)
        identity.capability.require("publish", name.base)
        await ably.faults.publishing(name.base)
        published = publish_drafts(ably, identity, name, read_drafts(messages, ably.settings.max_message_bytes))
    except AblyError as fault:
        return {"channel": wire, "error": fault.to_wire()}
    return published_reply(name, published)


def _counted(results: list[dict[str, Any]]) -> dict[str, Any]:
    failures = sum("error" in result for result in results)
    return {"successCount": len(results) - failures, "failureCount": failures, "results": results}


def _flat(request: web.Request, results: list[dict[str, Any]], status: int = 201) -> web.Response:
    """The older shape: a bare list, or with any failure an error that carries the list."""
    if not any("error" in result for result in results):
        return reply(request, results, status)
    fault = AblyError(BATCH_FAILED, "the batch failed for some of its channels")
    response = refusal(request, fault)
    response.body = reply_format(request).encode({"error": fault.to_wire(), "batchResponse": results})
    return response
