"""The local Ably, judged by the official Python client as it is published."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from ably import AblyException, AblyRealtime, AblyRest
from ably.types.channeloptions import ChannelOptions
from ably.types.presence import PresenceAction
from ably.types.tokendetails import TokenDetails

from endcap_devkit.ably_server import AblyServer, Settings

Signed = Callable[..., str]
T = TypeVar("T")

WAIT_S = 30.0
FORMATS = pytest.mark.parametrize("binary", [False, True], ids=["json", "msgpack"])


async def within(work: Awaitable[T]) -> T:
    return await asyncio.wait_for(work, WAIT_S)


def run(scenario: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(scenario)


@asynccontextmanager
async def realtime(server: AblyServer, tls: bool = False, **options: Any) -> AsyncIterator[AblyRealtime]:
    port = server.tls_port if tls else server.port
    if not {"token", "auth_callback"} & options.keys():
        options["key"] = server.key
    client = AblyRealtime(endpoint=f"localhost:{port}/", tls=tls, disconnected_retry_timeout=200, **options)
    try:
        yield client
    finally:
        await client.close()


async def listen(client: AblyRealtime, channel: str, **params: str) -> asyncio.Queue[Any]:
    """The messages of a channel, attached."""
    heard: asyncio.Queue[Any] = asyncio.Queue()
    options = ChannelOptions(params=params) if params else None
    await within(client.channels.get(channel, options).subscribe(heard.put_nowait))
    return heard


async def take(heard: asyncio.Queue[Any], count: int) -> list[Any]:
    return [(await within(heard.get())).data for _ in range(count)]


@FORMATS
def test_what_one_client_publishes_another_hears(ably_server: AblyServer, binary: bool) -> None:
    async def scenario() -> list[Any]:
        async with (
            realtime(ably_server, use_binary_protocol=binary) as speaker,
            realtime(ably_server, use_binary_protocol=not binary) as listener,
        ):
            heard = await listen(listener, "chat")
            for data in ({"x": 1}, "text", bytearray(b"\x00\xff"), None):
                await within(speaker.channels.get("chat").publish("said", data))
            return await take(heard, 4)

    assert run(scenario()) == [{"x": 1}, "text", b"\x00\xff", None]


@FORMATS
def test_over_tls_with_a_key_everything_works_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, binary: bool
) -> None:
    async def scenario(server: AblyServer) -> tuple[list[Any], list[Any]]:
        async with realtime(server, tls=True, use_binary_protocol=binary) as client:
            heard = await listen(client, "chat")
            await within(client.channels.get("chat").publish("said", "over TLS"))
            page = await within(client.channels.get("chat").history())
            return await take(heard, 1), [message.data for message in page.items]

    with AblyServer(tls_port=0) as server:
        ca = tmp_path / "ca.pem"
        ca.write_bytes(server.ca_pem or b"")
        monkeypatch.setenv("SSL_CERT_FILE", str(ca))
        assert run(scenario(server)) == (["over TLS"], ["over TLS"])


@pytest.mark.ably(settings=Settings(auth_nudge_s=28.0))  # two seconds, also on a busy machine, until it is asked for
def test_a_token_is_renewed_in_band_as_often_as_it_nears_its_end(ably_server: AblyServer, signed: Signed) -> None:
    renewals: asyncio.Queue[None] = asyncio.Queue()

    async def renew(params: Any) -> TokenDetails:
        renewals.put_nowait(None)
        return TokenDetails(token=signed(client_id="u1", ttl_s=30), client_id="u1")

    async def scenario() -> tuple[list[str], set[str]]:
        states: set[str] = set()
        async with realtime(ably_server) as speaker, realtime(ably_server, auth_callback=renew) as listener:
            heard, told = await listen(listener, "chat"), []
            listener.connection.on(lambda change: states.add(change.current.value))
            for number in range(3):
                await within(renewals.get())
                await within(speaker.channels.get("chat").publish("n", str(number)))
                told += await take(heard, 1)
            return told, set(states)

    told, states = run(scenario())
    assert told == [str(number) for number in range(3)]
    assert states == {"connected"}  # it never went away


def test_a_token_that_ends_in_mid_stream_is_renewed_and_nothing_is_lost(
    ably_server: AblyServer, signed: Signed
) -> None:
    issued: list[str] = []

    async def renew(params: Any) -> TokenDetails:
        issued.append(signed(client_id="u1", ttl_s=30))
        return TokenDetails(token=issued[-1], client_id="u1")

    async def scenario() -> list[str]:
        async with realtime(ably_server) as speaker, realtime(ably_server, auth_callback=renew) as listener:
            heard, told = await listen(listener, "chat"), []
            await within(speaker.channels.get("chat").publish("n", "before"))
            told += await take(heard, 1)
            connected = asyncio.create_task(listener.connection.once_async("connected"))
            await asyncio.to_thread(ably_server.fault, "expire", clientId="u1")
            await within(asyncio.gather(*(speaker.channels.get("chat").publish("n", str(n)) for n in range(5))))
            await within(connected)
            return told + await take(heard, 5)

    assert run(scenario()) == ["before", *(str(number) for number in range(5))]
    assert len(issued) == 2


@FORMATS
def test_what_is_published_while_the_link_is_down_arrives_once(ably_server: AblyServer, binary: bool) -> None:
    async def scenario() -> list[str]:
        async with (
            realtime(ably_server) as listener,
            realtime(ably_server, client_id="speaker", use_binary_protocol=binary) as speaker,
        ):
            heard = await listen(listener, "chat")
            channel = speaker.channels.get("chat")
            await within(channel.publish("n", "before"))
            down = asyncio.create_task(speaker.connection.once_async("disconnected"))
            ably_server.fault("refuse", count=2)
            ably_server.fault("drop", clientId="speaker")
            await within(down)
            await within(asyncio.gather(*(channel.publish("n", str(number)) for number in range(20))))
            await within(channel.publish("n", "after"))
            return await take(heard, 22)

    assert run(scenario()) == ["before", *(str(number) for number in range(20)), "after"]


def test_a_connection_resumes_where_it_was(ably_server: AblyServer) -> None:
    async def scenario() -> tuple[list[str], bool]:
        async with realtime(ably_server) as speaker, realtime(ably_server, client_id="listener") as listener:
            heard, told = await listen(listener, "chat"), []
            id = listener.connection.connection_manager.connection_id
            for number in range(0, 10, 2):
                await within(speaker.channels.get("chat").publish("n", str(number)))
                told += await take(heard, 1)
                connected = asyncio.create_task(listener.connection.once_async("connected"))
                await asyncio.to_thread(ably_server.fault, "drop", clientId="listener")
                await within(speaker.channels.get("chat").publish("n", str(number + 1)))
                await within(connected)
                told += await take(heard, 1)
            return told, listener.connection.connection_manager.connection_id == id

    assert run(scenario()) == ([str(number) for number in range(10)], True)


def test_rewind_brings_the_last_message(ably_server: AblyServer) -> None:
    async def scenario() -> list[str]:
        async with realtime(ably_server) as speaker, realtime(ably_server) as listener:
            for data in ("old", "last"):
                await within(speaker.channels.get("chat").publish("n", data))
            heard = await listen(listener, "chat", rewind="1")
            await within(speaker.channels.get("chat").publish("n", "new"))
            return await take(heard, 2)

    assert run(scenario()) == ["last", "new"]


@FORMATS
def test_presence_is_entered_updated_seen_and_left(ably_server: AblyServer, binary: bool) -> None:
    async def scenario() -> tuple[list[tuple[Any, Any]], list[str]]:
        async with (
            realtime(ably_server) as watcher,
            realtime(ably_server, client_id="u1", use_binary_protocol=binary) as member,
        ):
            seen: asyncio.Queue[Any] = asyncio.Queue()
            await within(watcher.channels.get("room").presence.subscribe(seen.put_nowait))
            presence = member.channels.get("room").presence
            await within(presence.enter({"aisle": 3}))
            await within(presence.update({"aisle": 4}))
            members = await within(watcher.channels.get("room").presence.get())
            await within(presence.leave())
            told = [await within(seen.get()) for _ in range(3)]
            return [(each.action, each.data) for each in told], [each.client_id for each in members]

    told, members = run(scenario())
    assert members == ["u1"]
    assert told == [
        (PresenceAction.ENTER, {"aisle": 3}),
        (PresenceAction.UPDATE, {"aisle": 4}),
        (PresenceAction.LEAVE, {"aisle": 4}),
    ]


def test_a_token_for_one_shopper_is_refused_on_anothers_channel_with_40160(
    ably_server: AblyServer, signed: Signed
) -> None:
    token = signed({"promotions:a": ["subscribe", "history"], "location:a": ["publish"]}, client_id="a")

    async def code_of(work: Awaitable[Any]) -> int:
        try:
            await within(work)
        except AblyException as refusal:
            return int(refusal.code)
        return 0

    async def scenario() -> list[int]:
        rest = AblyRest(token=token, endpoint=f"localhost:{ably_server.port}/", tls=False)
        async with realtime(ably_server, token=token) as client:
            codes = [
                await code_of(client.channels.get("promotions:a").attach()),
                await code_of(client.channels.get("promotions:b").attach()),
                await code_of(client.channels.get("location:a").publish("fix", "1")),
                await code_of(client.channels.get("location:b").publish("fix", "1")),
                await code_of(rest.channels.get("promotions:a").history()),
                await code_of(rest.channels.get("promotions:b").history()),
                await code_of(rest.channels.get("location:b").publish("fix", "1")),
            ]
        await rest.close()
        return codes

    assert run(scenario()) == [0, 40160, 0, 40160, 0, 40160, 40160]


def test_a_batch_over_rest_reaches_a_subscriber_once_though_it_is_sent_twice(
    ably_server: AblyServer, http: httpx.Client
) -> None:
    batch = [{"channels": ["batch"], "messages": [{"id": "k:0", "data": "1"}, {"id": "k:1", "data": "2"}]}]

    async def scenario() -> tuple[list[Any], list[str]]:
        async with realtime(ably_server) as client:
            heard = await listen(client, "batch")
            replies = [http.post("/messages?newBatchResponse=true", json=batch).json() for _ in range(2)]
            await within(client.channels.get("batch").publish("end", "3"))
            return replies, await take(heard, 3)

    replies, told = run(scenario())
    assert replies[0] == replies[1]
    assert told == ["1", "2", "3"]


def test_history_pages_through_the_official_client(ably_server: AblyServer, signed: Signed) -> None:
    async def scenario() -> list[str]:
        rest = AblyRest(token=signed(), endpoint=f"localhost:{ably_server.port}/", tls=False)
        for number in range(7):
            await within(rest.channels.get("chat").publish("n", str(number)))
        page, told = await within(rest.channels.get("chat").history(limit=3, direction="forwards")), []
        while True:
            told += [message.data for message in page.items]
            if not page.has_next():
                break
            page = await within(page.next())
        clock_ms = await within(rest.time())
        await rest.close()
        assert abs(clock_ms - time.time() * 1000) < 10_000
        return told

    assert run(scenario()) == [str(number) for number in range(7)]
