"""From the log to the channels: each alert once, in order, while it is true."""

import json
from datetime import timedelta
from random import Random

import pytest

from endcap.errors import NotAuthorised, Refused, Unreachable
from endcap.testing import NOON, an_alert
from endcap_backend.pipeline.courier import CHANNEL_PATIENCE_S, PUSH_ALERTS
from endcap_backend.pipeline.delivery import Delivery


def alerts(count, uid="ann"):
    return [an_alert(id=f"{uid}-{n}", uid=uid) for n in range(count)]


def ids(taken):
    return [alert.id for alert in taken]


@pytest.fixture
def deliver(records, clock):
    """Starts a delivery of the log to a push; stopped at the end of the test."""
    running = []

    def start(push):
        delivery = Delivery(records, push, clock=clock, luck=Random(1))
        running.append(delivery)
        delivery.start()
        return delivery

    yield start
    for delivery in running:
        delivery.stop()


def append(records, as_record, messages):
    return records.append([as_record(each) for each in messages])


def test_each_shopper_hears_in_the_order_of_the_log_her_first_alert_with_everyone_elses_first(
    records, as_record, deliver, recording_push
):
    push = recording_push()
    append(records, as_record, alerts(3, "ann") + alerts(2, "bob"))
    deliver(push)
    assert push.until_taken(5)
    assert [ids(attempt) for attempt in push.attempts] == [["ann-0", "bob-0"], ["ann-1", "bob-1"], ["ann-2"]]


def test_a_large_backlog_goes_out_in_requests_of_a_hundred(records, as_record, deliver, recording_push):
    push = recording_push()
    append(records, as_record, [an_alert(id=f"a{n}", uid=f"u{n}") for n in range(250)])
    deliver(push)
    assert push.until_taken(250)
    assert [len(attempt) for attempt in push.attempts] == [PUSH_ALERTS, PUSH_ALERTS, 50]


def test_what_was_pushed_is_not_pushed_again_after_a_stop(records, as_record, deliver, recording_push):
    first, second = recording_push(), recording_push()
    append(records, as_record, alerts(2))
    delivery = deliver(first)
    assert first.until_taken(2)
    delivery.stop()
    append(records, as_record, [an_alert(id="later", uid="ann")])
    deliver(second)
    assert second.until_taken(1)
    assert ids(second.taken) == ["later"]


def test_while_ably_is_away_nothing_is_lost_and_order_is_kept(records, as_record, deliver, recording_push, clock):
    push = recording_push(Unreachable("no route"), Unreachable("no route"))
    delivery = deliver(push)
    append(records, as_record, alerts(3))
    for attempt in (1, 2):
        assert push.until_attempts(attempt)
        assert clock.until_waiting()
        assert delivery.stats()["failures in a row"] == attempt
        clock.advance(1)
    assert push.until_taken(3)
    assert ids(push.taken) == ["ann-0", "ann-1", "ann-2"]
    assert delivery.stats()["retries"] == 2


def test_pauses_grow_are_jittered_and_end_at_half_a_minute(records, as_record, deliver, recording_push, clock):
    push = recording_push(*[Unreachable("no route")] * 12)
    deliver(push)
    append(records, as_record, [an_alert(expires_at=NOON + timedelta(hours=1))])
    pauses = []
    for attempt in range(1, 13):
        assert push.until_attempts(attempt)
        assert clock.until_waiting()
        pauses.append(clock.next_wake_s())
        clock.advance(pauses[-1])
    full = [min(30, 0.25 * 2**n) for n in range(12)]
    assert all(most / 2 <= pause <= most for pause, most in zip(pauses, full, strict=True))
    assert len({pause / most for pause, most in zip(pauses, full, strict=True)}) == 12


def test_ably_is_given_the_time_it_asks_for(records, as_record, deliver, recording_push, clock):
    push = recording_push(Unreachable("too many", retry_after_s=20))
    deliver(push)
    append(records, as_record, alerts(1))
    assert push.until_attempts(1)
    assert clock.until_waiting()
    assert clock.next_wake_s() == 20


def test_an_alert_that_expired_while_ably_was_away_is_counted_not_pushed(
    records, as_record, deliver, recording_push, clock
):
    push = recording_push(Unreachable("no route"))
    delivery = deliver(push)
    soon = an_alert(id="soon", expires_at=NOON + timedelta(seconds=5))
    append(records, as_record, [soon, an_alert(id="still", expires_at=NOON + timedelta(minutes=5))])
    assert push.until_attempts(1)
    assert clock.until_waiting()
    clock.advance(5)
    assert push.until_taken(1)
    assert ids(push.taken) == ["still"]
    assert delivery.stats()["expired"] == 1


