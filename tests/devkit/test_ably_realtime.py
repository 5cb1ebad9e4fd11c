"""The realtime protocol of the local Ably, frame by frame."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from endcap_devkit.ably_server import Settings
from endcap_devkit.ably_server.modes import Flag
from endcap_devkit.ably_server.wire import Action

Raw = Callable[..., Any]
Signed = Callable[..., str]


def until_closed(client: Any) -> Iterator[dict[str, Any]]:
    with suppress(ConnectionClosed):
        while True:
            yield client.receive()


def codes(message: dict[str, Any]) -> int:
    return int(message["error"]["code"])


@pytest.mark.parametrize("format", ["json", "msgpack"])
def test_a_connection_is_told_its_id_its_key_and_the_limits(raw: Raw, format: str) -> None:
    connected = raw(format=format).open().connected
    details = connected["connectionDetails"]
    assert details["connectionKey"].startswith(connected["connectionId"] + "!")
    assert (details["connectionStateTtl"], details["maxIdleInterval"], details["maxMessageSize"]) == (
        120000,
        15000,
        65536,
    )


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"key": "no.such:key"}, 40101),
        ({"key": "nonsense"}, 40101),
        ({"accessToken": "nonsense"}, 40101),
        ({"accessToken": "ey.ey.ey"}, 40144),
        ({"clientId": "*"}, 40012),
        ({"clientId": ""}, 40012),
        ({"remainPresentFor": "soon"}, 40003),
    ],
)
def test_a_refused_connection_is_accepted_told_why_and_closed(raw: Raw, query: dict[str, str], code: int) -> None:
    client = raw(**query)
    assert codes(client.take(Action.ERROR)) == code
    assert client.is_closed()


def test_a_token_for_one_client_id_connects_under_no_other(raw: Raw, signed: Signed) -> None:
    assert codes(raw(accessToken=signed(client_id="u1"), clientId="u2").take(Action.ERROR)) == 40102
    assert codes(raw(accessToken=signed(), clientId="u2").take(Action.ERROR)) == 40102
    assert (
        raw(accessToken=signed(client_id="*"), clientId="u2").open().connected["connectionDetails"]["clientId"] == "u2"
    )


def test_a_heartbeat_comes_back_with_its_id(raw: Raw) -> None:
    raw().open().ping()


@pytest.mark.ably(settings=Settings(max_idle_interval_s=0.2))
def test_silence_is_broken_by_a_heartbeat(raw: Raw) -> None:
    client = raw().open()
    assert "id" not in client.take(Action.HEARTBEAT)


@pytest.mark.ably(settings=Settings(max_idle_interval_s=0.2))
def test_who_asks_for_no_heartbeats_gets_pings_and_no_messages(raw: Raw) -> None:
    client = raw(heartbeats="false").open()
    with pytest.raises(TimeoutError):
        client.socket.recv(1.0)


def test_attached_names_the_modes_the_serial_and_the_known_params(raw: Raw) -> None:
    attached = raw().open().attach("chat", params={"rewind": "1", "unknown": "x", "modes": "publish,subscribe"})
    assert Flag(attached["flags"]) == Flag.PUBLISH | Flag.SUBSCRIBE
    assert attached["params"] == {"rewind": "1", "modes": "publish,subscribe"}
    assert attached["channelSerial"]


def test_a_channel_without_any_capability_fails_with_40160(raw: Raw, signed: Signed) -> None:
    client = raw(accessToken=signed({"mine": ["subscribe"]})).open()
    client.send(Action.ATTACH, channel="yours")
    refused = client.take(Action.ERROR)
    assert (refused["channel"], codes(refused)) == ("yours", 40160)
    assert Flag(client.attach("mine")["flags"]) == Flag.SUBSCRIBE | Flag.PRESENCE_SUBSCRIBE


@pytest.mark.parametrize(
    ("channel", "params", "code"),
    [
        ("", {}, 40010),
        (":x", {}, 40010),
        ("a\nb", {}, 40010),
        ("[open", {}, 40010),
        ("chat", {"modes": "shout"}, 40000),
        ("chat", {"rewind": "yesterday"}, 40003),
        ("[?rewind=yesterday]chat", {}, 40003),
    ],
)
def test_an_attach_that_cannot_be_fails_the_channel_only(raw: Raw, channel: str, params: Any, code: int) -> None:
    client = raw().open()
    client.send(Action.ATTACH, channel=channel, params=params)
    assert codes(client.take(Action.ERROR)) == code
    client.ping()


def test_a_channel_attached_to_listen_is_not_spoken_on(raw: Raw) -> None:
    client = raw().open()
    client.attach("chat", params={"modes": "subscribe"})
    client.publish("chat", {"data": "x"})
    assert codes(client.take(Action.NACK)) == 40160
    client.attach("chat", params={"modes": "publish"})
    client.publish("chat", {"data": "x"})
    client.take(Action.ACK)


def test_a_publish_is_acknowledged_with_the_serials_of_its_messages(raw: Raw) -> None:
    speaker, listener = raw().open(), raw().open()
    listener.attach("chat")
    serial = speaker.publish("chat", {"name": "a", "data": "1"}, {"data": "2"})
    ack = speaker.take(Action.ACK)
    heard = listener.take(Action.MESSAGE)
    assert (ack["msgSerial"], ack["count"]) == (serial, 1)
    assert ack["res"] == [{"serials": [message["serial"] for message in heard["messages"]]}]
    assert [message["id"] for message in heard["messages"]] == [f"{speaker.id}:0:0", f"{speaker.id}:0:1"]
    assert heard["connectionId"] == speaker.id


def test_a_repeated_msg_serial_is_acknowledged_again_and_published_once(raw: Raw) -> None:
    speaker, listener = raw().open(), raw().open()
    listener.attach("chat")
    for _ in range(2):
        speaker.send(Action.MESSAGE, channel="chat", msgSerial=0, messages=[{"data": "once"}])
    first, second = speaker.take(Action.ACK), speaker.take(Action.ACK)
    speaker.serial = 1
    speaker.publish("chat", {"data": "end"})
    assert first == second
    assert [listener.take(Action.MESSAGE)["messages"][0]["data"] for _ in range(2)] == ["once", "end"]


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"data": 5}, 40013),
        ({"data": "§", "encoding": "base64"}, 40013),
        ({"name": 5}, 40000),
        ({"extras": []}, 40000),
        ({"clientId": "somebody else"}, 40012),
        ({"clientId": "*"}, 40012),
        ({"data": "x" * 65_537}, 40009),
        ("text", 40000),
    ],
)
def test_a_message_that_cannot_be_is_refused_and_the_next_goes_through(
    raw: Raw, signed: Signed, message: Any, code: int
) -> None:
    client = raw(accessToken=signed(client_id="u1")).open()
    client.publish("chat", message)
    nack = client.take(Action.NACK)
    assert (nack["msgSerial"], nack["count"], codes(nack)) == (0, 1, code)
    client.publish("chat", {"data": "fine"})
    client.take(Action.ACK)


def test_ids_of_messages_together_must_belong_together(raw: Raw) -> None:
    client = raw().open()
    client.publish("chat", {"id": "a:0"}, {"id": "b:1"})
    assert codes(client.take(Action.NACK)) == 40031


def test_the_server_stamps_the_client_id_on_what_lacks_one(raw: Raw, signed: Signed) -> None:
    listener, speaker = raw().open(), raw(accessToken=signed(client_id="u1")).open()
    listener.attach("chat")
    speaker.publish("chat", {"data": "x"})
    assert listener.take(Action.MESSAGE)["messages"][0]["clientId"] == "u1"


def test_echo_false_spares_only_the_connection_that_spoke(raw: Raw) -> None:
    quiet, other = raw(echo="false").open(), raw().open()
    for client in (quiet, other):
        client.attach("chat")
    quiet.publish("chat", {"data": "mine"})
    other.publish("chat", {"data": "yours"})
    quiet.take(Action.ACK)
    assert quiet.take(Action.MESSAGE)["messages"][0]["data"] == "yours"
    assert other.take(Action.MESSAGE)["messages"][0]["data"] == "mine"


def test_bytes_travel_as_base64_in_json_and_as_themselves_in_msgpack(raw: Raw) -> None:
    speaker, text, binary = raw(format="msgpack").open(), raw().open(), raw(format="msgpack").open()
    for listener in (text, binary):
        listener.attach("chat")
    speaker.publish("chat", {"data": b"\x00\xff"})
    as_text, as_bytes = (listener.take(Action.MESSAGE)["messages"][0] for listener in (text, binary))
    assert (as_text["data"], as_text["encoding"]) == ("AP8=", "base64")
    assert (as_bytes["data"], "encoding" in as_bytes) == (b"\x00\xff", False)


def test_a_json_object_reaches_others_as_text_with_its_encoding(raw: Raw) -> None:
    client = raw().open()
    client.attach("chat")
    client.publish("chat", {"data": {"a": [1, "ü"]}})
    heard = client.take(Action.MESSAGE)["messages"][0]
    assert (heard["data"], heard["encoding"]) == ('{"a":[1,"ü"]}', "json")


def test_rewind_brings_the_last_messages_before_what_is_new(raw: Raw) -> None:
    speaker, listener = raw().open(), raw().open()
    speaker.publish("chat", {"data": "1"}, {"data": "2"}, {"data": "3"})
    speaker.take(Action.ACK)
    attached = listener.attach("chat", params={"rewind": "2"})
    speaker.publish("chat", {"data": "4"})
    heard = [listener.take(Action.MESSAGE) for _ in range(2)]
    assert Flag.HAS_BACKLOG in Flag(attached["flags"])
    assert [[message["data"] for message in each["messages"]] for each in heard] == [["2", "3"], ["4"]]


def test_a_qualified_name_rewinds_and_stays_the_name_on_the_wire(raw: Raw) -> None:
    speaker, listener = raw().open(), raw().open()
    speaker.publish("chat", {"data": "1"})
    speaker.take(Action.ACK)
    listener.attach("[?rewind=1]chat")
    assert listener.take(Action.MESSAGE)["channel"] == "[?rewind=1]chat"


@pytest.mark.parametrize("action", [Action.CLOSE, Action.DISCONNECT])
def test_a_client_that_says_goodbye_is_answered_and_let_go(raw: Raw, action: Action) -> None:
    client = raw().open()
    client.send(action)
    client.take(Action.CLOSED if action is Action.CLOSE else Action.DISCONNECTED)
    assert client.is_closed()


def test_detach_is_answered_whether_attached_or_not(raw: Raw) -> None:
    client = raw().open()
    client.attach("chat")
    for channel in ("chat", "never"):
        client.send(Action.DETACH, channel=channel)
        assert client.take(Action.DETACHED)["channel"] == channel


def test_occupancy_is_told_to_who_asks(raw: Raw) -> None:
    curious = raw().open()
    curious.attach("chat", params={"occupancy": "metrics.subscribers"})
    first = curious.take(Action.MESSAGE)["messages"][0]
    raw().open().attach("chat")
    second = curious.take(Action.MESSAGE)["messages"][0]
    assert (first["name"], first["data"]) == ("[meta]occupancy", '{"metrics":{"subscribers":1}}')
    assert second["data"] == '{"metrics":{"subscribers":2}}'


@pytest.mark.parametrize(
    "frame", ["", "[]", "{", '{"action": "x"}', '{"action": 15}', "null", '{"action":10,"flags":"x"}']
)
def test_a_frame_that_is_none_ends_the_connection_with_an_error_or_fails_a_channel(raw: Raw, frame: str) -> None:
    client = raw().open()
    client.socket.send(frame)
    assert codes(client.take(Action.ERROR)) in (40000, 40010)


def test_actions_of_a_newer_protocol_are_let_pass(raw: Raw) -> None:
    client = raw().open()
    client.send(19, channel="chat")
    client.send(99)
    client.ping()


def test_annotations_are_refused_by_name(raw: Raw) -> None:
    client = raw().open()
    client.send(Action.ANNOTATION, channel="chat", msgSerial=0, annotations=[{}])
    assert codes(client.take(Action.NACK)) == 40000


@pytest.mark.ably(settings=Settings(max_outbox_bytes=200_000))
def test_a_slow_reader_is_cut_off_instead_of_filling_memory(raw: Raw) -> None:
    speaker, sleeper = raw().open(), raw().open()
    sleeper.attach("chat")
    for _ in range(400):  # 24 MB: more than the sockets between them hold
        speaker.publish("chat", {"data": "x" * 60_000})
        speaker.take(Action.ACK)
    assert sum(1 for _ in until_closed(sleeper)) < 400


def test_a_filtered_channel_hears_only_what_its_expression_holds_for(raw: Raw) -> None:
    expression = base64.b64encode(b"name == 'deal' && headers.aisle > `2`").decode()
    speaker, listener = raw().open(), raw().open()
    listener.attach(f"[filter={expression}]chat")
    deals = [{"name": "deal", "data": str(aisle), "extras": {"headers": {"aisle": aisle}}} for aisle in range(5)]
    speaker.publish("chat", *deals, {"name": "help", "data": "9"}, {"name": "deal", "data": "no headers"})
    speaker.publish("chat", {"name": "help"})
    speaker.publish("chat", deals[4])
    heard = [listener.take(Action.MESSAGE) for _ in range(2)]
    assert [[message["data"] for message in each["messages"]] for each in heard] == [["3", "4"], ["4"]]


@pytest.mark.parametrize("filter", ["§", "bmFtZSA9PSA=", "eA"])
def test_a_filter_that_is_none_fails_the_channel(raw: Raw, filter: str) -> None:
    client = raw().open()
    client.send(Action.ATTACH, channel=f"[filter={filter}]chat")
    assert codes(client.take(Action.ERROR)) == 40010
