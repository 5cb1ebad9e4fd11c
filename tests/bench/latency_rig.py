"""What the latency benchmark drives: a backend and a local Ably as processes, posts on time, ears on every channel."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from selectors import SelectSelector
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import httpx
from websockets.asyncio.client import connect

from endcap.messages import promotions_channel
from endcap_backend.__main__ import main as backend_main

T = TypeVar("T")

LATITUDE_DEG, LONGITUDE_DEG, STEP_DEG = 60.17, 24.94, 0.001  # 111 m apart: near one product only
CHANNELS = 150  # a WebSocket; Ably takes 200
ATTACH, ATTACHED, MESSAGE = 10, 11, 15  # Ably's protocol
UNLIMITED = {
    "ALERTS_PER_VISIT": 1000,
    "ALERTS_PER_HOUR": 1000,
    "ALERTS_PER_DAY": 1000,
    "USER_REQUESTS_PER_S": 100_000,
    "USER_REQUESTS_BURST": 100_000,
    "USER_FIXES_PER_S": 100_000,
    "USER_FIXES_BURST": 100_000,
    "SESSIONS_PER_S": 100_000,
    "SESSIONS_BURST": 100_000,
    "LOG_LEVEL": "WARNING",
}


@dataclass(frozen=True)
class Ably:
    """A local Ably in a process of its own."""

    url: str
    key: str


@dataclass(frozen=True)
class Person:
    """A session."""

    uid: str
    bearer: str


@dataclass
class Heard:
    """Offers as they arrive: (uid, SKU) -> monotonic seconds."""

    at_s: dict[tuple[str, int], float] = field(default_factory=dict)
    repeats: int = 0

    def add(self, uid: str, sku: int) -> None:
        if (uid, sku) in self.at_s:
            self.repeats += 1
        else:
            self.at_s[uid, sku] = time.monotonic()


def on_time(work: Coroutine[Any, Any, T]) -> T:
    """Run it on a loop that wakes when it is due: with epoll asyncio rounds each wait up to a whole millisecond."""
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(SelectSelector())) as runner:
        return runner.run(work)


@contextmanager
def an_ably() -> Iterator[Ably]:
    with _process([sys.executable, "-m", "endcap_devkit", "ably", "--port", "0"], {}) as line:
        yield Ably(line["http"], line["key"])


@contextmanager
def a_backend(data: Path, ably: Ably, products: int) -> Iterator[str]:
    """A backend on a shop of so many products, one every 111 m; its address."""
    _load_shop(data, products)
    env = {f"ENDCAP_{name}": str(value) for name, value in UNLIMITED.items()}
    env |= {"ENDCAP_ABLY_ENDPOINT": ably.url, "ENDCAP_ABLY_KEY": ably.key}
    command = [sys.executable, "-m", "endcap_backend", "serve", "--port", "0", "--data", str(data)]
    with _process(command, env) as line:
        yield line["http"]


def sessions(url: str, count: int) -> list[Person]:
    consent = {"consent": {"purposes": ["location", "promotions"], "text_version": "bench"}}
    with httpx.Client(base_url=url) as client:
        answers = [client.post("/v1/sessions", json=consent).json() for _ in range(count)]
    return [Person(each["uid"], each["token"]) for each in answers]


class Ears:
    """Raw WebSockets on everybody's channel, so that hearing costs next to nothing."""

    def __init__(self, ably: Ably, people: Sequence[Person]) -> None:
        self.heard = Heard()
        self._ably = ably
        self._uids = [person.uid for person in people]
        self._tasks: list[asyncio.Task[None]] = []
        self._attached = 0

    async def open(self) -> None:
        """Returns when every channel is attached."""
        everyone = asyncio.Event()
        for start in range(0, len(self._uids), CHANNELS):
            self._tasks.append(asyncio.create_task(self._listen(self._uids[start : start + CHANNELS], everyone)))
        await asyncio.wait_for(everyone.wait(), 60)

    async def until(self, count: int, timeout_s: float) -> None:
        deadline_s = time.monotonic() + timeout_s
        while len(self.heard.at_s) < count and time.monotonic() < deadline_s:
            await asyncio.sleep(0.05)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _listen(self, uids: Sequence[str], everyone: asyncio.Event) -> None:
        host = urlsplit(self._ably.url).netloc
        async with connect(f"ws://{host}/?v=3&format=json&key={quote(self._ably.key)}", max_queue=None) as socket:
            for uid in uids:
                await socket.send(json.dumps({"action": ATTACH, "channel": promotions_channel(uid)}))
            async for frame in socket:
                said = json.loads(frame)
                if said["action"] == ATTACHED:
                    self._attached += 1
                    if self._attached == len(self._uids):
                        everyone.set()
                elif said["action"] == MESSAGE:
                    for message in said["messages"]:
                        self.heard.add(said["channel"].partition(":")[2], json.loads(message["data"])["SKU"])


class Poster:
    """Posts over kept-alive connections, as many as needed at a time up to `connections`."""

    def __init__(self, url: str, connections: int) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname, parts.port
        self._free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
        self._may_open = connections
        self.refused = 0

    async def post(self, person: Person, fixes: Sequence[dict[str, Any]]) -> None:
        """Returns when the answer is read."""
        body = json.dumps({"locations": fixes}).encode()
        head = (
            f"POST /v1/locations HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {person.bearer}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        reader, writer = await self._connection()
        writer.write(head.encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(length)
        self.refused += not answer.startswith(b"HTTP/1.1 202")
        self._free.put_nowait((reader, writer))

    def close(self) -> None:
        while not self._free.empty():
            self._free.get_nowait()[1].close()

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._free.empty() and self._may_open:
            self._may_open -= 1
            return await asyncio.open_connection(self._host, self._port)
        return await self._free.get()


@contextmanager
def _process(command: list[str], env: dict[str, str]) -> Iterator[dict[str, str]]:
    """A process that prints one line of JSON when it is ready; ended with SIGTERM."""
    process = subprocess.Popen(command, env=os.environ | env, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()


def _load_shop(data: Path, products: int) -> None:
    data.mkdir(parents=True)
    shelves, offers = data / "shelves.csv", data / "offers.csv"
    rows = (f"{n},tea,{LATITUDE_DEG + n * STEP_DEG:.5f},{LONGITUDE_DEG},s1,Tea,Tea {n}\n" for n in range(products))
    shelves.write_text("SKU,segment,latitude,longitude,store,section,name\n" + "".join(rows))
    offers.write_text("pid,segment,SKU,title,discount\n" + "".join(f"p{n},tea,{n},Offer,20\n" for n in range(products)))
    with redirect_stdout(StringIO()):
        status = backend_main(["load", "--placements", str(shelves), "--promotions", str(offers), "--data", str(data)])
    assert status == 0