def test_a_refused_alert_is_a_dead_letter_and_its_neighbours_pass(records, as_record, deliver, recording_push, until):
    push = recording_push([None, Refused("no such channel", 400), None])
    delivery = deliver(push)
    append(records, as_record, [an_alert(id=uid, uid=uid) for uid in ("ann", "bob", "cyd")])
    assert until(records, lambda: records.read(0, topics=["customers_alerts_dlq"]))
    assert ids(push.taken) == ["ann", "cyd"]
    (letter,) = records.read(0, topics=["customers_alerts_dlq"])
    assert json.loads(letter.value)["reason"] == "no such channel"
    assert json.loads(json.loads(letter.value)["value"])["id"] == "bob"
    assert delivery.stats()["refused"] == 1


def busy(uid):
    return lambda alerts: [Unreachable("rate limit") if alert.uid == uid else None for alert in alerts]


def test_a_busy_channel_is_tried_again_alone_and_in_order(records, as_record, deliver, recording_push, clock):
    push = recording_push(busy("bob"))
    deliver(push)
    first = [an_alert(id="a1", uid="ann"), an_alert(id="b1", uid="bob")]
    append(records, as_record, first)
    assert push.until_taken(1)
    append(records, as_record, [an_alert(id="b2", uid="bob"), an_alert(id="a2", uid="ann")])
    assert push.until_taken(2)
    clock.advance(1)
    assert push.until_taken(4)
    assert [ids(attempt) for attempt in push.attempts] == [["a1", "b1"], ["a2"], ["b1"], ["b2"]]


def test_a_channel_that_never_takes_its_alerts_is_given_up_while_others_pass(
    records, as_record, deliver, recording_push, clock, until
):
    push = recording_push(*[busy("bob")] * 1000)
    delivery = deliver(push)
    append(records, as_record, [an_alert(id="b", uid="bob"), *alerts(1)])
    for n in range(60):
        assert push.until_taken(n + 1)
        clock.advance(1)
        append(records, as_record, [an_alert(id=f"more-{n}", uid="cyd")])
        if records.read(0, topics=["customers_alerts_dlq"]):
            break
    assert until(records, lambda: records.read(0, topics=["customers_alerts_dlq"]))
    assert delivery.stats()["refused"] == 1
    assert clock.monotonic() >= CHANNEL_PATIENCE_S


def test_when_no_channel_takes_anything_nobody_is_given_up(records, as_record, deliver, recording_push, clock):
    everyone_busy = [Unreachable("rate limit"), Unreachable("rate limit")]
    push = recording_push(*[everyone_busy] * 20)
    delivery = deliver(push)
    append(records, as_record, [an_alert(id="a", uid="ann"), an_alert(id="b", uid="bob")])
    for attempt in range(1, 21):
        assert push.until_attempts(attempt)
        assert clock.until_waiting()
        clock.advance(60)
    assert push.until_taken(2)
    assert delivery.stats()["refused"] == 0


def test_a_key_that_ably_refuses_loses_nothing(records, as_record, deliver, recording_push, clock):
    push = recording_push(NotAuthorised("40101"))
    deliver(push)
    append(records, as_record, alerts(1))
    assert push.until_attempts(1)
    assert clock.until_waiting()
    clock.advance(1)
    assert push.until_taken(1)


def test_a_stop_while_ably_is_away_keeps_the_position_before_what_waits(
    records, as_record, deliver, recording_push, clock
):
    push = recording_push(*[busy("bob")] * 50)
    delivery = deliver(push)
    offsets = [each.offset for each in append(records, as_record, alerts(2, "ann") + alerts(1, "bob"))]
    assert push.until_taken(2)
    delivery.stop()
    assert records.committed("delivery") == offsets[1]


def test_the_age_of_the_oldest_unsent_alert_is_known(records, as_record, deliver, recording_push, clock):
    push = recording_push(Unreachable("no route", retry_after_s=60))
    delivery = deliver(push)
    append(records, as_record, alerts(1))
    assert push.until_attempts(1)
    assert clock.until_waiting()
    clock.advance(40)
    assert delivery.stats()["oldest unsent s"] == 40
    clock.advance(20)
    assert push.until_taken(1)
