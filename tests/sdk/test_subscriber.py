import json
from contextlib import closing
from datetime import timedelta

import pytest

from endcap.outbox import Outbox
from endcap.subscriber import REMEMBERED, Subscriber
from endcap.testing import NOON, ManualClock, an_alert


class Remembering:
    """What the outbox's state is, in memory."""

    def __init__(self):
        self.values = {}

    def get(self, name):
        return self.values.get(name)

    def set(self, name, value):
        self.values[name] = value


@pytest.fixture
def heard():
    return []


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def subscriber(heard, clock):
    return Subscriber(heard.append, clock=clock)


@pytest.mark.parametrize(
    "form",
    [
        lambda alert: alert.to_text(),
        lambda alert: alert.to_text().encode(),
        lambda alert: bytearray(alert.to_text().encode()),
        lambda alert: alert.to_json(),
        lambda alert: [alert.to_json()],
        lambda alert: json.dumps([alert.to_json()]),
    ],
    ids=["text", "bytes", "bytearray", "object", "array", "text of an array"],
)
def test_an_alert_is_read_in_every_form_it_may_arrive_in(form, subscriber, heard):
    subscriber.receive(form(an_alert()))
    assert heard == [an_alert()]


def test_a_repeat_is_heard_once_and_counted(subscriber, heard):
    for _ in range(3):
        subscriber.receive(an_alert().to_text())
    assert heard == [an_alert()]
    assert subscriber.dropped == {"repeat": 2}


def test_a_restart_does_not_repeat_an_alert(heard, clock, tmp_path):
    with closing(Outbox(tmp_path / "outbox.db")) as outbox:
        Subscriber(heard.append, outbox, clock=clock).receive(an_alert().to_text())
    with closing(Outbox(tmp_path / "outbox.db")) as outbox:
        again = Subscriber(heard.append, outbox, clock=clock)
        again.receive(an_alert().to_text())
    assert len(heard) == 1
    assert again.dropped == {"repeat": 1}


def test_an_alert_is_remembered_before_it_is_handed_over(clock):
    keeping = Remembering()
    seen = []
    subscriber = Subscriber(lambda alert: seen.append(keeping.get("heard")), keeping, clock=clock)
    subscriber.receive(an_alert().to_text())
    assert "alert-1" in seen[0]


def test_an_expired_alert_is_dropped_and_counted(subscriber, heard):
    subscriber.receive(an_alert(expires_at=NOON).to_text())
    subscriber.receive(an_alert(id="later", expires_at=NOON + timedelta(milliseconds=1)).to_text())
    assert [alert.id for alert in heard] == ["later"]
    assert subscriber.dropped == {"expired": 1}


def test_an_alert_of_another_shopper_is_dropped(heard, clock):
    subscriber = Subscriber(heard.append, uid=lambda: "u2", clock=clock)
    subscriber.receive(an_alert(uid="u1").to_text())
    assert (heard, subscriber.dropped) == ([], {"of another shopper": 1})


@pytest.mark.parametrize(
    "data", [None, 7, "", "{", b"\xff", {"id": "x"}, [1, None], '{"id": 1}', "[" * 5000, float("nan"), "NaN"]
)
def test_what_is_no_alert_is_counted_and_its_neighbours_pass(data, subscriber, heard):
    subscriber.receive(data)
    subscriber.receive([data, an_alert().to_json()])
    assert heard == [an_alert()]
    assert subscriber.dropped["unreadable"] >= 2


def test_a_callback_that_fails_harms_nobody(clock):
    def fail(alert):
        raise RuntimeError("the host's fault")

    subscriber = Subscriber(fail, clock=clock)
    assert subscriber.receive(an_alert().to_text()) == [an_alert()]
    assert subscriber.dropped == {"callback failed": 1}


def test_the_memory_is_bounded_and_forgets_what_has_expired(heard, clock):
    keeping = Remembering()
    subscriber = Subscriber(heard.append, keeping, clock=clock)
    for number in range(REMEMBERED + 10):
        subscriber.receive(an_alert(id=f"a{number}").to_json())
    assert len(json.loads(keeping.get("heard"))) == REMEMBERED
    clock.advance(3600)
    subscriber.receive(an_alert(id="new", expires_at=NOON + timedelta(hours=2)).to_json())
    assert list(json.loads(keeping.get("heard"))) == ["new"]


def test_forgetting_wipes_the_disk_too(heard, clock):
    keeping = Remembering()
    subscriber = Subscriber(heard.append, keeping, clock=clock)
    subscriber.receive(an_alert().to_json())
    subscriber.forget()
    assert keeping.get("heard") is None


def test_how_a_call_for_help_stands_is_no_alert_and_no_fault_either(subscriber, heard):
    notice = {"notice": "help", "id": "h1", "state": "accepted"}
    assert subscriber.receive(json.dumps(notice)) == []
    assert len(subscriber.receive([notice, an_alert().to_json()])) == 1
    assert (len(heard), subscriber.dropped) == (1, {})


def test_a_notice_is_handed_over_as_it_came_and_each_time_and_is_no_alert(heard, clock):
    noticed = []
    subscriber = Subscriber(heard.append, on_notice=noticed.append, clock=clock)
    notice = {"notice": "help", "id": "h1", "state": "coming"}
    for form in (notice, json.dumps(notice), [notice, an_alert().to_json()]):
        subscriber.receive(form)
    assert noticed == [notice] * 3
    assert heard == [an_alert()]
    assert not subscriber.dropped


def test_a_host_that_fails_on_a_notice_still_hears_the_alert_beside_it(heard, clock):
    def fail(notice):
        raise ValueError(notice["notice"])

    subscriber = Subscriber(heard.append, on_notice=fail, clock=clock)
    subscriber.receive([{"notice": "help"}, an_alert().to_json()])
    assert heard == [an_alert()]
    assert subscriber.dropped == {"callback failed": 1}


@pytest.mark.parametrize("garbage", ["{", "[]", '{"a1": "soon"}', '{"a1": null}'])
def test_memory_that_the_disk_garbled_is_begun_anew(heard, clock, garbage):
    keeping = Remembering()
    keeping.set("heard", garbage)
    subscriber = Subscriber(heard.append, keeping, clock=clock)
    subscriber.receive(an_alert().to_text())
    assert heard == [an_alert()]
