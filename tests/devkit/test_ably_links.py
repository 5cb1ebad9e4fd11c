"""Links that break at any byte: a proxy cuts, delays and half-opens them while two clients talk and one is present.

`ENDCAP_ABLY_ROUNDS=200` plays as many rounds.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, WebSocketException

from endcap_devkit.ably_server import AblyServer, Settings
from endcap_devkit.ably_server.modes import Flag
from endcap_devkit.ably_server.wire import Action

ROUNDS = int(os.environ.get("ENDCAP_ABLY_ROUNDS", "30"))
WAIT_S = 60.0
SILENCE_S = 0.3  # after which a client takes a half-open link for dead
LIVELY = Settings(max_idle_interval_s=0.15, presence_grace_s=WAIT_S)  # a busy machine makes nobody leave
FAULTS = ("cut", "cut", "cut", "delay", "half-open")


@dataclass
class Link:
    """One client's link through the proxy, both ways together."""

    left: int  # bytes until the next fault
    dead: bool = False


class Proxy:
    """Between a client and the server: a fault strikes each link when some bytes have passed."""

    def __init__(self, port: int, seed: int) -> None:
        self._port = port
        self._random = random.Random(seed)
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.faults: dict[str, int] = dict.fromkeys(FAULTS, 0)
        self.calm = False
        self.port = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Proxy]:
        server = await asyncio.start_server(self._link, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.cut_all()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut_all(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    async def _link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._port)
            self._writers |= {writer, up_writer}
            link = Link(self._fresh())
            await asyncio.gather(self._pump(reader, up_writer, link), self._pump(up_reader, writer, link))
        except OSError:
            return
        finally:
            for each in (writer, up_writer):
                self._writers.discard(each)
                each.transport.abort()
            self._tasks.discard(task)

    def _fresh(self) -> int:
        return self._random.randrange(300, 9000)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: Link) -> None:
        while chunk := await reader.read(4096):
            link.left -= len(chunk)
            if link.left <= 0 and not self.calm:
                fault = self._random.choice(FAULTS)
                self.faults[fault] += 1
                if fault == "cut":
                    writer.write(chunk[: len(chunk) + link.left])  # some of it arrives, as on a real line
                    await writer.drain()
                    raise ConnectionResetError
                link.dead = fault == "half-open"
                await asyncio.sleep(self._random.random() * 0.1)
                link.left = self._fresh()
            if link.dead:
                continue  # passes nothing on, either way, and doesn't say so
            writer.write(chunk)
            await writer.drain()


