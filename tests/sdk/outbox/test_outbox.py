"""Fixes and events as they are put, peeked, confirmed, purged and counted; and against a plain list."""

import os
import stat
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from endcap.consent import Purpose
from endcap.outbox import ROW_BYTES, Outbox
from endcap.testing import NOON, ManualClock, a_location, an_event
from endcap.waiting import draft


def a_draft(number):
    return draft(a_location(country=f"N{number}"))


def an_event_draft():
    return draft(an_event())


def numbers(entries):
    return [int(entry.draft["country"][1:]) for entry in entries]


def test_what_is_put_first_is_peeked_first_and_stays_until_it_is_confirmed(outbox):
    outbox.put([a_draft(1), a_draft(2)])
    outbox.put([a_draft(3)])
    assert numbers(outbox.peek("fix", 2)) == numbers(outbox.peek("fix", 2)) == [1, 2]
    outbox.confirm(outbox.peek("fix", 2))
    assert numbers(outbox.peek("fix")) == [3]
    assert outbox.lost == {}


def test_an_entry_becomes_the_message_with_the_id_install_colon_sequence(outbox):
    outbox.put([a_draft(7)], [an_event_draft()])
    fix = outbox.peek("fix")[0].message(uid="u1", install=outbox.install)
    assert (fix.id, fix.uid, fix.country) == (f"{outbox.install}:1", "u1", "N7")
    assert outbox.peek("event")[0].message(uid="u1", install=outbox.install) == an_event()


def test_entries_install_and_state_outlive_the_process(open_outbox):
    first = open_outbox()
    first.put([a_draft(1)], state={"fences": "{}"})
    first.close()
    second = open_outbox()
    assert numbers(second.peek("fix")) == [1]
    assert (second.install, second.get("fences"), second.get("nothing")) == (first.install, "{}", None)


def test_a_sequence_is_never_used_twice(open_outbox):
    first = open_outbox()
    first.put([a_draft(1), a_draft(2)])
    first.confirm(first.peek("fix"))
    first.close()
    second = open_outbox()
    second.put([a_draft(3)])
    second.purge(Purpose.LOCATION)
    second.put([a_draft(4)])
    assert [entry.sequence for entry in second.peek("fix")] == [4]


def test_a_full_outbox_loses_the_oldest_and_counts_it(open_outbox):
    outbox = open_outbox(capacity=3)
    outbox.put([a_draft(number) for number in range(5)])
    assert numbers(outbox.peek("fix")) == [2, 3, 4]
    assert outbox.lost == {"outbox full": 2}


def test_an_event_is_never_dropped_for_fixes(open_outbox):
    outbox = open_outbox(max_bytes=3000)
    outbox.put(events=[an_event_draft()] * 3)
    for number in range(50):
        outbox.put([a_draft(number)])
    assert outbox.count("event") == 3
    assert numbers(outbox.peek("fix"))[-1] == 49
    assert outbox.bytes <= 3000


def test_events_alone_are_bounded_too(open_outbox):
    outbox = open_outbox(max_bytes=1000)
    for _ in range(20):
        outbox.put(events=[an_event_draft()])
    assert 0 < outbox.count("event") < 20
    assert outbox.lost == {"events full": 20 - outbox.count("event")}


def test_a_fix_thrown_out_on_its_way_but_delivered_is_not_lost(open_outbox):
    outbox = open_outbox(capacity=2)
    outbox.put([a_draft(1), a_draft(2)])
    on_their_way = outbox.peek("fix")
    outbox.put([a_draft(3)])
    assert outbox.lost == {"outbox full": 1}
    outbox.confirm(on_their_way)
    assert outbox.lost.get("outbox full", 0) == 0
    assert numbers(outbox.peek("fix")) == [3]


def test_what_nobody_will_take_is_dropped_and_counted(outbox):
    outbox.put([a_draft(1), a_draft(2), a_draft(3)])
    entries = outbox.peek("fix")
    outbox.drop([entries[0], entries[2]], "latitude: must be a number")
    assert numbers(outbox.peek("fix")) == [2]
    assert outbox.lost == {"latitude: must be a number": 2}


def test_what_is_older_than_the_retention_is_dropped_unsent(open_outbox, clock):
    outbox = open_outbox(retention_s=3600.0)
    outbox.put([a_draft(1)])
    clock.advance(3000)
    outbox.put([a_draft(2)])
    clock.advance(601)
    assert numbers(outbox.peek("fix")) == [2]
    assert outbox.lost == {"too old": 1}


def test_losses_are_counted_since_the_install_was_made(open_outbox):
    first = open_outbox()
    first.count_lost("sdk fault")
    first.close()
    second = open_outbox()
    second.count_lost("sdk fault", 2)
    assert second.lost == {"sdk fault": 3}


