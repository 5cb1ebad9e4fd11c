"""The Ably transport against the local Ably, which the official clients judge."""

import asyncio
import logging
import socket
import threading
import time
from contextlib import suppress
from queue import Queue

import pytest

from endcap.errors import NotAuthorised, Unreachable
from endcap.subscriber import Subscriber
from endcap.testing import ManualClock, RecordingTransport, a_location, an_alert, an_event
from endcap.transports import ably_connection
from endcap.transports.ably import AblyTransport
from endcap.transports.ably_batch import AblyBatch
from endcap.transports.ably_connection import AblyConnection
from endcap_devkit.ably_server import AblyServer, Settings

WAIT_S = 20.0


class HurriedClock(ManualClock):
    """Nobody waits: the time that somebody wants to wait has passed."""

    def wait(self, event, timeout_s):
        self.advance(timeout_s or 0.0)
        return event.is_set()


class Wire:
    """A TCP relay to the local Ably that the test can cut: `cut` closes what is open, `refuse` lets nobody in."""

    def __init__(self, port):
        self._swallowing = False
        self._target = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._pairs = []
        self._refusing = False
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if self._refusing:
                near.close()
                continue
            far = socket.create_connection(self._target)
            self._pairs += [near, far]
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(source, sink, source is far), daemon=True).start()

    def _pump(self, source, sink, answers):
        with suppress(OSError):
            while data := source.recv(65536):
                if answers and self._swallowing:
                    self._swallowing = False
                    break
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def cut(self):
        pairs, self._pairs = self._pairs, []
        for end in pairs:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def swallow_the_next_answer(self):
        """What is asked next is delivered; its answer is lost, and the line with it."""
        self._swallowing = True

    def refuse(self, refusing=True):
        self._refusing = refusing

    def close(self):
        self._listener.close()
        self.cut()


@pytest.fixture
def wire(ably):
    wire = Wire(ably.port)
    yield wire
    wire.close()


def numbered(uid, *numbers):
    return [a_location(uid=uid, id=f"install:{number}") for number in numbers]


def test_a_fix_is_on_the_shoppers_channel_when_send_returns(ably, rest, opened, a_token, on_channel):
    transport = opened(AblyTransport(lambda: a_token(ably, uid="p1")))
    result = transport.send([a_location(uid="whoever", id="install:1")])
    assert result.accepted == {0}
    assert on_channel("location:p1") == [a_location(uid="p1", id="install:1").to_json()]


def test_fixes_to_catch_up_travel_as_one_message(ably, rest, opened, a_token, on_channel):
    transport = opened(AblyTransport(lambda: a_token(ably, uid="p2")))
    assert transport.send(numbered("p2", 1, 2, 3)).accepted == {0, 1, 2}
    messages = on_channel("location:p2")
    assert [[fix["id"] for fix in message] for message in messages] == [["install:1", "install:2", "install:3"]]


def test_a_batch_too_big_for_one_message_is_cut_and_paced(ably, rest, opened, a_token, on_channel):
    clock = ManualClock()
    transport = opened(AblyTransport(lambda: a_token(ably, uid="p3"), clock=clock))
    results = Queue()
    sender = threading.Thread(target=lambda: results.put(transport.send(numbered("p3", *range(500)))))
    sender.start()
    assert clock.until_waiting(WAIT_S, deadline_within_s=1.0)
    clock.advance(1)
    sender.join(WAIT_S)
    assert results.get(timeout=WAIT_S).accepted == set(range(500))
    messages = on_channel("location:p3")
    assert len(messages) == 2
    assert [fix["id"] for message in messages for fix in message] == [f"install:{n}" for n in range(500)]


def test_the_same_batch_sent_twice_is_one_message(ably, rest, opened, a_token, on_channel):
    transport = opened(AblyTransport(lambda: a_token(ably, uid="p4"), clock=ManualClock()))
    transport.send(numbered("p4", 1, 2))
    transport._published_s = None  # as after a restart
    transport.send(numbered("p4", 1, 2))
    assert len(on_channel("location:p4")) == 1


