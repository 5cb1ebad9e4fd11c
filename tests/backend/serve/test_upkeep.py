import logging
from threading import Condition

import pytest

from endcap.testing import ManualClock
from endcap_backend.upkeep import Chore, Upkeep


class Counted:
    """A chore that counts how often it was done, and fails when told to."""

    def __init__(self, *faults):
        self.done = 0
        self._faults = list(faults)
        self._changed = Condition()

    def __call__(self):
        with self._changed:
            self.done += 1
            self._changed.notify_all()
        if self._faults:
            raise self._faults.pop(0)

    def until(self, times):
        with self._changed:
            return self._changed.wait_for(lambda: self.done >= times, 20)


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def kept_up(clock):
    """Starts an upkeep of chores given as (seconds, what to do); ends it after the test."""
    started = []

    def kept_up(*chores):
        upkeep = Upkeep([Chore(f"chore {each}", each, do) for each, do in chores], clock)
        upkeep.start()
        started.append(upkeep)
        return upkeep

    yield kept_up
    for each in started:
        each.stop()


def test_each_chore_is_done_at_the_start_and_then_in_its_own_time(clock, kept_up):
    often, seldom = Counted(), Counted()
    kept_up((10, often), (60, seldom))
    assert often.until(1)
    assert seldom.until(1)
    for turn in range(2, 8):
        assert clock.until_waiting(20, deadline_within_s=10)
        clock.advance(10)
        assert often.until(turn)
    assert seldom.until(2)
    assert (often.done, seldom.done) == (7, 2)


def test_a_chore_that_fails_is_told_and_comes_again(clock, kept_up, caplog):
    failing, other = Counted(RuntimeError("no luck")), Counted()
    with caplog.at_level(logging.ERROR):
        kept_up((10, failing), (11, other))
        assert other.until(1)
        assert clock.until_waiting(20)
        clock.advance(10)
        assert failing.until(2)
    assert "chore 10 failed; it comes again in 10 s" in caplog.text


def test_stopping_does_not_wait_for_the_next_turn(clock, kept_up):
    chore = Counted()
    upkeep = kept_up((3600, chore))
    assert chore.until(1)
    upkeep.stop()
    assert chore.done == 1


def test_what_was_never_started_can_be_stopped(clock):
    Upkeep([], clock).stop()
