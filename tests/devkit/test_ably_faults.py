"""The switches of the local Ably: faults on demand, limits enforced, and the rule that carries messages on."""

from __future__ import annotations

import base64
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from typing import Any

import httpx
import pytest

from endcap_devkit.ably_server import AblyServer, Rule, Settings
from endcap_devkit.ably_server.errors import AblyError
from endcap_devkit.ably_server.wire import Action

Raw = Callable[..., Any]
Signed = Callable[..., str]

WAIT_S = 30.0
LIMITED = Settings(limits=True)


def test_a_dropped_link_is_gone_without_a_word_and_can_be_resumed(raw: Raw, anybody: httpx.Client) -> None:
    client, other = raw().open(), raw().open()
    assert anybody.post("/local/faults/drop", json={"connectionId": client.id}).json() == {"hit": 1}
    assert client.is_closed()
    assert raw(resume=client.key).open().id == client.id
    other.ping()


def test_an_expired_token_is_refused_everywhere(raw: Raw, anybody: httpx.Client, signed: Signed) -> None:
    token = signed(client_id="u1")
    client = raw(accessToken=token).open()
    assert anybody.post("/local/faults/expire", json={"clientId": "u1"}).json() == {"hit": 1}
    assert client.take(Action.DISCONNECTED)["error"]["code"] == 40142
    assert raw(accessToken=token).take(Action.ERROR)["error"]["code"] == 40142
    reply = anybody.get("/channels/chat/messages", params={"accessToken": token})
    assert reply.json()["error"]["code"] == 40142


def test_the_next_publishes_are_refused_and_the_one_after_goes_through(raw: Raw, anybody: httpx.Client) -> None:
    client = raw().open()
    anybody.post("/local/faults/nack", json={"count": 2, "code": 42913, "channel": "location:*"})
    for channel in ("location:u1", "help:s1", "location:u1", "location:u1"):
        client.publish(channel, {"data": "x"})
    answers = [client.receive() for _ in range(4)]
    assert [answer.get("error", {}).get("code") for answer in answers] == [42913, None, 42913, None]


def test_a_delayed_publish_is_answered_later_and_in_order(raw: Raw, ably_server: AblyServer) -> None:
    client = raw().open()
    ably_server.fault("delay", count=1, delay_ms=300)
    begun = time.monotonic()
    for data in ("1", "2"):
        client.publish("chat", {"data": data})
    assert [client.take(Action.ACK)["msgSerial"] for _ in range(2)] == [0, 1]
    assert time.monotonic() - begun >= 0.3


def test_a_connection_turned_away_is_told_to_come_back(raw: Raw, http: httpx.Client, ably_server: AblyServer) -> None:
    ably_server.fault("refuse", count=2)
    assert raw().take(Action.DISCONNECTED)["error"]["code"] == 80003
    assert http.get("/sse", params={"channels": "chat"}).status_code == 503
    raw().open()


def test_disconnecting_says_so_with_a_code(raw: Raw, ably_server: AblyServer) -> None:
    client = raw().open()
    client.attach("chat")
    assert ably_server.fault("disconnect", channel="chat", code=80003) == {"hit": 1}
    assert client.take(Action.DISCONNECTED)["error"]["code"] == 80003


def test_switches_can_be_read_and_put_back(anybody: httpx.Client) -> None:
    armed = anybody.post("/local/faults/cut", json={"count": 3}).json()
    assert armed["cut"]["count"] == 3
    assert anybody.get("/local/faults").json() == armed
    assert all(switch["count"] == 0 for switch in anybody.delete("/local/faults").json().values())


@pytest.mark.parametrize(("fault", "options"), [("quake", {}), ("nack", {"count": "x"}), ("nack", {"channel": 5})])
def test_a_fault_that_is_none_is_refused(
    ably_server: AblyServer, anybody: httpx.Client, fault: str, options: dict[str, Any]
) -> None:
    assert anybody.post(f"/local/faults/{fault}", json=options).json()["error"]["code"] == 40003
    with pytest.raises(AblyError):
        ably_server.fault(fault, **options)