def test_what_is_no_fix_goes_the_other_way(ably, opened, a_token):
    other = RecordingTransport()
    transport = opened(AblyTransport(lambda: a_token(ably, uid="p5"), other))
    result = transport.send([an_event(), a_location(id="install:1"), an_event(id="e2")])
    assert result.accepted == {0, 1, 2}
    assert [message.id for message in other.sent] == [an_event().id, "e2"]


def test_anothers_channel_is_refused_by_name(ably, opened, a_token):
    transport = opened(AblyTransport(lambda: a_token(ably, uid="eve", channel_uid="alice")))
    with pytest.raises(NotAuthorised, match="40160") as refusal:
        transport.send([a_location(id="install:1")])
    assert refusal.value.channel == "location:alice"


def test_listening_on_anothers_channel_is_refused_by_name(ably, opened, a_token):
    connection = opened(AblyConnection(lambda: a_token(ably, uid="eve")))
    with pytest.raises(NotAuthorised, match="40160") as refusal:
        connection.listen("promotions:alice", lambda data: None)
    assert refusal.value.channel == "promotions:alice"


def test_a_channel_that_is_taken_away_is_told(ably, opened, a_token):
    """The second token no longer covers what the first one did."""
    narrow = {"location:v1": ["publish"]}
    tokens = [a_token(ably, uid="v1"), *(a_token(ably, uid="v1", capability=narrow) for _ in range(3))]
    changes = Queue()
    connection = opened(
        AblyConnection(lambda: tokens.pop(0), on_change=lambda state, fault: changes.put(fault)),
    )
    connection.listen("promotions:v1", lambda data: None)
    ably.fault("expire", clientId="v1")
    fault = changes.get(timeout=WAIT_S)
    while not isinstance(fault, NotAuthorised):
        fault = changes.get(timeout=WAIT_S)
    assert fault.channel == "promotions:v1"


def test_who_gave_up_listening_hears_nothing_later(ably, rest, opened, a_token):
    connection = opened(AblyConnection(lambda: a_token(ably, uid="g1")))
    connection.until_connected(WAIT_S)
    given_up, heard = [], Queue()
    with pytest.raises(Unreachable, match="attach"):
        connection.listen("promotions:g1", given_up.append, timeout_s=1e-6)
    connection.listen("promotions:g1", heard.put)
    rest.channels.get("promotions:g1").publish("alert", "an offer")
    assert heard.get(timeout=WAIT_S) == "an offer"
    assert given_up == []


def test_when_several_channels_are_taken_away_one_new_connection_takes_the_place_of_the_old(
    ably, rest, opened, monkeypatch, a_token
):
    monkeypatch.setattr(ably_connection, "AGAIN_S", 0.2)
    channels = ("promotions:w1", "help:w1")
    both = {channel: ["subscribe", "history"] for channel in channels}
    tokens = [
        a_token(ably, uid="w1", capability=both),
        a_token(ably, uid="w1", capability={"location:w1": ["publish"]}),
    ]
    states, heard, asked = Queue(), Queue(), []

    def fresh():
        asked.append(None)
        return tokens.pop(0) if tokens else a_token(ably, uid="w1", capability=both)

    connection = opened(AblyConnection(fresh, on_change=lambda state, fault: states.put((state, fault))))
    for channel in channels:
        connection.listen(channel, heard.put)
    ably.fault("expire", clientId="w1")
    while not isinstance(states.get(timeout=WAIT_S)[1], NotAuthorised):
        pass
    while states.get(timeout=WAIT_S)[0] != "connected":
        pass
    rest.channels.get("help:w1").publish("help", "somebody comes")
    assert heard.get(timeout=WAIT_S) == "somebody comes"
    assert len(asked) == 3


