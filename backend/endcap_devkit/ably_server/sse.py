"""Event streams: subscribe over plain HTTP, for `EventSource` and curl."""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web

from endcap_devkit.ably_server.auth import Identity
from endcap_devkit.ably_server.cors import headers_for
from endcap_devkit.ably_server.errors import BAD_REQUEST, TOKEN_EXPIRED, AblyError
from endcap_devkit.ably_server.formats import Format
from endcap_devkit.ably_server.http import identify
from endcap_devkit.ably_server.names import ChannelName
from endcap_devkit.ably_server.state import STATE, LocalAbly
from endcap_devkit.ably_server.streams import Options, Stream

EVENT_STREAM: Final = "text/event-stream"
MAX_CHANNELS: Final = 200  # of one stream


async def event_stream(request: web.Request) -> web.StreamResponse:
    """`GET /sse` and `/event-stream`: messages of one or more channels until the client goes or its token expires."""
    ably, identity = request.app[STATE], identify(request)
    if fault := ably.faults.connecting():
        raise AblyError(fault.code, fault.message, 503)
    names = read_names(request.query.get("channels") or request.query.get("channel"), request.query.get("separator"))
    for name in names:
        identity.capability.require("subscribe", name.base)
    events = request.path == "/sse" or EVENT_STREAM in request.headers.get("Accept", "")
    options = Options.read(request.query, request.headers.get("Last-Event-ID"), events)
    stream = Stream(ably, identity, names, options, request.transport)
    response = web.StreamResponse(headers=_headers(request, events))
    await response.prepare(request)
    await _serve(ably, stream, response)
    return response


async def _serve(ably: LocalAbly, stream: Stream, response: web.StreamResponse) -> None:
    expiry = _on_expiry(ably, stream.identity, stream)
    ably.faults.streams.add(stream)
    try:
        stream.attach()
        await stream.write(response)
    except ConnectionError:
        return  # the client has gone
    finally:
        stream.detach()
        ably.faults.streams.discard(stream)
        if expiry is not None:
            expiry.cancel()


def read_names(text: str | None, separator: str | None) -> list[ChannelName]:
    """The channels of a URL; one that is named twice counts once.

    Raises:
        AblyError: 40000 (none, or too many), 40010 (no channel name).
    """
    names = [ChannelName.read(name) for name in (text or "").split(separator or ",") if name]
    if not 0 < len(names) <= MAX_CHANNELS:
        raise AblyError(BAD_REQUEST, f"channels must name from 1 to {MAX_CHANNELS} channels")
    return list({name.base: name for name in names}.values())


def _headers(request: web.Request, events: bool) -> dict[str, str]:
    content_type = EVENT_STREAM if events else Format.JSON.content_type
    return {"Content-Type": content_type, "Cache-Control": "no-store"} | headers_for(request.headers.get("Origin"))


def _on_expiry(ably: LocalAbly, identity: Identity, stream: Stream) -> asyncio.TimerHandle | None:
    if identity.token is None:
        return None
    left_s = (identity.token.expires_ms - ably.now_ms()) / 1000
    fault = AblyError(TOKEN_EXPIRED, "the token has expired")
    return asyncio.get_running_loop().call_later(max(0.0, left_s), stream.disconnect, fault)
