"""Event streams of the local Ably: no gap and no repeat, wherever the link is cut."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from endcap_devkit.ably_server import AblyServer, Settings

Signed = Callable[..., str]


@dataclass(frozen=True)
class Event:
    id: str
    kind: str
    text: str

    @property
    def message(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.text)
        return found


def events(lines: Iterator[str]) -> Iterator[Event]:
    """The events of a stream; one that the link cut short is dropped, as EventSource does."""
    fields: dict[str, list[str]] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(":")
            fields.setdefault(name, []).append(value.removeprefix(" "))
        elif "data" in fields:
            yield Event("".join(fields.get("id", [])), "".join(fields.get("event", [])), "\n".join(fields["data"]))
            fields = {}


@contextmanager
def stream(
    http: httpx.Client, path: str = "/sse", headers: dict[str, str] | None = None, **query: str
) -> Iterator[Any]:
    with http.stream("GET", path, params={"v": "1.2", **query}, headers=headers) as reply:
        assert reply.status_code == 200, reply.read()
        yield events(reply.iter_lines())


def publish(http: httpx.Client, channel: str, *data: str) -> None:
    assert http.post(f"/channels/{channel}/messages", json=[{"data": each} for each in data]).status_code == 201


def test_each_message_comes_as_an_event_with_its_channel(http: httpx.Client) -> None:
    with stream(http, channels="a,b") as told:
        http.post("/channels/a/messages", json={"name": "n", "data": {"x": 1}, "clientId": "u1"})
        event = next(told)
    message = event.message
    assert event.kind == "message"
    assert (message["channel"], message["name"], message["clientId"]) == ("a", "n", "u1")
    assert (message["data"], message["encoding"]) == ('{"x":1}', "json")


@pytest.mark.parametrize("how", ["lastEvent", "lastEventId", "header"])
def test_a_stream_taken_up_inside_a_batch_brings_the_rest_and_no_more(http: httpx.Client, how: str) -> None:
    with stream(http, channels="a,b") as told:
        publish(http, "b", "b1")
        publish(http, "a", "a1", "a2", "a3")
        seen = [next(told) for _ in range(3)]
    publish(http, "b", "b2")
    last = seen[-1].id
    query = {} if how == "header" else {how: last}
    with stream(http, channels="a,b", headers={"Last-Event-ID": last} if how == "header" else None, **query) as told:
        publish(http, "a", "a4")
        rest = [next(told) for _ in range(3)]
    assert [each.message["data"] for each in seen] == ["b1", "a1", "a2"]
    assert sorted(each.message["data"] for each in rest) == ["a3", "a4", "b2"]


def test_a_cursor_covers_channels_that_were_silent_so_far(http: httpx.Client) -> None:
    publish(http, "a", "a1")
    with stream(http, channels="a,b", rewind="1") as told:
        last = next(told).id
    publish(http, "b", "b1")
    with stream(http, channels="a,b", lastEvent=last) as told:
        assert next(told).message["data"] == "b1"


def test_a_stream_cut_inside_a_message_loses_and_repeats_nothing(ably_server: AblyServer, http: httpx.Client) -> None:
    heard: list[str] = []
    last = ""
    expected = [str(number) for number in range(40)]
    publish(http, "chat", "before")
    for start in range(0, 40, 8):
        ably_server.fault("cut", count=1, channel="chat" if start % 16 else "*")
        with stream(http, channels="chat", **({"lastEvent": last} if last else {"rewind": "1"})) as told:
            publish(http, "chat", *expected[start : start + 8])
            try:
                for event in told:
                    heard.append(event.message["data"])
                    last = event.id
            except httpx.RemoteProtocolError:
                continue
    with stream(http, channels="chat", **({"lastEvent": last} if last else {"rewind": "100"})) as told:
        while len(heard) < 41:
            heard.append(next(told).message["data"])
    assert heard == ["before", *expected]


def test_a_stream_that_saw_nothing_yet_is_not_asked_to(http: httpx.Client) -> None:
    publish(http, "chat", "1", "2", "3")
    with stream(http, channels="chat", rewind="2") as told:
        assert [next(told).message["data"] for _ in range(2)] == ["2", "3"]
    with stream(http, channels="[?rewind=1]chat") as told:
        assert next(told).message["channel"] == "[?rewind=1]chat"


def test_without_an_envelope_the_data_is_the_payload_line_by_line(http: httpx.Client) -> None:
    publish(http, "chat", "one\ntwo\r\nthree")
    with stream(http, channels="chat", rewind="1", enveloped="false") as told:
        assert next(told).text == "one\ntwo\nthree"


def test_another_separator_lets_commas_into_names(http: httpx.Client) -> None:
    publish(http, "a,b", "x")
    with stream(http, channels="a,b;c", separator=";", rewind="1") as told:
        assert next(told).message["channel"] == "a,b"


def test_whoever_takes_no_event_stream_gets_an_object_a_line(http: httpx.Client) -> None:
    publish(http, "chat", "1", "2")
    with http.stream("GET", "/event-stream", params={"channels": "chat", "rewind": "2"}) as reply:
        lines = reply.iter_lines()
        found = [json.loads(next(lines)) for _ in range(2)]
        assert reply.headers["Content-Type"] == "application/json"
    assert [each["data"] for each in found] == ["1", "2"]
    headers = {"Accept": "text/event-stream"}
    with stream(http, "/event-stream", headers, channels="chat", rewind="1") as told:
        assert next(told).message["data"] == "2"


def test_a_token_that_expires_ends_the_stream_with_an_error_event(anybody: httpx.Client, signed: Signed) -> None:
    for ttl_s in (0.4, 2.0, 8.0):  # the first that is not over, on a busy machine, before it was used
        with anybody.stream("GET", "/sse", params={"channels": "chat", "accessToken": signed(ttl_s=ttl_s)}) as reply:
            if reply.status_code == 401:
                continue
            (event,) = events(reply.iter_lines())
            break
    assert (event.kind, event.message["code"]) == ("error", 40142)


@pytest.mark.ably(settings=Settings(keepalive_s=0.1))
def test_silence_is_broken_by_a_comment_or_by_an_event(http: httpx.Client) -> None:
    with http.stream("GET", "/sse", params={"channels": "chat"}) as reply:
        assert next(reply.iter_lines()) == ":keepalive"
    with stream(http, channels="chat", heartbeats="true") as told:
        assert next(told).kind == "heartbeat"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, (400, 40000)),
        ({"channels": ":x"}, (400, 40010)),
        ({"channels": "chat", "lastEvent": "%%%"}, (400, 40000)),
        ({"channels": "chat", "lastEvent": "WzFd"}, (400, 40000)),
        ({"channels": "chat", "rewind": "long"}, (400, 40003)),
    ],
)
def test_a_stream_that_cannot_be_is_a_plain_http_error(
    http: httpx.Client, query: dict[str, str], expected: tuple[int, int]
) -> None:
    reply = http.get("/sse", params=query)
    assert (reply.status_code, reply.json()["error"]["code"]) == expected


def test_a_token_hears_no_channel_it_does_not_cover(anybody: httpx.Client, signed: Signed) -> None:
    token = signed({"promotions:me": ["subscribe"]})
    reply = anybody.get("/sse", params={"channels": "promotions:you", "accessToken": token})
    assert (reply.status_code, reply.json()["error"]["code"]) == (401, 40160)


def test_a_page_of_another_origin_may_listen(http: httpx.Client) -> None:
    with http.stream("GET", "/sse", params={"channels": "c"}, headers={"Origin": "https://shop.example"}) as reply:
        assert reply.headers["Access-Control-Allow-Origin"] == "https://shop.example"
        assert reply.headers["Content-Type"] == "text/event-stream"
