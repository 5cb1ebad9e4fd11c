"""The local Ably under load, as a process of its own: 1,000 messages a second over 20 channels, 500 idle connections.

`ENDCAP_ABLY_LOAD_S=60` keeps it up for a minute; by default for some seconds.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect

from endcap_devkit.ably_server.wire import Action

LOAD_S = float(os.environ.get("ENDCAP_ABLY_LOAD_S", "4"))
CHANNELS = 20
PER_S = 50  # on each channel
IDLE = 500
KEPT = 1_000  # messages of a channel's history
WAIT_S = 60.0
KEY = "load.test:secret"


@pytest.fixture
def served() -> Iterator[tuple[str, int]]:
    """The command's address and process id."""
    command = [sys.executable, "-m", "endcap_devkit", "ably", "--key", KEY]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["http"], process.pid
        finally:
            process.kill()


def resident_mb(pid: int) -> float:
    """Memory of a process, MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmRSS")


def websocket_url(url: str) -> str:
    return f"{url.replace('http', 'ws', 1).replace('localhost', '127.0.0.1')}/?key={KEY}&v=5"


async def opened(url: str) -> ClientConnection:
    link = await connect(websocket_url(url), compression=None, max_size=None, ping_interval=None)
    assert json.loads(await link.recv())["action"] == Action.CONNECTED
    return link


async def take(link: ClientConnection, action: int) -> dict[str, Any]:
    while True:
        message: dict[str, Any] = json.loads(await asyncio.wait_for(link.recv(), WAIT_S))
        if message["action"] == action:
            return message


def fill_history(url: str) -> None:
    """As much as is ever kept, so that memory is where it will stay."""
    with httpx.Client(base_url=url, auth=tuple(KEY.split(":")), timeout=WAIT_S, verify=False) as http:  # type: ignore[arg-type]
        for number in range(CHANNELS):
            publish = {"channels": [f"load:{number}"], "messages": [{"name": "n", "data": "x" * 100}]}
            assert http.post("/messages", json=[publish] * KEPT).status_code == 201


async def attach(link: ClientConnection, channel: str) -> None:
    await link.send(json.dumps({"action": int(Action.ATTACH), "channel": channel}))
    await take(link, Action.ATTACHED)


async def listen(link: ClientConnection, expected: int) -> dict[str, list[int]]:
    """The numbers heard on each channel."""
    heard: dict[str, list[int]] = {f"load:{number}": [] for number in range(CHANNELS)}
    count = 0
    while count < expected:
        message = await take(link, Action.MESSAGE)
        numbers = [int(each["data"].partition(":")[0]) for each in message["messages"]]
        heard[message["channel"]] += numbers
        count += len(numbers)
    return heard


async def speak(link: ClientConnection, rounds: int) -> float:
    """One message a channel each round, at the rate; how many seconds it took."""
    begun, acknowledged = time.monotonic(), asyncio.create_task(count_acks(link, rounds * CHANNELS))
    for number in range(rounds):
        for channel in range(CHANNELS):
            message = {"name": "n", "data": f"{number}:{'x' * 96}"}
            serial = number * CHANNELS + channel
            frame = {
                "action": int(Action.MESSAGE),
                "channel": f"load:{channel}",
                "msgSerial": serial,
                "messages": [message],
            }
            await link.send(json.dumps(frame))
        await asyncio.sleep(max(0.0, begun + (number + 1) / PER_S - time.monotonic()))
    await acknowledged
    return time.monotonic() - begun


async def count_acks(link: ClientConnection, expected: int) -> None:
    for serial in range(expected):
        assert (await take(link, Action.ACK))["msgSerial"] == serial


def test_a_thousand_messages_a_second_arrive_in_order_and_memory_stays_flat(served: tuple[str, int]) -> None:
    url, pid = served
    fill_history(url)
    rounds = int(LOAD_S * PER_S)

    async def scenario() -> tuple[dict[str, list[int]], float]:
        speaker, listener = await opened(url), await opened(url)
        for number in range(CHANNELS):
            await attach(listener, f"load:{number}")
        listening = asyncio.create_task(listen(listener, rounds * CHANNELS))
        took_s = await speak(speaker, rounds)
        heard = await asyncio.wait_for(listening, WAIT_S)
        await speaker.close()
        await listener.close()
        return heard, took_s

    before_mb = resident_mb(pid)
    heard, took_s = asyncio.run(scenario())
    after_mb = resident_mb(pid)
    assert all(numbers == list(range(rounds)) for numbers in heard.values())
    if LOAD_S >= 60:  # by itself on a machine: it kept up
        assert took_s < 1.1 * LOAD_S
    assert after_mb < before_mb * 1.15 + 5, (before_mb, after_mb)


def test_five_hundred_idle_connections_are_all_served(served: tuple[str, int]) -> None:
    url, pid = served

    async def scenario() -> int:
        links = [link for _ in range(0, IDLE, 50) for link in await asyncio.gather(*(opened(url) for _ in range(50)))]
        for link in links:
            await attach(link, "all")
        publish = {"action": int(Action.MESSAGE), "channel": "all", "msgSerial": 0, "messages": [{"data": "to all"}]}
        await links[0].send(json.dumps(publish))
        heard = [(await take(link, Action.MESSAGE))["messages"][0]["data"] for link in links]
        for link in links:
            await link.close()
        return heard.count("to all")

    before_mb = resident_mb(pid)
    assert asyncio.run(scenario()) == IDLE
    assert resident_mb(pid) - before_mb < 100
