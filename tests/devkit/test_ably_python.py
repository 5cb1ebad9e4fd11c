"""The local Ably, judged by the official Python client."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import jwt
import pytest
from ably import AblyException, AblyRealtime, AblyRest

from endcap_devkit.ably_server import AblyServer

WAIT_S = 10.0


@pytest.fixture(scope="module")
def server() -> Iterator[AblyServer]:
    with AblyServer() as server:
        yield server


def a_jwt(server: AblyServer, capability: dict[str, list[str]], client_id: str = "u1", ttl_s: int = 3600) -> str:
    name, secret = server.key.split(":")
    claims = {"iat": int(time.time()), "exp": int(time.time()) + ttl_s, "x-ably-clientId": client_id}
    claims["x-ably-capability"] = json.dumps(capability)
    return jwt.encode(claims, secret, "HS256", headers={"kid": name})


def realtime(server: AblyServer, **options: Any) -> AblyRealtime:
    options = {"key": server.key, **options} if "token" not in options else options
    return AblyRealtime(endpoint=f"localhost:{server.port}/", tls=False, **options)


async def within(work: Any) -> Any:
    return await asyncio.wait_for(work, WAIT_S)


@pytest.mark.parametrize("binary", [False, True], ids=["json", "msgpack"])
def test_what_one_client_publishes_another_hears(server: AblyServer, binary: bool) -> None:
    async def run() -> list[Any]:
        speaker, listener = (realtime(server, use_binary_protocol=binary) for _ in range(2))
        heard: asyncio.Queue[Any] = asyncio.Queue()
        await within(listener.channels.get("chat").subscribe(heard.put_nowait))
        for data in ({"x": 1}, "text", bytearray(b"\x00\xff")):
            await within(speaker.channels.get("chat").publish("said", data))
        told = [(await within(heard.get())).data for _ in range(3)]
        await speaker.close()
        await listener.close()
        return told

    assert asyncio.run(run()) == [{"x": 1}, "text", b"\x00\xff"]


def test_a_batch_over_rest_reaches_a_subscriber_once_though_it_is_sent_twice(server: AblyServer) -> None:
    batch = [{"channels": ["batch"], "messages": [{"id": "k:0", "data": "1"}, {"id": "k:1", "data": "2"}]}]

    async def run() -> tuple[list[Any], list[str]]:
        client = realtime(server)
        heard: asyncio.Queue[Any] = asyncio.Queue()
        await within(client.channels.get("batch").subscribe(heard.put_nowait))
        async with httpx.AsyncClient(base_url=server.url, auth=tuple(server.key.split(":"))) as http:
            replies = [(await http.post("/messages?newBatchResponse=true", json=batch)).json() for _ in range(2)]
        await within(client.channels.get("batch").publish("end", "3"))
        told = [(await within(heard.get())).data for _ in range(3)]
        await client.close()
        return replies, told

    replies, told = asyncio.run(run())
    assert replies[0] == replies[1]
    assert replies[0][0]["failureCount"] == 0
    assert told == ["1", "2", "3"]


def test_a_token_for_one_channel_is_refused_on_another_with_40160(server: AblyServer) -> None:
    token = a_jwt(server, {"promotions:u1": ["subscribe", "history"]})

    async def run() -> int:
        rest = AblyRest(token=token, endpoint=f"localhost:{server.port}/", tls=False)
        try:
            assert (await rest.channels.get("promotions:u1").history()).items == []
            await rest.channels.get("promotions:u2").history()
        except AblyException as refusal:
            return int(refusal.code)
        finally:
            await rest.close()
        return 0

    assert asyncio.run(run()) == 40160


def test_an_event_stream_rewinds_and_then_goes_on(server: AblyServer) -> None:
    with httpx.Client(base_url=server.url, auth=tuple(server.key.split(":")), timeout=WAIT_S) as http:
        http.post("/channels/stream/messages", json=[{"data": "old"}, {"data": "last"}])
        with http.stream("GET", "/sse", params={"channels": "stream", "v": "1.2", "rewind": "1"}) as stream:
            lines = stream.iter_lines()
            told = [next(line for line in lines if line.startswith("data: "))]
            http.post("/channels/stream/messages", json={"data": "new"})
            told.append(next(line for line in lines if line.startswith("data: ")))
    assert [json.loads(line[6:])["data"] for line in told] == ["last", "new"]
