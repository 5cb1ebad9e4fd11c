"""The local Ably against a relay that only passes frames on: what keeping order, history and capability costs."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import statistics
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from multiprocessing.connection import Connection
from typing import Any

from aiohttp import web
from websockets.asyncio.client import ClientConnection, connect

from endcap_devkit.ably_server import AblyServer
from endcap_devkit.ably_server.wire import Action

KEY = "bench.dev:secret"
DATA = '{"uid":"8f14e45fceea167a5a36dedd4bea2543","latitude":60.16952,"longitude":24.93545,"accuracy_m":8.0}'
LISTENERS = (1, 20)


def run(quick: bool) -> str:
    """The Markdown section."""
    messages, turns = (1_000, 3) if quick else (5_000, 7)
    rows = [_row(listeners, messages, turns) for listeners in LISTENERS]
    return "\n".join(
        (
            "### The local Ably against a bare relay",
            "",
            f"{messages} publishes of {len(DATA)} bytes by one client, all sent at once, until the last listener",
            f"has the last of them; median of {turns} turns, contenders in turn, each server a process of its own.",
            "The relay keeps, checks and acknowledges nothing.",
            "",
            "| listeners | Ably, deliveries/s | relay, deliveries/s | ratio | one message alone: Ably | relay |",
            "|---|---|---|---|---|---|",
            *rows,
        )
    )


def _row(listeners: int, messages: int, turns: int) -> str:
    with _serving(_ably) as ably, _serving(_relay) as relay:
        figures: dict[str, list[tuple[float, float]]] = {"ably": [], "relay": []}
        for _ in range(turns):
            for name, port in (("ably", ably), ("relay", relay)):
                figures[name].append(asyncio.run(_measure(name, port, listeners, messages)))
    rate = {name: statistics.median(each[0] for each in found) for name, found in figures.items()}
    trip_ms = {name: statistics.median(each[1] for each in found) for name, found in figures.items()}
    return (
        f"| {listeners} | {rate['ably']:,.0f} | {rate['relay']:,.0f} | {rate['ably'] / rate['relay']:.2f} "
        f"| {trip_ms['ably']:.2f} ms | {trip_ms['relay']:.2f} ms |"
    )


async def _measure(name: str, port: int, listeners: int, messages: int) -> tuple[float, float]:
    """Deliveries a second under a burst, and the milliseconds of one message alone."""
    async with _speakers(name, port, listeners) as (speaker, hearing):
        trips = [await _trip(speaker, hearing[0], number) for number in range(50)]
        await _drain(hearing[1:], 50)
        begun = time.perf_counter()
        heard = asyncio.gather(*(_take(link, messages) for link in hearing))
        for number in range(50, 50 + messages):
            await speaker.send(_publish(number))
        await heard
        took_s = time.perf_counter() - begun
    return listeners * messages / took_s, statistics.median(trips) * 1000


@asynccontextmanager
async def _speakers(
    name: str, port: int, listeners: int
) -> AsyncIterator[tuple[ClientConnection, list[ClientConnection]]]:
    url = f"ws://127.0.0.1:{port}/?key={KEY}&v=5&echo=false"
    links = [await connect(url, compression=None, max_queue=None, ping_interval=None) for _ in range(listeners + 1)]
    try:
        if name == "ably":
            for link in links:
                await link.recv()  # CONNECTED
            for link in links[1:]:
                await link.send(json.dumps({"action": int(Action.ATTACH), "channel": "bench"}))
                await link.recv()  # ATTACHED
        yield links[0], links[1:]
    finally:
        for link in links:
            await link.close()


async def _trip(speaker: ClientConnection, listener: ClientConnection, number: int) -> float:
    begun = time.perf_counter()
    await speaker.send(_publish(number))
    await _take(listener, 1)
    return time.perf_counter() - begun


async def _drain(links: list[ClientConnection], messages: int) -> None:
    await asyncio.gather(*(_take(link, messages) for link in links))


async def _take(link: ClientConnection, messages: int) -> None:
    while messages:
        messages -= json.loads(await link.recv())["action"] == Action.MESSAGE


def _publish(number: int) -> str:
    message: dict[str, Any] = {"name": "fix", "data": DATA}
    return json.dumps({"action": int(Action.MESSAGE), "channel": "bench", "msgSerial": number, "messages": [message]})


@contextmanager
def _serving(serve: Any) -> Iterator[int]:
    """A server in a process of its own; gives its port."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=serve, args=(there,), daemon=True)
    process.start()
    try:
        yield here.recv()
    finally:
        here.send(None)
        process.join()


def _ably(control: Connection) -> None:
    with AblyServer(key=KEY) as server:
        control.send(server.port)
        control.recv()


def _relay(control: Connection) -> None:
    """Every frame to every other client, as it came."""
    clients: set[web.WebSocketResponse] = set()

    async def relay(request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse(compress=False)
        await ws.prepare(request)
        clients.add(ws)
        try:
            async for frame in ws:
                for client in clients - {ws}:
                    await client.send_str(frame.data)
        finally:
            clients.discard(ws)
        return ws

    async def serve() -> None:
        app = web.Application()
        app.router.add_get("/", relay)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        control.send(runner.addresses[0][1])
        await asyncio.to_thread(control.recv)
        await runner.cleanup()

    asyncio.run(serve())
