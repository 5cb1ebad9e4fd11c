import logging
import threading

import pytest

from endcap.errors import NotAuthorised, Refused, Unreachable
from endcap.outbox import Outbox
from endcap.publisher import HOPELESS, Publisher
from endcap.testing import ManualClock, RecordingTransport, a_location, an_event
from endcap.transports import SendResult
from endcap.waiting import draft

FIX = draft(a_location())
EVENT = draft(an_event())
WORKS = SendResult.all_accepted


class Rig:
    """An outbox on disk, a publisher on its thread, and a clock that only the test moves."""

    def __init__(self, folder, **settings):
        self.clock = ManualClock()
        self.outbox = Outbox(folder, clock=self.clock)
        self.transport = RecordingTransport()
        self.states = []
        self._changed = threading.Condition()
        self.consent = True
        self.publisher = Publisher(
            self.outbox,
            self.transport,
            lambda: "u1",
            permit=lambda: self.consent,
            clock=self.clock,
            on_state=self._on_state,
            jitter=lambda: 1.0,
            **settings,
        )

    def put(self, fixes=0, events=0):
        self.outbox.put([FIX] * fixes, [EVENT] * events)
        self.publisher.wake()

    def flushed(self):
        return self.publisher.flush(20.0)

    def until(self, doing):
        """Wait until the publisher has come to rest in a state."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.publisher.state.doing == doing, 30), self.publisher.state
        assert self.clock.until_waiting()
        return self.publisher.state

    def _on_state(self, state):
        with self._changed:
            self.states.append(state)
            self._changed.notify_all()

    def close(self):
        self.publisher.stop()
        self.outbox.close()


@pytest.fixture
def rig(tmp_path):
    rig = Rig(tmp_path)
    yield rig
    rig.close()


@pytest.fixture
def patient(tmp_path):
    rig = Rig(tmp_path, send_every_s=60.0, batch_size=10)
    yield rig
    rig.close()


def test_what_is_put_is_sent_once_in_order_and_leaves_the_outbox(rig):
    rig.publisher.start()
    rig.put(fixes=1200)
    assert rig.transport.until_sent(1200)
    rig.until("idle")
    assert [len(batch) for batch in rig.transport.attempts] == [500, 500, 200]
    assert [message.id for message in rig.transport.sent] == [f"{rig.outbox.install}:{n}" for n in range(1, 1201)]
    assert (rig.outbox.count("fix"), rig.publisher.sent, rig.outbox.lost) == (0, 1200, {})


def test_what_a_killed_process_left_is_sent_by_the_next(rig):
    rig.put(fixes=3)
    rig.publisher.start()
    assert rig.transport.until_sent(3)


def test_fixes_wait_for_company_after_the_first(patient):
    patient.publisher.start()
    patient.put(fixes=1)
    assert patient.transport.until_sent(1)
    patient.until("idle")
    patient.put(fixes=3)
    patient.until("idle")
    patient.clock.advance(59.9)
    assert not patient.transport.until_sent(2, timeout_s=0.05)
    patient.clock.advance(0.1)
    assert patient.transport.until_sent(4)


def test_a_full_batch_does_not_wait(patient):
    patient.publisher.start()
    patient.put(fixes=1)
    patient.transport.until_sent(1)
    patient.put(fixes=10)
    assert patient.transport.until_sent(11)


def test_an_event_goes_out_at_once_and_takes_the_fixes_along(patient):
    patient.publisher.start()
    patient.put(fixes=1)
    patient.transport.until_sent(1)
    patient.put(fixes=2, events=1)
    assert patient.transport.until_sent(4)
    assert patient.transport.sent[1] == an_event()


def test_a_flush_does_not_wait_for_company(patient):
    patient.publisher.start()
    patient.put(fixes=1)
    patient.transport.until_sent(1)
    patient.put(fixes=2)
    assert patient.flushed()
    assert len(patient.transport.sent) == 3


def test_a_flush_asked_for_just_as_the_outbox_was_found_empty_is_no_less_a_flush(patient, monkeypatch):
    patient.publisher.start()
    patient.put(fixes=1)
    assert patient.transport.until_sent(1)
    patient.until("idle")
    counted, flushes = patient.outbox.count, []

    def count_and_then_put(kind):
        count = counted(kind)
        if kind == "fix" and len(flushes) < 2:  # the second time is the one after which it rests
            flushes.append(count)
            if len(flushes) == 2:
                patient.put(fixes=1)
                patient.publisher.flush(0.0)
        return count

    monkeypatch.setattr(patient.outbox, "count", count_and_then_put)
    patient.publisher.wake()
    assert patient.transport.until_sent(2)
    assert flushes == [0, 0]


def test_a_flush_that_takes_too_long_says_so(rig):
    rig.transport.answer(Unreachable("down"))
    rig.publisher.start()
    rig.put(fixes=1)
    rig.until("waiting")
    assert not rig.publisher.flush(0.05)


def test_an_unreachable_backend_is_tried_again_after_pauses_that_double_to_five_minutes(rig):
    rig.transport.answer(*[Unreachable("down")] * 11)
    rig.publisher.start()
    rig.put(fixes=1)
    pauses = []
    for attempt in range(1, 12):
        assert rig.transport.until_attempts(attempt)
        rig.until("waiting")
        pauses.append(rig.clock.next_wake_s())
        rig.clock.advance(pauses[-1])
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    assert rig.transport.until_sent(1)


def test_retry_after_is_honoured_and_spread(rig):
    rig.transport.answer(Unreachable("busy", retry_after_s=60.0))
    rig.publisher.start()
    rig.put(fixes=1)
    state = rig.until("waiting")
    assert rig.clock.next_wake_s() == 75.0
    assert (state.retry_at - rig.clock.now()).total_seconds() == 75.0


def test_a_server_that_says_at_once_is_not_asked_without_a_pause(rig):
    rig.transport.answer(Unreachable("busy", retry_after_s=0.0))
    rig.publisher.start()
    rig.put(fixes=1)
    rig.until("waiting")
    assert rig.clock.next_wake_s() == 1.25


def logged_over(rig, caplog, *answers):
    """Level and beginning of what is logged while `answers` come, one to a try; after one that WORKS a fix is put."""
    rig.transport.answer(*answers)
    rig.publisher.start()
    with caplog.at_level(logging.INFO, "endcap"):
        rig.put(fixes=1)
        for attempt, answer in enumerate(answers, 1):
            assert rig.transport.until_attempts(attempt)
            if answer is WORKS:
                assert rig.flushed()
                rig.put(fixes=1)
            else:
                rig.until("paused" if isinstance(answer, Refused) else "waiting")
                rig.clock.advance(rig.clock.next_wake_s())
        assert rig.flushed()
    return [(record.levelname, record.getMessage().partition(":")[0]) for record in caplog.records]


def test_being_asked_for_patience_is_no_warning(rig, caplog):
    slower = Unreachable("too quick", retry_after_s=4.0, status=429)
    logged = logged_over(rig, caplog, slower, WORKS, slower, slower)
    assert logged == [("INFO", "asked for patience, and all is kept; trying again in 5 s")] * 3


def test_a_server_that_is_ill_and_says_when_to_come_back_is_a_warning(rig, caplog):
    logged = logged_over(rig, caplog, Unreachable("full", retry_after_s=4.0, status=503))
    assert logged == [("WARNING", "nothing could be sent, and all is kept; trying again in 5 s")]


def test_the_first_failure_is_a_warning_and_the_next_only_after_something_was_sent(rig, caplog):
    down, slower = Unreachable("down"), Unreachable("too quick", retry_after_s=4.0, status=429)
    logged = logged_over(rig, caplog, slower, down, down, WORKS, down)
    assert [level for level, _ in logged] == ["INFO", "WARNING", "WARNING"]


def test_what_a_person_has_to_mend_is_told_once_for_each_reason(rig, caplog):
    moved, forbidden = Refused("moved", 404), Refused("forbidden", 403)
    logged = logged_over(rig, caplog, moved, moved, forbidden, moved)
    assert logged == [("WARNING", "publishing is paused")] * 2


def test_a_put_does_not_cut_a_pause_short_and_resume_does(rig):
    rig.transport.answer(Unreachable("down"))
    rig.publisher.start()
    rig.put(fixes=1)
    rig.until("waiting")
    rig.put(fixes=1, events=1)
    assert not rig.transport.until_attempts(2, timeout_s=0.05)
    rig.publisher.resume()
    assert rig.transport.until_sent(3)


@pytest.mark.parametrize("fault", [NotAuthorised("401"), Refused("not found", 404), Refused("forbidden", 403)])
def test_what_a_person_has_to_mend_pauses_visibly_and_loses_nothing(rig, fault):
    rig.transport.answer(fault)
    rig.publisher.start()
    rig.put(fixes=2)
    state = rig.until("paused")
    assert state in rig.states
    assert str(fault) in state.reason
    assert rig.clock.next_wake_s() == 900.0
    assert (rig.outbox.count("fix"), rig.outbox.lost) == (2, {})
    rig.publisher.resume()
    assert rig.transport.until_sent(2)


def test_a_rejected_message_is_dropped_and_its_neighbours_are_confirmed(rig):
    rig.transport.answer(SendResult(frozenset({0}), frozenset({2}), {1: "rejected: latitude must be a number"}))
    rig.publisher.start()
    rig.put(fixes=3)
    assert rig.flushed()
    assert rig.outbox.lost == {"rejected: latitude must be a number": 1}
    assert rig.publisher.sent == 2


def refusing(*poisoned):
    def answer(batch):
        if any(message.id.endswith(poisoned) for message in batch):
            raise Refused("bad", 400)
        return SendResult.all_accepted(batch)

    return answer


def test_a_batch_refused_whole_is_searched_for_the_one_to_blame(rig):
    rig.transport.answer(*[refusing(":13")] * 40)
    rig.publisher.start()
    rig.put(fixes=100)
    assert rig.flushed()
    assert (rig.outbox.lost, rig.publisher.sent) == ({"refused: 400": 1}, 99)
    assert len(rig.transport.attempts) < 20


def test_when_everything_is_refused_it_is_not_the_messages(rig):
    rig.transport.answer(*[Refused("old server", 400)] * 1000)
    rig.publisher.start()
    rig.put(fixes=500)
    assert "old server" in rig.until("paused").reason
    assert (rig.outbox.count("fix"), rig.outbox.lost) == (500, {})
    assert len(rig.transport.attempts) < 10 + 3 * HOPELESS


def test_too_large_a_body_is_sent_in_parts(rig):
    def small_only(batch):
        if len(batch) > 30:
            raise Refused("too large", 413)
        return SendResult.all_accepted(batch)

    rig.transport.answer(*[small_only] * 50)
    rig.publisher.start()
    rig.put(fixes=200)
    assert rig.flushed()
    assert (rig.publisher.sent, rig.outbox.lost) == (200, {})


def test_a_single_message_refused_before_anything_went_through_is_kept(rig):
    rig.transport.answer(Refused("bad", 400), Refused("bad", 400))
    rig.publisher.start()
    rig.put(fixes=1)
    rig.until("paused")
    assert rig.outbox.count("fix") == 1


def test_a_damaged_entry_is_dropped_and_counted(rig):
    rig.outbox.put([{"latitude": "north"}, FIX, {**FIX, "latitude": 91}])
    rig.publisher.start()
    assert rig.flushed()
    assert (len(rig.transport.sent), rig.outbox.lost) == (1, {"damaged": 2})


def test_without_consent_nothing_is_sent_and_nothing_is_asked(rig):
    rig.consent = False
    rig.put(fixes=1)
    rig.publisher.start()
    rig.until("idle")
    assert not rig.transport.until_attempts(1, timeout_s=0.05)
    rig.consent = True
    rig.publisher.wake()
    assert rig.transport.until_sent(1)


def test_a_fault_of_ours_stays_on_our_thread_and_is_tried_again(rig, caplog):
    rig.transport.answer(ZeroDivisionError("ours"))
    rig.publisher.start()
    with caplog.at_level(logging.CRITICAL, "endcap"):
        rig.put(fixes=1)
        assert rig.until("waiting").reason == "fault: ZeroDivisionError"
    rig.clock.advance(1.0)
    assert rig.transport.until_sent(1)


def test_a_host_whose_listener_fails_is_no_reason_to_stop(tmp_path):
    def broken(state):
        raise RuntimeError("host")

    outbox, transport = Outbox(tmp_path), RecordingTransport()
    publisher = Publisher(outbox, transport, lambda: "u1", on_state=broken)
    outbox.put([FIX])
    publisher.start()
    assert transport.until_sent(1)
    publisher.stop()
    outbox.close()


def test_a_disk_that_does_not_let_go_makes_it_wait(rig, monkeypatch):
    monkeypatch.setattr(rig.outbox, "confirm", lambda entries: False)
    rig.publisher.start()
    rig.put(fixes=1)
    assert "disk" in rig.until("waiting").reason


def test_an_outbox_that_cannot_be_read_makes_it_wait(rig, monkeypatch):
    rig.put(fixes=1)
    monkeypatch.setattr(rig.outbox, "peek", lambda kind, limit: [])
    rig.publisher.start()
    assert "can't be read" in rig.until("waiting").reason


def test_starting_and_stopping_twice_is_the_same_as_once(rig):
    before = threading.active_count()
    rig.publisher.start()
    rig.publisher.start()
    assert threading.active_count() == before + 1
    rig.publisher.stop()
    rig.publisher.stop()
    assert rig.publisher.state.doing == "stopped"
    rig.publisher.start()
    rig.put(fixes=1)
    assert rig.transport.until_sent(1)
