"""One event stream: what it has sent on each channel, what waits to be written, and its cursors."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web

from endcap_devkit.ably_server.auth import Identity
from endcap_devkit.ably_server.channels import Channel
from endcap_devkit.ably_server.errors import BAD_REQUEST, AblyError
from endcap_devkit.ably_server.formats import Format, to_json_text
from endcap_devkit.ably_server.log import Entry, position
from endcap_devkit.ably_server.messages import Message
from endcap_devkit.ably_server.modes import Flag
from endcap_devkit.ably_server.names import ChannelName
from endcap_devkit.ably_server.rewind import read_rewind, rewound
from endcap_devkit.ably_server.serials import random_word
from endcap_devkit.ably_server.state import LocalAbly
from endcap_devkit.ably_server.wire import Frames, read_version


@dataclass(frozen=True, slots=True)
class Options:
    """How a client wants its stream."""

    events: bool  # event-stream, else a JSON object a line
    enveloped: bool
    heartbeat_events: bool  # silence broken by an event instead of a comment
    version: float
    rewind: Mapping[str, str]
    after: Mapping[str, str] = field(default_factory=dict)  # the serial last seen, by channel

    @classmethod
    def read(cls, query: Mapping[str, str], last_event_id: str | None, events: bool) -> Self:
        """From the query, and the header that EventSource sends when it comes back by itself.

        Raises:
            AblyError: 40000, a lastEvent that is no id of an event.
        """
        last = query.get("lastEvent") or query.get("lastEventId") or last_event_id
        return cls(
            events=events,
            enveloped=query.get("enveloped") != "false",
            heartbeat_events=query.get("heartbeats") == "true",
            version=read_version(query.get("v")),
            rewind={name: query[name] for name in ("rewind", "rewindLimit") if name in query},
            after=read_cursor(last),
        )


class Stream:
    """A Subscriber of each of its channels; written by one task."""

    modes = Flag.SUBSCRIBE
    active = True
    asks_occupancy = False

    def __init__(
        self,
        ably: LocalAbly,
        identity: Identity,
        names: list[ChannelName],
        options: Options,
        transport: asyncio.Transport | None,
    ) -> None:
        self.id = random_word(10)
        self.identity = identity
        self._ably, self._options, self._transport = ably, options, transport
        self._names = {name.base: name for name in names}
        self._rewind = {name.base: read_rewind({**options.rewind, **name.params}) for name in names}
        self._channels: list[Channel] = []
        self._positions: dict[str, str] = {}
        self._waiting: deque[tuple[str, bytes]] = deque()  # channel, chunk
        self._bytes = 0
        self._stirred = asyncio.Event()
        self._ending = False

    @property
    def link_id(self) -> str:
        return self.id

    @property
    def channel_names(self) -> list[str]:
        return list(self._names)

    def attach(self) -> None:
        """Subscribe, and queue what the cursor or rewind asks for."""
        for base in self._names:
            channel = self.identity.app.channels.open(base, self._ably.now_ms())
            self._channels.append(channel)
            self._positions[base] = channel.serials.head
        for channel in self._channels:  # positions of all are known: every cursor covers all channels
            for entry in self._missed(channel):
                self._queue(channel.name, entry)
            self._positions[channel.name] = channel.serials.head
            channel.subscribe(self)
            channel.tell_occupancy(self._ably.now_ms())

    def detach(self) -> None:
        for channel in self._channels:
            channel.unsubscribe(self, self._ably.now_ms())

    def deliver(self, entry: Entry, frames: Frames) -> None:
        self._queue(frames.channel, entry)

    def tell_occupancy(self, metrics: Mapping[str, int], now_ms: int) -> None:
        """Never asked for: streams carry messages only."""

    def disconnect(self, fault: AblyError) -> None:
        """End the stream after what is queued; an `error` event says why."""
        if self._options.events:
            self._waiting.append(("", f"event: error\ndata: {to_json_text(fault.to_wire())}\n\n".encode()))
        self._end()

    def abort(self) -> None:
        """Cut the link."""
        self._waiting.clear()
        self._end()
        if self._transport is not None:
            self._transport.abort()

    async def write(self, response: web.StreamResponse) -> None:
        """Write until ended; each silence is broken, so that proxies and clients don't give up."""
        silence = _silence(self._options)
        while True:
            while self._waiting:
                await self._write_one(response, *self._waiting.popleft())
            if self._ending:
                return
            self._stirred.clear()
            try:
                await asyncio.wait_for(self._stirred.wait(), self._ably.settings.keepalive_s)
            except TimeoutError:
                await response.write(silence)

    async def _write_one(self, response: web.StreamResponse, channel: str, chunk: bytes) -> None:
        self._bytes -= len(chunk)
        if channel and self._ably.faults.cuts(channel):
            await response.write(chunk[: len(chunk) // 2])
            self.abort()
            return
        await response.write(chunk)

    def _end(self) -> None:
        self._ending = True
        self._stirred.set()

    def _missed(self, channel: Channel) -> list[Entry]:
        serial, rewind = self._options.after.get(channel.name), self._rewind[channel.name]
        if serial is None:
            return rewound(channel, rewind, self._ably.now_ms()) if rewind else []
        after = position(serial)
        if not channel.continues_from(after):
            return []  # at the head, as an attachment whose thread is lost
        return [entry.rest(after) for entry in channel.messages.after(after)]

    def _queue(self, channel: str, entry: Entry) -> None:
        if self._ending:
            return
        chosen = self._names[channel].filter
        for message in chosen.select(entry.messages) if chosen else entry.messages:
            self._positions[channel] = message.serial
            chunk = self._chunk(channel, message)
            self._waiting.append((channel, chunk))
            self._bytes += len(chunk)
        self._stirred.set()
        if self._bytes > self._ably.settings.max_outbox_bytes:
            self.abort()  # too slow a reader; it can come back with its cursor

    def _chunk(self, channel: str, message: Message) -> bytes:
        item = message.to_wire(Format.JSON, self._options.version) | {"channel": self._names[channel].wire}
        cursor = write_cursor(self._positions)
        if not self._options.events:
            return (to_json_text(item | {"cursor": cursor}) + "\n").encode()
        data = to_json_text(item) if self._options.enveloped else _payload(item)
        lines = "".join(f"data: {line}\n" for line in data.split("\n"))
        return f"id: {cursor}\nevent: message\n{lines}\n".encode()


def write_cursor(positions: Mapping[str, str]) -> str:
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


def _silence(options: Options) -> bytes:
    if not options.events:
        return b"\n"
    return b"event: heartbeat\ndata:\n\n" if options.heartbeat_events else b":keepalive\n\n"


def _payload(item: dict[str, Any]) -> str:
    data = item.get("data")
    return "" if data is None else str(data).replace("\r\n", "\n").replace("\r", "\n")
