"""What the local Ably's tests share: a client of raw frames, signed tokens, plain HTTP with the key."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self
from urllib.parse import urlencode

import httpx
import jwt
import msgpack
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from endcap_devkit.ably_server import AblyServer
from endcap_devkit.ably_server.wire import Action

WAIT_S = 30.0


class RawClient:
    """One WebSocket, spoken by hand: frames as the protocol has them, nothing done by itself."""

    def __init__(self, server: AblyServer, **query: str) -> None:
        self.binary = query.get("format") == "msgpack"
        defaults = {"v": "5"} if {"key", "accessToken"} & query.keys() else {"v": "5", "key": server.key}
        self.socket = connect(f"ws://127.0.0.1:{server.port}/?{urlencode({**defaults, **query})}", compression=None)
        self.serial = 0
        self.connected: dict[str, Any] = {}

    def open(self) -> Self:
        """Take CONNECTED."""
        self.connected = self.take(Action.CONNECTED)
        return self

    @property
    def id(self) -> str:
        return str(self.connected["connectionId"])

    @property
    def key(self) -> str:
        return str(self.connected["connectionDetails"]["connectionKey"])

    def send(self, action: int, **fields: Any) -> None:
        message = {"action": int(action), **fields}
        self.socket.send(msgpack.packb(message) if self.binary else json.dumps(message))

    def receive(self) -> dict[str, Any]:
        frame = self.socket.recv(WAIT_S)
        message: dict[str, Any] = msgpack.unpackb(frame) if isinstance(frame, bytes) else json.loads(frame)
        return message

    def take(self, action: int) -> dict[str, Any]:
        """The next message, which must be this one."""
        message = self.receive()
        assert message["action"] == action, message
        return message

    def attach(self, channel: str, **fields: Any) -> dict[str, Any]:
        self.send(Action.ATTACH, channel=channel, **fields)
        return self.take(Action.ATTACHED)

    def publish(self, channel: str, *messages: Mapping[str, Any]) -> int:
        """Send MESSAGE; its msgSerial."""
        self.send(Action.MESSAGE, channel=channel, msgSerial=self.serial, messages=list(messages))
        self.serial += 1
        return self.serial - 1

    def presence(self, channel: str, action: int, **fields: Any) -> int:
        self.send(Action.PRESENCE, channel=channel, msgSerial=self.serial, presence=[{"action": action, **fields}])
        self.serial += 1
        return self.serial - 1

    def ping(self) -> None:
        """Wait until the server has dealt with all that was sent."""
        self.send(Action.HEARTBEAT, id="ping")
        assert self.take(Action.HEARTBEAT)["id"] == "ping"

    def is_closed(self) -> bool:
        """Whether the server has closed the link; waits for it."""
        try:
            self.socket.recv(WAIT_S)
        except ConnectionClosed:
            return True
        return False

    def cut(self) -> None:
        """Lose the network: no CLOSE, no closing handshake."""
        self.socket.socket.shutdown(2)
        self.socket.close()


@pytest.fixture
def raw(ably_server: AblyServer) -> Iterator[Callable[..., RawClient]]:
    """`raw(format="msgpack", …)` opens a client; query parameters by name."""
    clients: list[RawClient] = []

    def open_client(**query: str) -> RawClient:
        clients.append(RawClient(ably_server, **query))
        return clients[-1]

    yield open_client
    for client in clients:
        client.socket.close()


@pytest.fixture
def http(ably_server: AblyServer) -> Iterator[httpx.Client]:
    """Plain HTTP with Basic authentication by the key."""
    name, secret = ably_server.key.split(":")
    with httpx.Client(base_url=ably_server.url, auth=(name, secret), timeout=WAIT_S, verify=False) as client:
        yield client


@pytest.fixture
def anybody(ably_server: AblyServer) -> Iterator[httpx.Client]:
    """Plain HTTP without credentials."""
    with httpx.Client(base_url=ably_server.url, timeout=WAIT_S, verify=False) as client:
        yield client


@pytest.fixture
def signed(ably_server: AblyServer) -> Callable[..., str]:
    """`signed({"chat": ["publish"]}, client_id="u1", ttl_s=60)` makes a JWT with the server's key."""

    def sign(
        capability: Mapping[str, list[str]] | None = None, client_id: str | None = None, ttl_s: float = 3600
    ) -> str:
        name, secret = ably_server.key.split(":")
        claims: dict[str, Any] = {"iat": int(time.time()), "exp": time.time() + ttl_s}
        if capability is not None:
            claims["x-ably-capability"] = json.dumps(capability)
        if client_id is not None:
            claims["x-ably-clientId"] = client_id
        return jwt.encode(claims, secret, "HS256", headers={"kid": name})

    return sign