class Steadfast:
    """A client as the protocol wants it: resumes, attaches with its serials, sends again what was not answered."""

    def __init__(self, server: AblyServer, port: int, client_id: str, channel: str, enters: bool = False) -> None:
        self._url = f"ws://127.0.0.1:{port}/?key={server.key}&v=5&clientId={client_id}"
        self._channel, self._enters = channel, enters
        self._key = ""
        self._serial: str | None = None
        self._unanswered: dict[int, dict[str, Any]] = {}
        self._next = 0
        self._link: ClientConnection | None = None
        self._settled = asyncio.Event()
        self.heard: list[str] = []
        self.presence: list[tuple[int, str]] = []
        self.ids: list[str] = []
        self.lost: list[int] = []  # codes of failed resumes
        self.changed = asyncio.Condition()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Steadfast]:
        task = asyncio.create_task(self._run())
        try:
            await asyncio.wait_for(self._settled.wait(), WAIT_S)
            yield self
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def publish(self, data: str) -> None:
        await self._ask({"action": int(Action.MESSAGE), "channel": self._channel, "messages": [{"data": data}]})

    async def settle(self, what: Any) -> None:
        """Wait until `what()` holds."""
        async with self.changed:
            await asyncio.wait_for(self.changed.wait_for(what), WAIT_S)

    @property
    def answered(self) -> bool:
        return not self._unanswered

    async def _ask(self, message: dict[str, Any]) -> None:
        message["msgSerial"] = self._next
        self._unanswered[self._next] = message
        self._next += 1
        if self._settled.is_set():
            with suppress(WebSocketException):
                assert self._link is not None
                await self._link.send(json.dumps(message))

    async def _run(self) -> None:
        while True:
            with suppress(WebSocketException, InvalidHandshake, OSError, TimeoutError, EOFError):
                query = f"&resume={self._key}" if self._key else ""
                async with connect(
                    self._url + query, compression=None, open_timeout=SILENCE_S, close_timeout=0.1
                ) as link:
                    self._link = link
                    await self._talk(link)
            self._settled.clear()
            await asyncio.sleep(0.01)

    async def _talk(self, link: ClientConnection) -> None:
        while True:
            message = json.loads(await asyncio.wait_for(link.recv(), SILENCE_S))
            await self._take(link, message)
            async with self.changed:
                self.changed.notify_all()

    async def _take(self, link: ClientConnection, message: dict[str, Any]) -> None:
        match message["action"]:
            case Action.CONNECTED:
                self._connected(message)
                attach = {"action": int(Action.ATTACH), "channel": self._channel}
                await link.send(json.dumps(attach | ({"channelSerial": self._serial} if self._serial else {})))
            case Action.ATTACHED:
                await self._attached(link, message)
            case Action.ACK:
                self._unanswered.pop(message["msgSerial"], None)
            case Action.MESSAGE:
                self._serial = message["channelSerial"]
                self.heard += [each["data"] for each in message["messages"]]
            case Action.PRESENCE:
                self._serial = message["channelSerial"]
                self.presence += [(each["action"], each["clientId"]) for each in message["presence"]]
            case Action.DISCONNECTED:
                raise ConnectionResetError

    def _connected(self, message: dict[str, Any]) -> None:
        self.ids.append(message["connectionId"])
        self._key = message["connectionDetails"]["connectionKey"]
        if "error" in message:
            self.lost.append(message["error"]["code"])

    async def _attached(self, link: ClientConnection, message: dict[str, Any]) -> None:
        if self._serial is not None and Flag.RESUMED not in Flag(message["flags"]):
            self.lost.append(message["error"]["code"])
        self._serial = message["channelSerial"] if self._serial is None else self._serial
        self._settled.set()
        if self._enters:
            self._enters = False
            await self._ask({"action": int(Action.PRESENCE), "channel": self._channel, "presence": [{"action": 2}]})
            return
        for unanswered in list(self._unanswered.values()):
            await link.send(json.dumps(unanswered))


def has_heard(client: Steadfast, count: int) -> bool:
    return len(client.heard) >= count


@pytest.mark.ably(settings=LIVELY)
def test_whatever_happens_to_the_links_ids_order_presence_and_messages_are_right(ably_server: AblyServer) -> None:
    async def scenario() -> tuple[list[Steadfast], list[str], dict[str, int]]:
        async with Proxy(ably_server.port, seed=7).open() as proxy:
            plain, broken = ably_server.port, proxy.port
            speaker = Steadfast(ably_server, broken, "speaker", "chat", enters=True)
            listener = Steadfast(ably_server, broken, "listener", "chat")
            witness = Steadfast(ably_server, plain, "witness", "chat")
            async with witness.running(), listener.running(), speaker.running():
                expected: list[str] = []
                for number in range(ROUNDS):
                    sent = [f"{number}:{index}" for index in range(5)]
                    expected += sent
                    for data in sent:
                        await speaker.publish(data)
                    for each in (witness, listener):
                        await each.settle(partial(has_heard, each, len(expected)))
                        assert each.heard == expected, f"round {number}"
                    await speaker.settle(lambda: speaker.answered)
                    assert witness.presence == [(2, "speaker")], f"round {number}"
                proxy.calm = True
                return [speaker, listener, witness], expected, proxy.faults

    clients, expected, faults = asyncio.run(scenario())
    for client in clients:
        assert client.heard == expected
        assert len(set(client.ids)) == 1, client.lost
        assert client.lost == []
    assert sum(faults.values()) >= ROUNDS // 2  # the proxy did its worst
    if ROUNDS >= 30:
        assert all(faults.values())
