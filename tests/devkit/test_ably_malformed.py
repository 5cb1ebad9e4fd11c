"""Nonsense sent to the local Ably: no 5xx, no hang, no growth. `ENDCAP_ABLY_MALFORMED=10000` sends as much as that."""

from __future__ import annotations

import json
import logging
import os
import random
import socket
import string
import tracemalloc
from collections.abc import Callable
from typing import Any

import httpx
import msgpack
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from endcap_devkit.ably_server import AblyServer, Settings
from endcap_devkit.ably_server.errors import INTERNAL
from endcap_devkit.ably_server.wire import Action

pytestmark = pytest.mark.ably(settings=Settings(accept_s=0.0, echo_s=0.0))

COUNT = int(os.environ.get("ENDCAP_ABLY_MALFORMED", "1500"))
WAIT_S = 30.0
GROWTH_BYTES = 3_000_000  # what history, journal and caches may hold after it all

VALUES: list[Any] = [
    None, True, -1, 0, 2**31, 2**63, 10**40, 1.5, "", "x", "\ud800", "§" * 100, "\n", "*", "[", ":", [], {}, [[]],
    {"": None},
]  # fmt: skip
FIELDS = ("action", "channel", "msgSerial", "messages", "presence", "auth", "params", "flags", "channelSerial", "id")
INNER = (
    "id",
    "name",
    "data",
    "encoding",
    "clientId",
    "extras",
    "action",
    "connectionKey",
    "accessToken",
    "rewind",
    "modes",
)
PATHS = (
    "/", "/time", "/channels/{}", "/channels/{}/messages", "/channels/{}/history", "/channels/{}/presence", "/messages",
    "/presence", "/keys/{}/requestToken", "/keys/{}/revokeTokens", "/stats", "/apps", "/apps/{}", "/event-stream",
    "/local/faults/{}", "/local/state", "/{}",
)  # fmt: skip


