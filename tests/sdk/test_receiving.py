import json
import threading
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from ably.sync import AblyRestSync

import endcap
from endcap import Purpose
from endcap.errors import NotAuthorised, Unreachable
from endcap.receiving import Receiver
from endcap.subscriber import Subscriber
from endcap.testing import ManualClock, ScriptedSource, a_fix, an_alert
from endcap_devkit.ably_server import AblyServer

WAIT_S = 20


class Line:
    """A channel that listens, or fails as it is told."""

    def __init__(self, fault=None):
        self.fault, self.listening, self.closed = fault, threading.Event(), threading.Event()

    def listen(self, subscriber):
        if self.fault:
            raise self.fault
        self.listening.set()

    def close(self):
        self.closed.set()


class Desk:
    """A receiver that is given one line after the other."""

    def __init__(self, *lines):
        self.clock, self.lines, self.states = ManualClock(), list(lines), []
        self.changed = threading.Condition()
        subscriber = Subscriber(lambda alert: None)
        self.receiver = Receiver(lambda: self.lines.pop(0), subscriber, on_state=self.note, clock=self.clock)

    def note(self):
        with self.changed:
            self.states.append(self.receiver.state)
            self.changed.notify_all()

    def until(self, state):
        with self.changed:
            return self.changed.wait_for(lambda: self.receiver.state == state, WAIT_S)


@pytest.fixture
def desk():
    made = []

    def make(*lines):
        made.append(Desk(*lines))
        made[-1].receiver.start()
        return made[-1]

    yield make
    for each in made:
        each.receiver.close()


def test_without_a_network_it_tries_again_after_pauses_that_double(desk):
    lines = [Line(Unreachable("down")), Line(NotAuthorised("no")), Line(Unreachable("down")), Line()]
    made = desk(*lines)
    for pause_s in (2, 4, 8):
        assert made.clock.until_waiting(WAIT_S, deadline_within_s=pause_s)
        assert made.clock.next_wake_s() == pause_s
        made.clock.advance(pause_s)
    assert lines[3].listening.wait(WAIT_S)
    assert made.until("listening")
    assert [line.closed.is_set() for line in lines] == [True, True, True, False]


def test_a_new_pseudonym_means_a_new_channel(desk):
    first, second = Line(), Line()
    made = desk(first, second)
    assert first.listening.wait(WAIT_S)
    made.receiver.reconnect()
    assert second.listening.wait(WAIT_S)
    assert first.closed.is_set()


def test_closing_lets_go_of_the_channel(desk):
    line = Line()
    made = desk(line)
    assert made.until("listening")
    made.receiver.close()
    made.receiver.close()
    assert line.closed.is_set()
    assert made.states == ["connecting", "listening", "stopped"]


def test_a_channel_that_is_made_while_it_closes_is_never_listened_to():
    line, asked, let_on = Line(), threading.Event(), threading.Event()

    def connect():
        asked.set()
        assert let_on.wait(WAIT_S)
        return line

    receiver = Receiver(connect, Subscriber(lambda alert: None), clock=ManualClock())
    receiver.start()
    assert asked.wait(WAIT_S)
    receiver.close(timeout_s=0.0)
    let_on.set()
    assert line.closed.wait(WAIT_S)
    assert not line.listening.is_set()
    assert receiver.state == "stopped"


def test_a_fault_of_ours_is_tried_again(desk, caplog):
    with caplog.at_level("CRITICAL", "endcap"):
        made = desk(Line(ZeroDivisionError("ours")), Line())
        assert made.clock.until_waiting(WAIT_S, deadline_within_s=2)
    made.clock.advance(2)
    assert made.until("listening")


@pytest.fixture
def ably():
    with AblyServer() as server:
        yield server


@pytest.fixture
def publish(ably):
    """The shop's side: alerts onto a shopper's channel, by the official client."""
    name, secret = ably.key.split(":")
    claims = {"iat": int(datetime.now(UTC).timestamp()), "exp": int(datetime.now(UTC).timestamp()) + 3600}
    token = jwt.encode(claims | {"x-ably-capability": '{"*":["*"]}'}, secret, algorithm="HS256", headers={"kid": name})
    with AblyRestSync(token=token, endpoint=f"localhost:{ably.port}/", tls=False) as client:
        yield lambda alert: client.channels.get(f"promotions:{alert.uid}").publish("alert", alert.to_text())