def test_what_a_client_that_was_given_up_says_of_a_channel_is_not_heard(ably, opened, a_token):
    faults = []
    connection = opened(AblyConnection(lambda: a_token(ably, uid="o1"), on_change=lambda *now: faults.append(now[1])))
    connection.listen("promotions:o1", lambda data: None)
    given_up = connection._client

    async def renew_and_hear_the_last_words():
        from ably.types.channelstate import ChannelState
        from ably.util.exceptions import AblyException

        await connection._renew()
        await connection._until_connected(WAIT_S)
        gone = AblyException("not permitted", 401, 40160)
        given_up.channels.get("promotions:o1")._notify_state(ChannelState.FAILED, reason=gone)
        return connection._renewal

    last = asyncio.run_coroutine_threadsafe(renew_and_hear_the_last_words(), connection._loop)
    assert last.result(2 * WAIT_S) is None
    assert not [fault for fault in faults if isinstance(fault, NotAuthorised)]


@pytest.mark.parametrize("form", ["text", "bytes", "object"])
def test_an_alert_is_heard_in_every_form(form, ably, rest, opened, a_token):
    uid = f"s-{form}"
    heard = Queue()
    transport = opened(AblyTransport(lambda: a_token(ably, uid=uid)))
    transport.listen(Subscriber(heard.put, clock=ManualClock()))
    alert = an_alert(uid=uid)
    data = {"text": alert.to_text(), "bytes": alert.to_text().encode(), "object": alert.to_json()}[form]
    rest.channels.get(f"promotions:{uid}").publish("alert", data)
    assert heard.get(timeout=WAIT_S) == alert


def test_alerts_from_before_she_came_are_rewound(ably, rest, opened, a_token):
    for number in range(3):
        rest.channels.get("promotions:r1").publish("alert", an_alert(id=f"a{number}", uid="r1").to_text())
    heard = Queue()
    transport = opened(AblyTransport(lambda: a_token(ably, uid="r1")))
    transport.listen(Subscriber(heard.put, clock=ManualClock()))
    assert [heard.get(timeout=WAIT_S).id for _ in range(3)] == ["a0", "a1", "a2"]


def test_a_cut_line_loses_no_alert_and_repeats_none(ably, wire, rest, opened, a_token):
    heard = Queue()
    subscriber = Subscriber(heard.put, clock=ManualClock())
    transport = opened(AblyTransport(lambda: a_token(ably, uid="c1", port=wire.port)))
    transport.listen(subscriber)
    channel = rest.channels.get("promotions:c1")
    channel.publish("alert", an_alert(id="before", uid="c1").to_text())
    assert heard.get(timeout=WAIT_S).id == "before"
    wire.refuse()
    wire.cut()
    for number in range(3):
        channel.publish("alert", an_alert(id=f"away{number}", uid="c1").to_text())
    wire.refuse(False)
    assert [heard.get(timeout=WAIT_S).id for _ in range(3)] == ["away0", "away1", "away2"]
    channel.publish("alert", an_alert(id="after", uid="c1").to_text())
    assert heard.get(timeout=WAIT_S).id == "after"
    assert subscriber.received == 5


def test_a_gap_too_long_to_resume_is_closed_from_history(opened, a_token, a_jwt):
    with AblyServer(settings=Settings(connection_state_ttl_s=0.0)) as forgetful:
        wire = Wire(forgetful.port)
        heard = Queue()
        subscriber = Subscriber(heard.put, clock=ManualClock())
        transport = AblyTransport(lambda: a_token(forgetful, uid="h1", port=wire.port))
        batch = AblyBatch(forgetful.url, lambda: a_jwt(forgetful, uid="*", capability={"*": ["*"]}))
        try:
            transport.listen(subscriber)
            batch.publish([("promotions:h1", "m0", "alert", an_alert(id="before", uid="h1").to_text())])
            assert heard.get(timeout=WAIT_S).id == "before"
            wire.refuse()
            wire.cut()
            batch.publish(
                [("promotions:h1", f"m{n}", "alert", an_alert(id=f"away{n}", uid="h1").to_text()) for n in (1, 2)]
            )
            wire.refuse(False)
            assert [heard.get(timeout=WAIT_S).id for _ in range(2)] == ["away1", "away2"]
            assert subscriber.received == 3
        finally:
            transport.close()
            batch.close()
            wire.close()


