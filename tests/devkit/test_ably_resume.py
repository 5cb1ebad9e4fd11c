"""Resuming, recovering and re-authenticating: what a connection keeps when its link or its token ends."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from endcap_devkit.ably_server import Settings
from endcap_devkit.ably_server.modes import Flag
from endcap_devkit.ably_server.wire import Action

Raw = Callable[..., Any]
Signed = Callable[..., str]

AWAY = Settings(connection_state_ttl_s=0.3)
LIVES_S = (0.5, 2.0, 8.0)  # of a token: the first that is not over, on a busy machine, before it was used


def data_of(message: dict[str, Any]) -> list[Any]:
    return [each["data"] for each in message["messages"]]


@pytest.mark.parametrize("how", ["resume", "recover"])
def test_a_resumed_connection_keeps_its_id_gets_a_new_key_and_what_it_missed(raw: Raw, how: str) -> None:
    speaker, listener = raw().open(), raw().open()
    serial = listener.attach("chat")["channelSerial"]
    listener.cut()
    for data in ("1", "2"):
        speaker.publish("chat", {"data": data})
        speaker.take(Action.ACK)
    back = raw(**{how: listener.key}).open()
    attached = back.attach("chat", channelSerial=serial)
    assert (back.id, "error" in back.connected) == (listener.id, False)
    assert back.key != listener.key
    assert Flag.RESUMED in Flag(attached["flags"])
    assert [data_of(back.take(Action.MESSAGE)) for _ in range(2)] == [["1"], ["2"]]


def test_a_client_that_saw_half_of_a_publish_gets_the_other_half(raw: Raw) -> None:
    client = raw().open()
    client.attach("chat")
    client.publish("chat", {"data": "1"}, {"data": "2"}, {"data": "3"})
    first = client.take(Action.MESSAGE)["messages"][0]["serial"]
    client.cut()
    back = raw(resume=client.key).open()
    back.attach("chat", channelSerial=first)
    rest = back.take(Action.MESSAGE)
    assert data_of(rest) == ["2", "3"]
    again = raw(resume=back.key).open()
    again.attach("chat", channelSerial=rest["messages"][-1]["serial"])
    again.ping()  # nothing is missing


def test_attaching_again_on_a_live_link_repeats_nothing(raw: Raw) -> None:
    client = raw().open()
    serial = client.attach("chat")["channelSerial"]
    client.publish("chat", {"data": "1"})
    client.take(Action.MESSAGE), client.take(Action.ACK)
    assert Flag.RESUMED in Flag(client.attach("chat", channelSerial=serial)["flags"])
    client.ping()


def test_a_client_that_lost_a_delta_gets_it_again_whole(raw: Raw) -> None:
    client = raw().open()
    serial = client.attach("chat", params={"delta": "vcdiff"})["channelSerial"]
    client.publish("chat", {"data": "x" * 50 + "1"}, {"data": "x" * 50 + "2"})
    sent = client.take(Action.MESSAGE)["messages"]
    client.take(Action.ACK)
    client.attach("chat", params={"delta": "vcdiff"}, channelSerial=serial)
    assert [message["encoding"] for message in sent[1:]] == ["utf-8/vcdiff/base64"]
    assert client.take(Action.MESSAGE)["messages"][0]["data"] == "x" * 50 + "1"


@pytest.mark.parametrize(("key", "code"), [("nonsense", 80018), ("a!b", 80018), ("AAAAAAAAAA!AAAAAAAAAAAAAAAA", 80008)])
def test_a_key_that_resumes_nothing_connects_anew_and_says_why(raw: Raw, key: str, code: int) -> None:
    connected = raw(resume=key).open().connected
    assert connected["error"]["code"] == code
    assert connected["connectionId"] not in key


def test_another_client_cannot_resume_my_connection(raw: Raw, signed: Signed) -> None:
    mine = raw(accessToken=signed(client_id="me")).open()
    theirs = raw(accessToken=signed(client_id="you"), resume=mine.key).open()
    assert (theirs.connected["error"]["code"], theirs.id == mine.id) == (80008, False)


def test_a_key_is_good_until_the_client_has_the_next_one(raw: Raw) -> None:
    client = raw().open()
    client.cut()
    raw(resume=client.key).cut()  # broke before CONNECTED was read
    back = raw(resume=client.key).open()
    assert back.id == client.id
    back.ping()
    assert raw(resume=client.key).open().connected["error"]["code"] == 80008


@pytest.mark.ably(settings=AWAY)
def test_a_connection_away_too_long_is_forgotten(raw: Raw) -> None:
    watcher, client = raw().open(), raw(clientId="u1").open()
    client.attach("room")
    watcher.attach("room")
    client.presence("room", 2)
    assert watcher.take(Action.PRESENCE)["presence"][0]["action"] == 2
    client.cut()
    assert watcher.take(Action.PRESENCE)["presence"][0]["action"] == 3  # it leaves when its state goes
    assert raw(resume=client.key, clientId="u1").open().connected["error"]["code"] == 80008


@pytest.mark.ably(settings=Settings(max_connections=2))
def test_when_there_are_too_many_connections_one_that_is_away_is_forgotten(raw: Raw) -> None:
    stays, leaves = raw().open(), raw().open()
    assert raw().take(Action.ERROR)["error"]["code"] == 42910
    stays.ping()
    leaves.cut()
    deadline = time.monotonic() + 10.0
    while (greeting := raw().receive())["action"] == Action.ERROR and time.monotonic() < deadline:
        pass  # the server has not seen the cut yet
    assert greeting["action"] == Action.CONNECTED
    stays.ping()


def test_a_second_socket_takes_over_from_the_first(raw: Raw) -> None:
    first = raw().open()
    second = raw(resume=first.key).open()
    assert first.take(Action.DISCONNECTED)["error"]["code"] == 80003
    assert first.is_closed()
    second.ping()


@pytest.mark.parametrize("serial", ["00000000000001-000@foreign", "nonsense", "00000000000001-000@foreign:000"])
def test_a_serial_of_another_life_attaches_at_the_head_and_says_that_messages_are_lost(raw: Raw, serial: str) -> None:
    attached = raw().open().attach("chat", channelSerial=serial)
    assert attached["error"]["code"] == 80008
    assert Flag.RESUMED not in Flag(attached["flags"])


@pytest.mark.ably(settings=Settings(retained_messages=2))
def test_a_serial_older_than_what_is_kept_says_that_messages_are_lost(raw: Raw) -> None:
    client = raw().open()
    serial = client.attach("chat")["channelSerial"]
    client.cut()
    speaker = raw().open()
    for data in ("1", "2", "3"):
        speaker.publish("chat", {"data": data})
        speaker.take(Action.ACK)
    back = raw(resume=client.key).open()
    assert back.attach("chat", channelSerial=serial)["error"]["code"] == 80008


def test_rewind_is_not_for_who_resumes(raw: Raw) -> None:
    speaker, listener = raw().open(), raw().open()
    speaker.publish("chat", {"data": "old"})
    speaker.take(Action.ACK)
    attached = listener.attach("chat", params={"rewind": "1"}, flags=int(Flag.ATTACH_RESUME))
    listener.ping()
    assert Flag.HAS_BACKLOG not in Flag(attached["flags"])


def test_a_link_lost_before_the_backlog_came_loses_none_of_it(raw: Raw) -> None:
    speaker, listener = raw().open(), raw().open()
    for data in ("1", "2", "3"):
        speaker.publish("chat", {"data": data})
        speaker.take(Action.ACK)
    serial = listener.attach("chat", params={"rewind": "2"})["channelSerial"]
    listener.cut()
    back = raw(resume=listener.key).open()
    back.attach("chat", channelSerial=serial)
    assert [data_of(back.take(Action.MESSAGE)) for _ in range(2)] == [["2"], ["3"]]


def test_msg_serials_are_remembered_across_sockets(raw: Raw) -> None:
    speaker, listener = raw().open(), raw().open()
    listener.attach("chat")
    speaker.publish("chat", {"data": "once"})
    ack = speaker.take(Action.ACK)
    speaker.cut()
    back = raw(resume=speaker.key).open()
    back.publish("chat", {"data": "once"})
    assert back.take(Action.ACK) == ack
    back.publish("chat", {"data": "end"})
    assert [data_of(listener.take(Action.MESSAGE)) for _ in range(2)] == [["once"], ["end"]]


def test_a_token_that_expires_disconnects_with_40142(raw: Raw, signed: Signed) -> None:
    for ttl_s in LIVES_S:
        client = raw(accessToken=signed(ttl_s=ttl_s))
        client.connected = client.receive()
        if client.connected["action"] == Action.CONNECTED:
            break
    assert client.take(Action.DISCONNECTED)["error"]["code"] == 40142
    assert client.is_closed()
    back = raw(accessToken=signed(), resume=client.key).open()
    assert back.id == client.id


@pytest.mark.ably(settings=Settings(auth_nudge_s=57.0))
def test_a_new_token_is_asked_for_before_the_old_one_ends(raw: Raw, signed: Signed) -> None:
    client = raw(accessToken=signed(ttl_s=60)).open()
    client.take(Action.AUTH)
    client.send(Action.AUTH, auth={"accessToken": signed()})
    assert client.take(Action.CONNECTED)["connectionId"] == client.id


def test_a_token_of_another_client_ends_the_connection(raw: Raw, signed: Signed) -> None:
    client = raw(accessToken=signed(client_id="me")).open()
    client.send(Action.AUTH, auth={"accessToken": signed(client_id="you")})
    assert client.take(Action.ERROR)["error"]["code"] == 40102
    assert client.is_closed()


def test_a_narrower_token_fails_the_channels_it_leaves_out(raw: Raw, signed: Signed) -> None:
    client = raw(accessToken=signed({"a": ["*"], "b": ["*"]})).open()
    for channel in ("a", "b"):
        client.attach(channel)
    client.send(Action.AUTH, auth={"accessToken": signed({"a": ["subscribe"]})})
    client.take(Action.CONNECTED)
    narrowed, refused = client.take(Action.ATTACHED), client.take(Action.ERROR)
    assert Flag(narrowed["flags"]) == Flag.SUBSCRIBE | Flag.PRESENCE_SUBSCRIBE | Flag.RESUMED
    assert (refused["channel"], refused["error"]["code"]) == ("b", 40160)


def test_a_wider_token_widens_the_modes_of_what_is_attached(raw: Raw, signed: Signed) -> None:
    client = raw(accessToken=signed({"chat": ["subscribe"]})).open()
    client.attach("chat")
    client.publish("chat", {"data": "no"})
    assert client.take(Action.NACK)["error"]["code"] == 40160
    client.send(Action.AUTH, auth={"accessToken": signed({"chat": ["subscribe", "publish"]})})
    client.take(Action.CONNECTED)
    assert Flag.PUBLISH in Flag(client.take(Action.ATTACHED)["flags"])
    client.publish("chat", {"data": "yes"})
    assert data_of(client.take(Action.MESSAGE)) == ["yes"]


def test_a_link_that_is_only_half_closed_is_let_go(raw: Raw) -> None:
    client = raw().open()
    client.socket.socket.shutdown(1)  # no more from us; we still listen
    with pytest.raises(ConnectionClosed):
        client.receive()
