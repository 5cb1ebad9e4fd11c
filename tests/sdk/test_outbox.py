import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from endcap.consent import Purpose
from endcap.errors import BadConfig, BadMessage
from endcap.outbox import ROW_BYTES, Outbox
from endcap.storefile import StoreFile
from endcap.testing import NOON, ManualClock, a_location, an_event
from endcap.waiting import draft


def a_draft(number):
    return draft(a_location(country=f"N{number}"))


def an_event_draft():
    return draft(an_event())


def numbers(entries):
    return [int(entry.draft["country"][1:]) for entry in entries]


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def open_outbox(tmp_path, clock):
    opened = []

    def open_one(**settings):
        opened.append(Outbox(tmp_path / "box", clock=clock, **settings))
        return opened[-1]

    yield open_one
    for outbox in opened:
        outbox.close()


@pytest.fixture
def outbox(open_outbox):
    return open_outbox()


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


def test_a_folder_has_one_outbox_at_a_time(outbox, open_outbox):
    with pytest.raises(BadConfig, match="in use by another Endcap"):
        open_outbox()
    outbox.close()
    open_outbox()


def test_the_folder_is_free_again_when_its_process_was_killed(open_outbox, tmp_path):
    code = (
        "import sys, os, signal\nfrom pathlib import Path\nfrom endcap.outbox import Outbox\n"
        "outbox = Outbox(Path(sys.argv[1]))\noutbox.put([{'latitude': 1}])\nos.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path / "box")], check=False).returncode == -9
    assert open_outbox().count("fix") == 1


FORKED = """
import os, signal, sqlite3, sys
from pathlib import Path
from threading import Event, Thread
from endcap.consent import Purpose
from endcap.outbox import Outbox

outbox = Outbox(Path(sys.argv[1]))
outbox.put([{"country": "parent"}])

def hold(held, let_go):
    with outbox._file.turn():
        held.set()
        let_go.wait(60)

def refused(act):
    try:
        act()
    except sqlite3.ProgrammingError:
        return True
    return False

held, let_go = Event(), Event()
holder = Thread(target=hold, args=(held, let_go))
holder.start()
held.wait(60)
child = os.fork()
if child == 0:
    signal.alarm(30)  # rather than hang where the lock is waited for
    os._exit(int(CHILD_IS_RIGHT))
let_go.set()
holder.join()
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
assert outbox.put([{"country": "parent"}]) and len(outbox.peek("fix")) == 2 and outbox.lost == {}
assert sorted(path.name for path in Path(sys.argv[1]).iterdir()) == FILES
"""
FILES = ["outbox.db", "outbox.db-shm", "outbox.db-wal", "outbox.lock", "outbox.lock-journal"]


@pytest.mark.parametrize(
    "right",
    [
        'not outbox.put([{"country": "child"}]) and outbox.peek("fix") == []',
        "refused(outbox.erase)",
        "refused(outbox.shred)",
        "refused(lambda: outbox.purge(Purpose.LOCATION))",
        "outbox.close() is None",
    ],
)
def test_a_forked_child_is_refused_and_its_parent_goes_on(tmp_path, right):
    code = FORKED.replace("CHILD_IS_RIGHT", right).replace("FILES", str(FILES))
    ran = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "box")], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr


def test_a_fix_that_a_dying_machine_sent_and_did_not_keep_shares_its_id_with_no_later_one(open_outbox, tmp_path, clock):
    running = open_outbox()
    running.put([a_draft(1)])
    shutil.copytree(tmp_path / "box", tmp_path / "on the disk")
    running.put([a_draft(2)])
    sent = [entry.sequence for entry in running.peek("fix")]
    after = Outbox(tmp_path / "on the disk", clock=clock)
    after.put([a_draft(3)])
    kept, fresh = after.peek("fix")
    after.close()
    assert after.install == running.install
    assert (kept.sequence, numbers([kept, fresh])) == (sent[0], [1, 3])
    assert fresh.sequence > sent[1]


def test_the_name_by_which_a_dead_machine_is_known_is_on_disk_before_anything_is_sent(
    open_outbox, tmp_path, monkeypatch
):
    open_outbox().close()
    sync, seen = os.fsync, []

    def note(opened):
        if stat.S_ISDIR(os.fstat(opened).st_mode):
            seen.append((tmp_path / "box" / "outbox.db-wal").exists())
        sync(opened)

    monkeypatch.setattr(os, "fsync", note)
    open_outbox()
    assert seen == [True]


def test_what_waited_when_it_was_killed_keeps_its_number(open_outbox, tmp_path):
    code = "import sys, os, signal\nfrom pathlib import Path\nfrom endcap.outbox import Outbox\n"
    code += "outbox = Outbox(Path(sys.argv[1]))\noutbox.put([{}, {}])\nos.kill(os.getpid(), signal.SIGKILL)"
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "box")], check=False)
    assert [entry.sequence for entry in open_outbox().peek("fix")] == [1, 2]


@pytest.mark.parametrize("garbage", ["{", "5", "CAST(x'FF7B' AS TEXT)"])
def test_a_row_that_the_disk_garbled_hides_no_other(open_outbox, tmp_path, garbage):
    first = open_outbox()
    first.put([a_draft(1), a_draft(2)])
    first.close()
    value = garbage if garbage.startswith("CAST") else f"'{garbage}'"
    with closing(sqlite3.connect(tmp_path / "box" / "outbox.db", isolation_level=None)) as db:
        db.execute(f"UPDATE fixes SET body = {value} WHERE sequence = 1")
    second = open_outbox()
    garbled, intact = second.peek("fix")
    assert (garbled.draft, numbers([intact])) == ({}, [2])
    with pytest.raises(BadMessage):
        garbled.message(uid="u1", install=second.install)