class Phone:
    def __init__(self, backend, folder, **settings):
        self.source, self.heard, self.changed = ScriptedSource(), [], threading.Condition()
        quiet = {"remote_config": False, "shop_fences": False}
        config = endcap.Config(backend_url=backend.url, storage_dir=folder, **quiet, **settings)
        self.client = endcap.Endcap(config, self.source, dispatcher=endcap.inline)
        self.client.on_promotion(self.hear)
        self.client.on_state(lambda state: self.hear(None))

    def hear(self, alert):
        with self.changed:
            self.heard += [alert] if alert else []
            self.changed.notify_all()

    def until(self, condition):
        with self.changed:
            return self.changed.wait_for(condition, WAIT_S)

    def until_listening(self):
        return self.until(lambda: self.client.state.receiver == "listening")


@pytest.fixture
def phone(backend, ably, tmp_path):
    backend.ably = ably
    made = []

    def make(**settings):
        made.append(Phone(backend, tmp_path / "phone", **settings))
        return made[-1]

    yield make
    for each in made:
        each.client.close()


def offer(uid, id):
    return an_alert(uid=uid, id=id, expires_at=datetime.now(UTC) + timedelta(hours=1))


def test_an_offer_reaches_the_host_once_also_over_a_restart(phone, publish):
    first = phone()
    first.client.consent.grant(Purpose.PROMOTIONS, text_version="1")
    first.client.start()
    assert first.until_listening()
    uid = first.client._engine.install.sessions.uid
    publish(offer(uid, "a1"))
    publish(offer(uid, "a1"))
    publish(offer(uid, "a2"))
    assert first.until(lambda: len(first.heard) == 2)
    first.client.close()
    publish(offer(uid, "a3"))
    second = phone()
    second.client.start()
    assert second.until(lambda: second.heard)
    assert [alert.id for alert in first.heard + second.heard] == ["a1", "a2", "a3"]


def test_fixes_travel_over_ably_where_the_host_chose_that_route(phone, publish, ably, backend):
    made = phone(route="ably")
    made.client.consent.grant(Purpose.LOCATION, Purpose.PROMOTIONS, text_version="1")
    made.client.start()
    made.source.emit(a_fix(taken_at=datetime.now(UTC)))
    assert made.client.flush(WAIT_S)
    assert made.until_listening()
    publish(offer(made.client._engine.install.sessions.uid, "b1"))
    assert made.until(lambda: made.heard)
    assert {path for path, _, _ in backend.requests} == {"/v1/sessions", "/v1/ably-token"}


def test_taking_back_promotions_stops_the_offers_and_leaves_the_rest(phone, publish):
    made = phone()
    made.client.consent.grant(Purpose.LOCATION, Purpose.PROMOTIONS, text_version="1")
    made.client.start()
    assert made.until_listening()
    made.client.consent.revoke(Purpose.PROMOTIONS)
    assert made.client.state.receiver == "stopped"
    publish(offer(made.client._engine.install.sessions.uid, "c1"))
    made.source.emit(a_fix(taken_at=datetime.now(UTC)))
    assert made.client.flush(WAIT_S)
    assert made.heard == []
    assert "ably" not in json.dumps(made.client.diagnostics()["receiver"])


def test_a_pseudonym_that_is_over_is_replaced_and_its_channel_too(phone, publish, backend):
    made = phone()
    made.client.consent.grant(Purpose.LOCATION, Purpose.PROMOTIONS, text_version="1")
    made.client.start()
    assert made.until_listening()
    old = made.client._engine.install.sessions.uid
    backend.tokens.clear()
    backend.ended.add(old)
    made.source.emit(a_fix(taken_at=datetime.now(UTC)))
    assert made.client.flush(WAIT_S)
    new = made.client._engine.install.sessions.uid
    assert new != old
    publish(offer(new, "d1"))
    assert made.until(lambda: made.heard)
