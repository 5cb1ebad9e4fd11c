from datetime import timedelta
from threading import Event, Thread

import pytest

from endcap.errors import Unreachable
from endcap.testing import NOON, ManualClock, RecordingTransport, ScriptedSource, a_fix, a_location, an_event, fixes
from endcap.transports import SendResult


def test_time_stands_still_until_it_is_advanced():
    clock = ManualClock()
    assert (clock.now(), clock.monotonic()) == (NOON, 0.0)
    clock.advance(90)
    assert (clock.now(), clock.monotonic()) == (NOON + timedelta(seconds=90), 90.0)


def test_turning_the_wall_clock_leaves_monotonic_alone():
    clock = ManualClock()
    clock.advance(5)
    clock.set_wall(NOON - timedelta(hours=1))
    assert (clock.now(), clock.monotonic()) == (NOON - timedelta(hours=1), 5.0)


def test_a_waiter_wakes_when_its_time_has_come_and_not_before():
    clock, answers = ManualClock(), []
    waiter = Thread(target=lambda: answers.append(clock.wait(Event(), 10.0)))
    waiter.start()
    assert clock.until_waiting(deadline_within_s=10.0)
    assert clock.next_wake_s() == 10.0
    clock.advance(9.999)
    assert waiter.is_alive()
    clock.advance(0.001)
    waiter.join(10)
    assert answers == [False]


def test_a_waiter_wakes_when_its_event_is_set():
    clock, event, answers = ManualClock(), Event(), []
    waiter = Thread(target=lambda: answers.append(clock.wait(event, None)))
    waiter.start()
    assert clock.until_waiting()
    event.set()
    waiter.join(10)
    assert answers == [True]


def test_the_recording_transport_answers_as_it_was_told_and_then_accepts():
    transport = RecordingTransport([Unreachable("down"), SendResult(frozenset({1}), rejected={0: "uid: is missing"})])
    batch = [a_location(id="install:1"), a_location(id="install:2")]
    with pytest.raises(Unreachable):
        transport.send(batch)
    transport.send(batch)
    transport.send(batch[:1])
    assert transport.sent == [batch[1], batch[0]]
    assert len(transport.attempts) == 3


def test_the_scripted_source_emits_only_while_it_runs():
    source, heard = ScriptedSource(fixes(2)), []
    source.start(heard.append, lambda status: None)
    source.emit(a_fix(accuracy_m=5.0))
    source.stop()
    source.emit(a_fix())
    assert [fix.accuracy_m for fix in heard] == [8.0, 8.0, 5.0]


def test_the_builders_make_messages_that_read_back():
    for message in (a_location(), an_event()):
        assert type(message).from_text(message.to_text()) == message
