"""Which files the log opens, and which it refuses to touch."""

import os
import shutil
import sqlite3
import stat
import subprocess
import sys

import pytest

from endcap_backend import logfile
from endcap_backend.log import Log, LogDamaged, LogInUse, LogReader
from endcap_backend.logwriter import LENGTHEN_EVERY_GROUPS


def filled(open_log, a_record, records=2000):
    log = open_log()
    log.append([a_record(id=f"i:{number}", value="x" * 200) for number in range(records)])
    log.close()


def test_a_second_process_is_refused_and_told_what_to_do(log, path):
    code = "import sys; from pathlib import Path; from endcap_backend.log import Log; Log(Path(sys.argv[1]))"
    second = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True)
    assert second.returncode == 1
    assert "LogInUse" in second.stderr
    assert "in use by another backend: stop that one first, or give this one its own --data" in second.stderr


def test_a_second_log_in_this_process_is_refused_too(log, path):
    with pytest.raises(LogInUse):
        Log(path)


def test_closing_lets_the_next_one_in(open_log):
    open_log().close()
    open_log()


def test_the_file_keeps_its_name_for_good(open_log):
    first = open_log()
    first.close()
    assert open_log().uuid == first.uuid


def test_nobody_else_may_read_it(log, path):
    for each in (path, path.with_name("log.db.lock")):
        assert stat.S_IMODE(each.stat().st_mode) == 0o600


def test_a_log_that_vanished_is_not_begun_anew(open_log, a_record, path):
    filled(open_log, a_record)
    path.unlink()
    with pytest.raises(LogDamaged, match=r"log.db is gone, though a log was here before: restore it"):
        open_log()


def test_a_vanished_log_is_begun_anew_when_its_lock_is_deleted_as_the_message_says(open_log, a_record, path):
    filled(open_log, a_record)
    path.unlink()
    path.with_name("log.db.lock").unlink()
    assert open_log().end() == 0


def test_another_log_in_its_place_is_refused(open_log, a_record, path, tmp_path):
    filled(open_log, a_record)
    other = tmp_path / "other.db"
    Log(other, min_free_bytes=0).close()
    shutil.copy(other, path)
    with pytest.raises(LogDamaged, match="holds another log"):
        open_log()


@pytest.mark.parametrize("kept", [0, 1, 50, 4096, 100_000])
def test_a_log_that_was_cut_short_is_refused(open_log, a_record, path, kept):
    filled(open_log, a_record)
    os.truncate(path, kept)
    with pytest.raises(LogDamaged, match="restore it from its backup"):
        open_log()


def test_a_log_with_flipped_bits_is_refused(open_log, a_record, path):
    filled(open_log, a_record)
    middle = path.stat().st_size // 4096 // 2
    with path.open("r+b") as file:
        file.seek(middle * 4096)
        file.write(b"\xff" * 8)
    with pytest.raises(LogDamaged, match=r"is damaged .*: restore it from its backup"):
        open_log()


def test_a_log_too_large_to_be_read_through_is_still_measured(open_log, a_record, path, monkeypatch):
    monkeypatch.setattr(logfile, "CHECKED_WHOLE_BYTES", 0)
    filled(open_log, a_record)
    os.truncate(path, path.stat().st_size - 1)
    with pytest.raises(LogDamaged, match="was cut short: restore it from its backup"):
        open_log()


@pytest.mark.parametrize("content", [b"no database at all, but some text", b"\x00" * 5000, b"SQLite format 3\x00"])
def test_what_is_no_log_is_left_alone(open_log, path, content):
    path.write_bytes(content)
    with pytest.raises(LogDamaged):
        open_log()
    assert path.read_bytes() == content


def test_another_database_is_left_alone(open_log, path):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    with pytest.raises(LogDamaged, match=r"is no Endcap log: .* name another folder with --data"):
        open_log()


def test_a_log_of_a_newer_version_is_left_alone(open_log, path):
    open_log().close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 3")
    connection.close()
    with pytest.raises(LogDamaged, match="has format 3, this version reads 2"):
        open_log()


def test_an_empty_file_left_by_a_crash_at_birth_becomes_a_log(open_log, path):
    path.touch()
    assert open_log().end() == 0


def test_a_log_deleted_under_a_running_backend_acknowledges_nothing_more(log, path, a_record):
    log.append([a_record()])
    path.unlink()
    with pytest.raises(LogDamaged, match="was deleted while in use"):
        log.append([a_record()])


def test_a_log_replaced_under_a_running_backend_acknowledges_nothing_more(log, path, a_record):
    log.append([a_record()])
    shutil.copy(path, path.with_name("copy"))
    os.replace(path.with_name("copy"), path)
    with pytest.raises(LogDamaged, match="replaced or shortened while in use"):
        log.append([a_record()])


def test_fast_durability_keeps_records_over_a_restart(open_log, a_record):
    log = open_log(durability="fast")
    log.append([a_record(value="kept")])
    log.close()
    assert [record.value for record in open_log().read(0)] == ["kept"]


def test_full_durability_means_a_sync_for_each_transaction(open_log):
    full, fast = 2, 1  # PRAGMA synchronous
    for durability, level in (("full", full), ("fast", fast)):
        log = open_log(durability=durability)
        assert log.transact(lambda connection: connection.execute("PRAGMA synchronous").fetchone()) == (level,)
        assert log.transact(lambda connection: connection.execute("PRAGMA journal_mode").fetchone()) == ("wal",)
        log.close()


def test_a_reader_of_no_log_says_so(path):
    with pytest.raises(LogDamaged, match="does not exist: start the backend on it once"):
        LogReader(path)


def test_what_was_discarded_is_nowhere_on_disk(log, path, a_record):
    """Neither in the file nor in its journal, once that is folded in."""
    appended = log.append([a_record(id=f"i:{n}", value=f"CANARY {n} " * 50) for n in range(3000)])
    log.append([a_record(id=f"k:{n}", value="kept") for n in range(500)])
    log.discard([each.offset for each in appended])
    assert log.fold()
    on_disk = b"".join(each.read_bytes() for each in path.parent.iterdir())
    assert b"kept" in on_disk
    assert b"CANARY" not in on_disk
    assert b"i:2999" not in on_disk


def test_the_journal_is_longer_than_what_is_in_it_until_it_is_folded(log, path, a_record):
    """So that a sync has no new length to note."""
    for _ in range(LENGTHEN_EVERY_GROUPS + 1):
        log.append([a_record()])
    journal = logfile.journal(path)
    assert journal.read_bytes().endswith(bytes(logfile.AHEAD_BYTES - 100_000))
    length = journal.stat().st_size
    log.append([a_record()])
    assert journal.stat().st_size == length
    assert log.fold()
    assert journal.stat().st_size == 0
    log.append([a_record()])
    assert len(log.read(0)) == LENGTHEN_EVERY_GROUPS + 3


def test_a_clean_end_leaves_one_file_to_copy(open_log, a_record, path):
    filled(open_log, a_record)
    assert sorted(each.name for each in path.parent.iterdir()) == ["log.db", "log.db.lock"]
