"""Hearing offers as a shopper's devices do: the official ably client over WebSocket, and an event stream over HTTP."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import aiohttp

from endcap.errors import BadMessage
from endcap.messages import CustomerAlert, promotions_channel
from endcap.transports.ably_endpoint import ably_options, prepare
from endcap.wire import parse_json

if TYPE_CHECKING:
    from ably import AblyRealtime

log = logging.getLogger("endcap.demo")

Heard = Callable[[str, CustomerAlert], None]  # whose channel it came on, and what
Token = Callable[[], Awaitable[str]]  # a fresh one: a page's lives five minutes
RETRY_S = 1.0
STOP_S = 2.0


class AblyListener:
    """The unmodified official client (`ably`, AblyRealtime) on the channels of many shoppers. One loop.

    It holds the API key: the crowd has no phones of its own, and one connection stands for all of them. Shoppers with
    the SDK each have a connection and a token of theirs.
    """

    def __init__(self, endpoint: str, key: str, heard: Heard) -> None:
        self._endpoint, self._key, self._heard = endpoint, key, heard
        self._client: AblyRealtime | None = None

    async def start(self) -> None:
        """Connect; returns when Ably has accepted."""
        prepare()
        from ably import AblyRealtime

        self._client = AblyRealtime(
            key=self._key,
            transport_params={"heartbeats": "true"},
            use_binary_protocol=False,
            disconnected_retry_timeout=RETRY_S * 1000,
            **ably_options(self._endpoint),
        )
        await self._client.connection.once_async("connected")

    async def listen(self, uid: str) -> None:
        """Hear what is published for this shopper from now on."""
        assert self._client is not None

        def receive(message: Any) -> None:  # ably takes functions only
            for alert in read_alerts(message.data):
                self._heard(uid, alert)

        await self._client.channels.get(promotions_channel(uid)).subscribe(receive)

    async def leave(self, uid: str) -> None:
        assert self._client is not None
        from ably.util.exceptions import AblyException

        channel = self._client.channels.get(promotions_channel(uid))
        with suppress(AblyException):  # a connection that is down has nothing to detach from
            await channel.detach()
        self._client.channels.release(channel.name)

    async def stop(self) -> None:
        if self._client is not None:
            with suppress(TimeoutError):  # the server may have gone first
                await asyncio.wait_for(self._client.close(), STOP_S)


async def listen_by_sse(http: aiohttp.ClientSession, endpoint: str, uid: str, token: Token, heard: Heard) -> None:
    """Hear one shopper's offers as the lite page does, by Ably's event stream; until cancelled.

    After a cut, as when the token has expired, it goes on behind the last event it saw.
    """
    last_event = ""
    while True:
        query = {"channels": promotions_channel(uid), "v": "1.2"}
        if last_event:
            query["lastEvent"] = last_event
        with suppress(aiohttp.ClientError, TimeoutError):
            query["accessToken"] = await token()
            timeout = aiohttp.ClientTimeout(total=None, sock_read=None)
            async with http.get(f"{endpoint}/sse", params=query, timeout=timeout) as response:
                response.raise_for_status()
                async for event_id, data in _events(response.content):
                    last_event = event_id or last_event
                    for alert in read_alerts(json.loads(data).get("data")):
                        heard(uid, alert)
        await asyncio.sleep(RETRY_S)


def read_alerts(data: object) -> list[CustomerAlert]:
    """The alerts of one message's data: JSON text, bytes or an object, one or an array."""
    try:
        parsed = parse_json(data) if isinstance(data, str | bytes) else data
        items = parsed if isinstance(parsed, list) else [parsed]
        return [CustomerAlert.from_json(item) for item in items]
    except BadMessage:
        log.warning("a message on a promotions channel was no alert")
        return []


async def _events(content: aiohttp.StreamReader) -> AsyncIterator[tuple[str, str]]:
    """The (id, data) of each event of type message in an event stream."""
    id, kind, data = "", "message", list[str]()
    async for raw in content:
        line = raw.decode().rstrip("\r\n")
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data and kind == "message":
                yield id, "\n".join(data)
            kind, data = "message", []
        elif name == "id":
            id = value
        elif name == "event":
            kind = value
        elif name == "data":
            data.append(value)
