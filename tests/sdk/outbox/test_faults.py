"""What becomes of an outbox when process or machine dies, the disk is full or garbles, or the clock is wrong."""

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from datetime import timedelta

import pytest

from endcap.errors import BadMessage
from endcap.outbox import Outbox
from endcap.storefile import StoreFile
from endcap.testing import NOON, ManualClock, a_location
from endcap.waiting import draft


def a_draft(number):
    return draft(a_location(country=f"N{number}"))


def numbers(entries):
    return [int(entry.draft["country"][1:]) for entry in entries]


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
