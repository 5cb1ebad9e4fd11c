"""Event streams: subscribe over plain HTTP, for `EventSource` and curl."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from collections import deque
from typing import Any

from aiohttp import web

from endcap_devkit.ably_server.attachments import read_rewind, rewound
from endcap_devkit.ably_server.auth import Identity
from endcap_devkit.ably_server.channels import Channel
from endcap_devkit.ably_server.cors import headers_for
from endcap_devkit.ably_server.errors import BAD_REQUEST, TOKEN_EXPIRED, AblyError
from endcap_devkit.ably_server.formats import Format, to_json_text
from endcap_devkit.ably_server.http import identify
from endcap_devkit.ably_server.log import Entry, position
from endcap_devkit.ably_server.messages import Message
from endcap_devkit.ably_server.names import ChannelName
from endcap_devkit.ably_server.rest import request_version
from endcap_devkit.ably_server.state import STATE, LocalAbly
from endcap_devkit.ably_server.wire import Frames

EVENT_STREAM = "text/event-stream"
MAX_CHANNELS = 200


async def event_stream(request: web.Request) -> web.StreamResponse:
    """`GET /sse` and `/event-stream`: messages of one or more channels until the client goes or its token expires."""
    ably, identity = request.app[STATE], identify(request)
    names = _names(request)
    for name in names:
        identity.capability.require("subscribe", name.base)
    stream = Stream(ably, identity, names, request)
    response = web.StreamResponse(headers=_headers(request, stream.events))
    await response.prepare(request)
    stream.attach()
    expiry = _on_expiry(ably, identity, stream)
    try:
        await stream.write(response)
    except ConnectionError:
        return response  # the client has gone
    finally:
        stream.detach()
        if expiry is not None:
            expiry.cancel()
    return response


class Stream:
    """One client's event stream over its channels; a Subscriber of each."""

    publishes = joins = watches = False
    subscribes = True

    def __init__(self, ably: LocalAbly, identity: Identity, names: list[ChannelName], request: web.Request) -> None:
        query = request.query
        self.events = request.path == "/sse" or EVENT_STREAM in request.headers.get("Accept", "")
        self._ably, self._identity, self._names = ably, identity, names
        self._enveloped = query.get("enveloped") != "false"
        self._version = request_version(request)
        self._rewind = {name.base: read_rewind({**dict(query), **name.params}) for name in names}
        self._after = read_cursor(
            query.get("lastEvent") or query.get("lastEventId") or request.headers.get("Last-Event-ID")
        )
        self._positions: dict[str, str] = {}
        self._pending: deque[bytes] = deque()
        self._bytes = 0
        self._stirred = asyncio.Event()
        self._ending = False
        self._wire_names = {name.base: name.wire for name in names}
        self._channels: list[Channel] = []

    def attach(self) -> None:
        """Subscribe, and queue what the cursor or rewind asks for."""
        for name in self._names:
            channel = self._identity.app.channels.open(name.base, self._ably.now_ms())
            self._channels.append(channel)
            for entry in self._missed(name, channel):
                self._queue(channel.name, entry)
            self._positions.setdefault(channel.name, channel.serials.head)
            channel.subscribe(self)

    def detach(self) -> None:
        for channel in self._channels:
            channel.unsubscribe(self)

    def deliver(self, entry: Entry, frames: Frames) -> None:
        self._queue(frames.channel, entry)

    def end(self, fault: AblyError | None = None) -> None:
        """Close the stream after what is queued; an `error` event says why."""
        if fault is not None and self.events:
            self._pending.append(f"event: error\ndata: {to_json_text(fault.to_wire())}\n\n".encode())
        self._ending = True
        self._stirred.set()

    async def write(self, response: web.StreamResponse) -> None:
        """Write until ended; a comment after each silence keeps proxies and clients from giving up."""
        while True:
            while self._pending:
                chunk = self._pending.popleft()
                self._bytes -= len(chunk)
                await response.write(chunk)
            if self._ending:
                return
            self._stirred.clear()
            try:
                await asyncio.wait_for(self._stirred.wait(), self._ably.settings.keepalive_s)
            except TimeoutError:
                await response.write(b":keepalive\n\n" if self.events else b"\n")

    def _missed(self, name: ChannelName, channel: Channel) -> list[Entry]:
        serial, rewind = self._after.get(name.base), self._rewind[name.base]
        if serial is not None and channel.continues_from(position(serial)):
            after = position(serial)
            self._positions[name.base] = after
            return [entry.rest(after) for entry in channel.messages.after(after)]
        if serial is None and rewind is not None:
            return rewound(channel, rewind, self._ably.now_ms())
        return []

    def _queue(self, channel: str, entry: Entry) -> None:
        for message in entry.messages:
            self._positions[channel] = message.serial
            chunk = self._chunk(channel, message)
            self._pending.append(chunk)
            self._bytes += len(chunk)
        self._stirred.set()
        if self._bytes > self._ably.settings.max_outbox_bytes:  # too slow a reader; it can come back with its cursor
            self._pending.clear()
            self._bytes = 0
            self.end()

    def _chunk(self, channel: str, message: Message) -> bytes:
        item = message.to_wire(Format.JSON, self._version) | {"channel": self._wire_names[channel]}
        if not self.events:
            return (to_json_text(item | {"cursor": write_cursor(self._positions)}) + "\n").encode()
        data = to_json_text(item) if self._enveloped else _payload(item)
        lines = "".join(f"data: {line}\n" for line in data.split("\n"))
        return f"id: {write_cursor(self._positions)}\nevent: message\n{lines}\n".encode()


def write_cursor(positions: dict[str, str]) -> str:
    """Where a stream stands on all its channels, as one opaque word."""
    return base64.urlsafe_b64encode(to_json_text(positions).encode()).rstrip(b"=").decode()


def read_cursor(text: str | None) -> dict[str, str]:
    """What `write_cursor` wrote.

    Raises:
        AblyError: 40000, not such a word.
    """
    if not text:
        return {}
    try:
        positions = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        positions = None
    if not isinstance(positions, dict) or not all(isinstance(serial, str) for serial in positions.values()):
        raise AblyError(BAD_REQUEST, "lastEvent must be the id of an event of this stream")
    return positions


def _payload(item: dict[str, Any]) -> str:
    data = item.get("data")
    return "" if data is None else str(data).replace("\r\n", "\n").replace("\r", "\n")


def _names(request: web.Request) -> list[ChannelName]:
    text = request.query.get("channels") or request.query.get("channel") or ""
    separator = request.query.get("separator") or ","
    names = [ChannelName.read(name) for name in text.split(separator) if name]
    if not names or len(names) > MAX_CHANNELS:
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
    return asyncio.get_running_loop().call_later(max(0.0, left_s), stream.end, fault)