class Nonsense:
    """Mutated protocol messages and requests, the same ones for the same seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def value(self, depth: int = 2) -> Any:
        choice = self.random.random()
        if choice < 0.15 and depth:
            return {self.random.choice(INNER): self.value(depth - 1) for _ in range(self.random.randrange(4))}
        if choice < 0.3 and depth:
            return [self.value(depth - 1) for _ in range(self.random.randrange(4))]
        return self.random.choice(VALUES)

    def message(self) -> dict[str, Any]:
        message = {"action": self.random.choice([*Action, 99]), "channel": "chat", "msgSerial": 0}
        message |= {"messages": [{"data": "x"}], "presence": [{"action": 2, "clientId": "u"}]}
        for field in self.random.sample(FIELDS, self.random.randrange(1, 5)):
            message[field] = self.value()
        return message

    def frame(self, binary: bool) -> str | bytes:
        choice = self.random.random()
        if choice < 0.2:
            noise = self.random.randbytes(self.random.randrange(60))
            return noise if binary or choice < 0.05 else noise.decode("latin-1")
        if binary:
            encoded = bytes(msgpack.packb(self.message(), default=str, unicode_errors="surrogatepass"))
        else:
            encoded = json.dumps(self.message()).encode()
        if choice < 0.4:
            cut = self.random.randrange(len(encoded))
            encoded = encoded[:cut] + self.random.randbytes(2) + encoded[cut + 2 :]
        return encoded if binary else encoded.decode("utf-8", "replace")

    def body(self) -> tuple[bytes, str]:
        binary = self.random.random() < 0.5
        frame = self.frame(binary)
        content_type = self.random.choice(["application/json", "application/x-msgpack", "text/plain", "nonsense", ""])
        return frame if isinstance(frame, bytes) else frame.encode(), content_type

    def word(self) -> str:
        return "".join(self.random.choices(string.printable, k=self.random.randrange(12)))


@pytest.fixture(autouse=True)
def no_error_is_logged(caplog: pytest.LogCaptureFixture) -> Any:
    yield
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


def open_link(server: AblyServer, binary: bool) -> ClientConnection:
    query = f"key={server.key}&v=5&format={'msgpack' if binary else 'json'}"
    return connect(f"ws://127.0.0.1:{server.port}/?{query}", compression=None)


def answers(link: ClientConnection, binary: bool) -> bool:
    """Whether the link still lives, by a heartbeat; no answer on the way may be our own failure."""
    beat = {"action": int(Action.HEARTBEAT), "id": "still there"}
    try:
        link.send(msgpack.packb(beat) if binary else json.dumps(beat))
        while True:
            frame = link.recv(WAIT_S)
            message = msgpack.unpackb(frame) if isinstance(frame, bytes) else json.loads(frame)
            assert message.get("error", {}).get("code") != INTERNAL, message
            if message.get("id") == "still there":
                return True
    except ConnectionClosed:
        return False


@pytest.mark.parametrize("binary", [False, True], ids=["json", "msgpack"])
def test_frames_of_nonsense_end_their_own_link_at_most(ably_server: AblyServer, binary: bool) -> None:
    nonsense, links = Nonsense(1), 1
    link = open_link(ably_server, binary)
    for _ in range(COUNT // 2):
        link.send(nonsense.frame(binary))
        if not answers(link, binary):
            link = open_link(ably_server, binary)
            links += 1
    assert answers(link, binary)
    link.close()
    assert 1 < links < COUNT // 2  # some were deadly, and not all


def test_requests_of_nonsense_are_refused_and_never_our_fault(ably_server: AblyServer, http: httpx.Client) -> None:
    nonsense, statuses = Nonsense(2), set()
    for _ in range(COUNT // 2):
        path = nonsense.random.choice(PATHS).replace("{}", "".join(f"%{ord(c) % 256:02x}" for c in nonsense.word()))
        body, content_type = nonsense.body()
        method = nonsense.random.choice(["GET", "POST", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
        params = {nonsense.random.choice(["limit", "start", "direction", "v", "format", "x"]): nonsense.word()}
        reply = http.request(method, path, content=body, headers={"Content-Type": content_type}, params=params)
        statuses.add(reply.status_code)
        assert reply.status_code < 500, (method, path, reply.text)
    assert {400, 404} <= statuses


@pytest.mark.parametrize(
    "request_text",
    [
        b"\x00\xff\x00\xff\r\n\r\n",
        b"GET /time HTTP/9.9\r\n\r\n",
        b"GET /time HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"POST /messages HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
        b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        b"GET /channels/%zz%c3/messages?accessToken=%ff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /time HTTP/1.1\r\nHost: x\r\nAuthorization: " + b"B" * 100_000 + b"\r\n\r\n",
    ],
)
def test_what_is_hardly_http_is_answered_with_a_refusal(ably_server: AblyServer, request_text: bytes) -> None:
    with socket.create_connection(("127.0.0.1", ably_server.port), WAIT_S) as link:
        link.sendall(request_text)
        status = link.recv(65536).split(b" ")[1]
    assert 400 <= int(status) < 500


def test_nonsense_leaves_nothing_behind(ably_server: AblyServer, raw: Callable[..., Any]) -> None:
    def storm(seed: int) -> None:
        nonsense = Nonsense(seed)
        link = open_link(ably_server, binary=False)
        for _ in range(COUNT // 5):
            link.send(nonsense.frame(binary=False))
            if not answers(link, binary=False):
                link = open_link(ably_server, binary=False)
        link.close()

    storm(3)
    tracemalloc.start()
    storm(4)
    before, _ = tracemalloc.get_traced_memory()
    for seed in range(5, 8):
        storm(seed)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < GROWTH_BYTES
    state = httpx.get(f"{ably_server.url}/local/state", verify=False).json()
    assert state["channelCount"] < 100
    raw().open().ping()