@pytest.mark.ably(settings=LIMITED)
def test_a_connection_that_speaks_too_fast_is_refused_with_42911(raw: Raw) -> None:
    client = raw().open()
    for number in range(60):
        client.publish(f"chat:{number}", {"data": "x"})
    answers = [client.receive() for _ in range(60)]
    refused = [answer["error"]["code"] for answer in answers if answer["action"] == Action.NACK]
    assert 50 <= 60 - len(refused) < 60
    assert set(refused) == {42911}


@pytest.mark.ably(settings=LIMITED)
def test_a_channel_that_is_spoken_on_too_fast_is_refused_with_42913(http: httpx.Client) -> None:
    reply = http.post("/channels/chat/messages", json=[{}] * 51)
    assert (reply.status_code, reply.json()["error"]["code"]) == (429, 42913)
    assert http.post("/channels/chat/messages", json=[{}] * 50).status_code == 201


@pytest.mark.ably(settings=Settings(limits=True, max_channels=3))
def test_one_channel_too_many_is_refused(raw: Raw) -> None:
    client = raw().open()
    for number in range(3):
        client.attach(f"chat:{number}")
    client.send(Action.ATTACH, channel="chat:3")
    assert client.take(Action.ERROR)["error"]["code"] == 90010


class Hook:
    """Somebody's HTTP endpoint: keeps what it is sent and answers as it is told, 200 when it is told nothing."""

    def __init__(self) -> None:
        self.received: Queue[tuple[dict[str, str], bytes]] = Queue()
        self.answers: list[int] = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/hook"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = hook.answers.pop(0) if hook.answers else 200
                if status == 200:
                    hook.received.put((dict(self.headers), body))
                self.send_response(status)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing on standard error."""

        return Handler

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def hook() -> Iterator[Hook]:
    hook = Hook()
    yield hook
    hook.close()


def messages_of(hook: Hook, count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while len(found) < count:
        _, body = hook.received.get(timeout=WAIT_S)
        for item in json.loads(body)["items"]:
            assert (item["source"], item["name"]) == ("channel.message", "channel.message")
            found += [message | {"channel": item["data"]["channelId"]} for message in item["data"]["messages"]]
    return found


def test_a_rule_carries_matching_messages_signed_and_in_order(hook: Hook) -> None:
    with AblyServer(rules=[Rule("location:*", hook.url)]) as server:
        name, secret = server.key.split(":")
        with httpx.Client(base_url=server.url, auth=(name, secret), verify=False) as http:
            for number in range(5):
                http.post("/channels/location:u1/messages", json={"data": str(number), "clientId": "u1"})
                http.post("/channels/promotions:u1/messages", json={"data": "not this"})
        headers, body = hook.received.get(timeout=WAIT_S)
        hook.received.put((headers, body))
        told = sorted(messages_of(hook, 5), key=lambda message: str(message["serial"]))
    assert [(each["channel"], each["clientId"], each["data"]) for each in told] == [
        ("location:u1", "u1", str(number)) for number in range(5)
    ]
    signature = base64.b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()
    assert (headers["X-Ably-Key"], headers["X-Ably-Signature"]) == (name, signature)


def test_a_rule_tries_again_while_the_other_side_is_ill(hook: Hook) -> None:
    hook.answers = [503, 429]
    with AblyServer(rules=[Rule("location:*", hook.url)]) as server:
        name, secret = server.key.split(":")
        with httpx.Client(base_url=server.url, auth=(name, secret), verify=False) as http:
            http.post("/channels/location:u1/messages", json={"data": "1"})
            assert [each["data"] for each in messages_of(hook, 1)] == ["1"]
            (rule,) = http.get("/local/state").json()["rules"]
    assert (rule["channels"], rule["lost"]) == ("location:*", 0)


def test_what_the_other_side_refuses_for_good_is_counted_as_lost(hook: Hook) -> None:
    hook.answers = [422]
    with AblyServer(rules=[Rule("*", hook.url)]) as server:
        name, secret = server.key.split(":")
        with httpx.Client(base_url=server.url, auth=(name, secret), verify=False) as http:
            http.post("/channels/c/messages", json={"data": "bad"})
            deadline = time.monotonic() + WAIT_S
            while not (lost := http.get("/local/state").json()["rules"][0]["lost"]) and time.monotonic() < deadline:
                pass
            http.post("/channels/c/messages", json={"data": "good"})
            assert [each["data"] for each in messages_of(hook, 1)] == ["good"]
    assert lost == 1