def test_what_was_made_while_the_clock_was_fast_is_kept_no_longer_than_the_rest(tmp_path):
    fast = ManualClock(NOON + timedelta(days=365))
    outbox = Outbox(tmp_path / "box", clock=fast, retention_s=3600.0)
    outbox.put([a_draft(1)])
    outbox.close()
    clock = ManualClock(NOON)
    outbox = Outbox(tmp_path / "box", clock=clock, retention_s=3600.0)
    assert numbers(outbox.peek("fix")) == [1]
    clock.advance(3601)
    assert outbox.peek("fix") == []
    assert outbox.lost == {"too old": 1}
    outbox.close()


def test_a_clock_that_is_behind_for_a_while_takes_nothing_away(outbox, clock):
    outbox.put([a_draft(1)])
    for wrong in (NOON - timedelta(days=18_000), NOON - timedelta(days=400)):
        clock.set_wall(wrong)
        for _ in range(3):
            clock.advance(61)
            assert numbers(outbox.peek("fix")) == [1]
    clock.set_wall(NOON + timedelta(seconds=400))
    clock.advance(61)
    assert numbers(outbox.peek("fix")) == [1]
    assert outbox.lost == {}


def test_what_waits_under_a_clock_that_stays_behind_goes_when_that_took_as_long_as_the_retention(tmp_path):
    clock = ManualClock(NOON)
    with closing(Outbox(tmp_path / "box", clock=clock, retention_s=3600.0)) as outbox:
        outbox.put([a_draft(1)])
        clock.set_wall(NOON - timedelta(days=400))
        assert numbers(outbox.peek("fix")) == [1]
    clock.advance(1800)  # switched off
    with closing(Outbox(tmp_path / "box", clock=clock, retention_s=3600.0)) as outbox:
        assert numbers(outbox.peek("fix")) == [1]
        clock.advance(1801)
        assert outbox.peek("fix") == []
        assert outbox.lost == {"too old": 1}


def test_an_install_that_a_full_disk_did_not_keep_is_kept_with_the_first_fix(open_outbox, monkeypatch):
    def refuse(*what):
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as full:
        full.setattr(StoreFile, "keep", refuse)
        first = open_outbox()
    assert first.put([a_draft(1)])
    first.close()
    assert open_outbox().install == first.install


@pytest.mark.parametrize("damage", [b"no database at all" * 100, b""])
def test_a_damaged_file_is_replaced_and_counted(open_outbox, tmp_path, damage):
    first = open_outbox()
    first.put([a_draft(number) for number in range(100)])
    first.close()
    (tmp_path / "box" / "outbox.db").write_bytes(damage)
    second = open_outbox()
    assert second.put([a_draft(1)])
    assert numbers(second.peek("fix")) == [1]
    assert second.lost == ({"outbox damaged": 1} if damage else {})


def test_pages_damaged_in_the_middle_are_found_when_it_is_opened(open_outbox, tmp_path):
    first = open_outbox()
    first.put([a_draft(number) for number in range(2000)])
    first.close()
    path = tmp_path / "box" / "outbox.db"
    path.write_bytes(path.read_bytes()[:8192] + b"\xa5" * 65536)
    second = open_outbox()
    assert second.lost == {"outbox damaged": 1}
    assert second.put([a_draft(1)])


def test_a_disk_that_is_full_loses_what_comes_and_counts_it_and_goes_on_later(tmp_path):
    code = """
import resource, signal, sys
from pathlib import Path
from endcap.outbox import Outbox
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
outbox = Outbox(Path(sys.argv[1]))
outbox.put([{"country": "before"}])
resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, resource.RLIM_INFINITY))
kept = sum(outbox.put([{"country": "x" * 200}] * 10) for _ in range(100))
refused = outbox.lost["disk"]
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert outbox.put([{"country": "after"}])
assert kept < 100 and refused == (100 - kept) * 10, (kept, refused)
assert outbox.count("fix") == kept * 10 + 2 == len(outbox.peek("fix", 5000)), (outbox.count("fix"), kept)
print("ok")
"""
    ran = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "box")], capture_output=True, text=True, check=False
    )
    assert (ran.stdout, ran.returncode) == ("ok\n", 0), ran.stderr


def test_a_folder_that_cannot_be_made_is_said_at_once(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        Outbox(tmp_path / "file" / "box")


def test_a_folder_that_is_not_hers_to_write_is_said_at_once():
    code = """
import os, sys
from pathlib import Path
from endcap.outbox import Outbox
if os.getuid() == 0:
    os.setuid(65534)
try:
    Outbox(Path(sys.argv[1]))
except OSError as fault:
    print(type(fault).__name__, fault)
"""
    with tempfile.TemporaryDirectory(prefix="sealed-") as folder:  # not pytest's, which only its own account may enter
        os.chmod(folder, 0o555)
        ran = subprocess.run([sys.executable, "-c", code, folder], capture_output=True, text=True, check=False)
        os.chmod(folder, 0o755)
    assert ran.stdout.startswith("OSError can't lock"), ran.stdout + ran.stderr


def test_a_folder_of_any_letters_will_do(tmp_path, clock):
    folder = tmp_path / "Käuferin № 1 " / "店%20?mode=ro#'"
    outbox = Outbox(folder, clock=clock)
    outbox.put([a_draft(1)])
    outbox.close()
    assert sorted(path.name for path in folder.iterdir()) == ["outbox.db", "outbox.lock"]
    with closing(Outbox(folder, clock=clock)) as again:
        assert numbers(again.peek("fix")) == [1]


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