def test_a_purge_leaves_no_trace_in_the_file(open_outbox, tmp_path):
    outbox = open_outbox()
    outbox.put(
        [{**a_draft(1), "country": "TRACEABLE"}, {**a_draft(2), "country": "TRACEABLE"}], state={"fences": "TRACEABLE"}
    )
    outbox.confirm(outbox.peek("fix", 1))
    outbox.purge(Purpose.LOCATION, state=["fences"])
    on_disk = b"".join(path.read_bytes() for path in (tmp_path / "box").iterdir())
    assert b"TRACEABLE" not in on_disk
    assert outbox.lost == {"consent revoked": 1}
    assert outbox.bytes == 0


def test_a_purge_takes_what_is_for_a_purpose_and_leaves_the_rest(outbox):
    outbox.put([a_draft(1)], [an_event_draft()])
    outbox.put(events=[an_event_draft()], purpose=Purpose.ANALYTICS)
    outbox.put(events=[an_event_draft()], purpose=Purpose.PROMOTIONS)
    outbox.purge(Purpose.ANALYTICS)
    assert (outbox.count("fix"), outbox.count("event")) == (1, 2)
    outbox.purge(Purpose.LOCATION)
    assert (outbox.count("fix"), outbox.count("event")) == (0, 1)


def test_erasing_removes_the_file_and_the_install_with_it(open_outbox, tmp_path):
    outbox = open_outbox()
    outbox.put([a_draft(1)])
    outbox.erase()
    assert not list((tmp_path / "box").glob("outbox.db*"))
    assert open_outbox().install != outbox.install


def test_only_her_own_account_may_read_the_file(outbox, tmp_path):
    outbox.put([a_draft(1)])
    modes = {stat.S_IMODE(os.stat(path).st_mode) for path in (tmp_path / "box").glob("outbox.db*")}
    assert modes == {0o600}


def test_a_day_at_one_a_second_fits_in_the_defaults(outbox, tmp_path):
    for hour in range(24):
        outbox.put([a_draft(hour * 3600 + second) for second in range(3600)])
    assert outbox.count("fix") == 86_400
    assert outbox.lost == {}
    assert (tmp_path / "box" / "outbox.db").stat().st_size < 20 * 2**20


def test_the_stated_size_is_near_the_real_one(outbox, tmp_path):
    outbox.put([a_draft(number) for number in range(20_000)])
    outbox.close()
    size = (tmp_path / "box" / "outbox.db").stat().st_size
    assert outbox.bytes == pytest.approx(size, rel=0.15)
    assert outbox.bytes > 20_000 * ROW_BYTES


class OutboxAgainstAList(RuleBasedStateMachine):
    """Whatever is put, confirmed, dropped and reopened in whatever order: the file holds what a list would."""

    CAPACITY = 12

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = ManualClock()
        self.waiting = []
        self.next_number = 0
        self.lost = 0
        self.outbox = self.reopened()

    def reopened(self):
        return Outbox(Path(self.folder.name), capacity=self.CAPACITY, clock=self.clock)

    @rule(count=st.integers(0, 8))
    def put(self, count):
        fresh = list(range(self.next_number, self.next_number + count))
        self.next_number += count
        self.outbox.put([a_draft(number) for number in fresh])
        self.waiting += fresh
        over = max(0, len(self.waiting) - self.CAPACITY)
        self.lost += over
        self.waiting = self.waiting[over:]

    @rule(count=st.integers(0, 8), chosen=st.sets(st.integers(0, 7)))
    def confirm_some(self, count, chosen):
        entries = self.outbox.peek("fix", count)
        some = [entry for index, entry in enumerate(entries) if index in chosen]
        self.outbox.confirm(some)
        gone = set(numbers(some))
        self.waiting = [number for number in self.waiting if number not in gone]

    @rule()
    def kill(self):
        self.outbox.close()
        self.outbox = self.reopened()

    @rule(seconds=st.integers(0, 100))
    def time_passes(self, seconds):
        self.clock.advance(seconds)

    @invariant()
    def holds_what_the_list_holds(self):
        assert numbers(self.outbox.peek("fix")) == self.waiting
        assert self.outbox.count("fix") == len(self.waiting)
        assert self.outbox.lost.get("outbox full", 0) == self.lost

    def teardown(self):
        self.outbox.close()
        self.folder.cleanup()


OutboxAgainstAList.TestCase.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
test_the_outbox_behaves_as_a_bounded_list = OutboxAgainstAList.TestCase


def test_an_entry_bears_when_it_was_made(outbox, clock):
    assert outbox.oldest_at_ms("fix") is None
    clock.advance(7)
    outbox.put([a_draft(1)])
    assert outbox.oldest_at_ms("fix") == round((NOON + timedelta(seconds=7)).timestamp() * 1000)