def test_a_fix_sent_while_the_line_is_down_arrives_once_when_it_is_sent_again(
    ably, wire, rest, opened, a_token, on_channel
):
    transport = opened(
        AblyTransport(lambda: a_token(ably, uid="d1", port=wire.port), timeout_s=2.0, clock=ManualClock())
    )
    transport.send(numbered("d1", 1))
    transport._published_s = None
    wire.refuse()
    wire.cut()
    for _ in range(2):
        with pytest.raises(Unreachable):
            transport.send(numbered("d1", 2, 3))
        transport._published_s = None
    wire.refuse(False)
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            transport.send(numbered("d1", 2, 3))
            break
        except Unreachable:
            transport._published_s = None
            assert time.monotonic() < deadline
    assert [message if isinstance(message, dict) else len(message) for message in on_channel("location:d1")] == [
        a_location(uid="d1", id="install:1").to_json(),
        2,
    ]


def test_a_message_whose_acknowledgement_was_lost_is_not_doubled(ably, wire, rest, opened, a_token, on_channel):
    clock = HurriedClock()
    transport = opened(AblyTransport(lambda: a_token(ably, uid="k1", port=wire.port), timeout_s=3.0, clock=clock))
    sent = lost = 0
    while sent < 9:
        transport.connection.until_connected(WAIT_S)
        if lost < 3:
            wire.swallow_the_next_answer()
        try:
            transport.send(numbered("k1", sent, sent + 1, sent + 2))
            sent += 3
        except Unreachable:
            lost += 1
            assert lost < 20
    assert lost >= 3
    assert [fix["id"] for message in on_channel("location:k1") for fix in message] == [
        f"install:{number}" for number in range(9)
    ]


def test_a_token_is_renewed_in_mid_stream_more_than_once(ably, rest, opened, a_token):
    asked = Queue()

    def tokens():
        asked.put(time.monotonic())
        return a_token(ably, uid="t1", ttl_s=1.2)

    heard = Queue()
    transport = opened(AblyTransport(tokens))
    transport.listen(Subscriber(heard.put, clock=ManualClock()))
    for _ in range(4):
        asked.get(timeout=WAIT_S)
    rest.channels.get("promotions:t1").publish("alert", an_alert(uid="t1").to_text())
    assert heard.get(timeout=WAIT_S) == an_alert(uid="t1")


def test_no_token_yet_is_tried_again(ably, opened, a_token):
    answers = [Unreachable("the backend sleeps"), a_token(ably, uid="n1")]

    def tokens():
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    transport = opened(AblyTransport(tokens))
    assert transport.send([a_location(id="install:1")]).accepted == {0}


def test_a_refused_session_is_told_at_once(opened):
    def tokens():
        raise NotAuthorised("no session")

    with pytest.raises(NotAuthorised, match="no session"):
        opened(AblyTransport(tokens)).send([a_location(id="install:1")])


def test_nobody_there_is_unreachable(opened, ably, a_token):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    transport = opened(AblyTransport(lambda: a_token(ably, port=port), timeout_s=0.5))
    with pytest.raises(Unreachable):
        transport.send([a_location(id="install:1")])


def test_closing_ends_the_thread_and_sends_nothing_more(ably, a_token):
    transport = AblyTransport(lambda: a_token(ably, uid="z1"))
    transport.send([a_location(id="install:1")])
    transport.close()
    transport.close()
    assert "endcap-ably" not in {thread.name for thread in threading.enumerate()}
    with pytest.raises(Unreachable):
        transport.send([a_location(id="install:2")])


def test_neither_token_nor_coordinate_reaches_the_logs(ably, caplog, opened, a_token):
    token = a_token(ably, uid="l1")
    with caplog.at_level(logging.DEBUG):
        transport = opened(AblyTransport(lambda: token))
        transport.send([a_location(id="install:1")])
        transport.close()
    logged = " ".join(
        f"{record.getMessage()} {record.exc_text}" for record in caplog.records if "websockets" not in record.name
    )
    assert token.token not in logged
    assert "latitude" not in logged
