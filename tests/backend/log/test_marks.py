"""Repeats and the records of one key are found wherever their marks stand: in memory, in the table, in an old file."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from endcap_backend import logmarks
from endcap_backend.log import Log
from endcap_backend.logmarks import Marks, key_mark, mark

FORMAT_1 = Path(__file__).parent / "format_1.sql"  # as version 0.1.0 made it
KEYS = [f"u{number}" for number in range(7)]


@pytest.fixture
def few_in_memory(monkeypatch):
    """So few that they go to the table all the time, some early since their share is full."""
    monkeypatch.setattr(logmarks, "YOUNG", 20)
    monkeypatch.setattr(logmarks, "SHARE_MARKS", 8)


@pytest.fixture
def records(a_record):
    """300 of 7 shoppers; each seventh has no id."""
    return [a_record(key=KEYS[n % 7], id=f"i:{n}" if n % 5 else None, value=str(n)) for n in range(300)]


def append_in_groups(log, records):
    for start in range(0, len(records), 9):
        log.append(records[start : start + 9])


def written(path):
    """The marks in the table, and those of all records."""
    with sqlite3.connect(path) as connection:
        table = dict(connection.execute("SELECT mark, offset FROM marks"))
        every = dict(connection.execute("SELECT mark, offset FROM records"))
    connection.close()
    return table, every


def offsets_by_key(log):
    return {key: [record.offset for record in log.read(0, 10_000) if record.key == key] for key in KEYS}


@pytest.mark.usefixtures("few_in_memory")
def test_marks_reach_the_table_a_share_at_a_time(log, path, records):
    append_in_groups(log, records)
    table, every = written(path)
    assert len(every) == 300
    assert 200 < len(table) < 300
    assert table.items() <= every.items()


@pytest.mark.usefixtures("few_in_memory")
@pytest.mark.parametrize("filtered", [2_000_000, 0])
def test_a_repeat_is_told_wherever_its_mark_stands(open_log, records, monkeypatch, filtered):
    monkeypatch.setattr(logmarks, "FILTERED", filtered)
    named = [record for record in records if record.id is not None]
    log = open_log()
    append_in_groups(log, records)
    first = {record.id: record.offset for record in log.read(0, 10_000)}
    for _ in range(2):
        assert [(each.offset, each.duplicate) for each in log.append(named)] == [(first[r.id], True) for r in named]
        log.close()
        log = open_log()
    assert log.stats().records == 300


@pytest.mark.usefixtures("few_in_memory")
def test_the_records_of_a_key_are_found_wherever_their_marks_stand(log, path, records):
    append_in_groups(log, records)
    beside = Log.open_readonly(path)
    for reader in (log, beside):
        assert {key: reader.offsets_of(key) for key in KEYS} == offsets_by_key(log)
    beside.close()


@pytest.mark.usefixtures("few_in_memory")
def test_of_deleted_records_no_mark_is_left_anywhere(open_log, path, records):
    log = open_log()
    append_in_groups(log, records)
    gone = {record.id for record in log.read(0, 10_000) if record.offset % 3 == 0 and record.id}
    log.discard([offset for offset in range(1, 301) if offset % 3 == 0])
    table, every = written(path)
    assert table.items() <= every.items()
    assert {key: log.offsets_of(key) for key in KEYS} == offsets_by_key(log)
    again = log.append([record for record in records if record.id in gone])
    assert [each.duplicate for each in again] == [False] * len(gone)
    log.close()
    assert all(each.duplicate for each in open_log().append([r for r in records if r.id is not None]))


@pytest.mark.usefixtures("few_in_memory")
def test_what_was_rolled_back_leaves_no_mark_and_takes_none_away(log, path, records, a_record):
    """The bad record fails the transactions that also write shares, and that of its neighbours."""
    for start in range(0, len(records), 3):
        log.append(records[start : start + 3])
        with pytest.raises(UnicodeEncodeError):
            log.append([a_record(id=f"bad:{start}"), a_record(id="worse", value="half a surrogate \ud800")])
    assert all(each.duplicate for each in log.append([r for r in records if r.id is not None]))
    assert not any(each.duplicate for each in log.append([a_record(id=f"bad:{start}") for start in range(0, 300, 3)]))
    table, every = written(path)
    assert table.items() <= every.items()


def test_however_many_marks_go_at_once_no_share_is_searched_for_each(path, log):
    compared = []

    class CountingMark(bytes):
        __hash__ = bytes.__hash__

        def __eq__(self, other):
            compared.append(other)
            return bytes.__eq__(self, other)

    with closing(sqlite3.connect(path)) as connection:
        marks = Marks(connection)
        came = {CountingMark(mark("customers_events", "u1", f"i:{number}")): number for number in range(1, 1001)}
        marks.note(came)
        marks.note({}, [bytes(each) for each in reversed(came)])
        assert marks.find(connection, [*came]) == {}
    assert len(compared) < 3 * len(came)


@pytest.fixture
def old_log(path):
    """A file of format 1 with 50 records, as the version before left it."""
    rows = [
        (n, 1, f"u{n % 3}", str(n), 1000, n, f"i:{n}", mark("customers_locations", f"u{n % 3}", f"i:{n}"))
        for n in range(1, 51)
    ]
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(FORMAT_1.read_text())
        connection.execute("INSERT INTO topics VALUES (1, 'customers_locations')")
        connection.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        connection.execute("INSERT INTO positions VALUES ('match', 40)")
    connection.close()
    path.with_name("log.db.lock").write_text("5f1c6a0e-4c57-4a39-9d0c-1c8f5a9b7e11")


@pytest.mark.usefixtures("old_log")
def test_a_log_of_the_version_before_goes_on_as_it_was(open_log, a_record):
    for _ in range(2):
        log = open_log()
        assert log.uuid == "5f1c6a0e-4c57-4a39-9d0c-1c8f5a9b7e11"
        assert [record.offset for record in log.read(0)] == list(range(1, 51))
        assert log.committed("match") == 40
        assert log.offsets_of("u2") == list(range(2, 51, 3))
        assert log.append([a_record(key="u2", id="i:2")]) == [(2, True)]
        log.close()
    assert open_log().append([a_record(key="u2", id="i:51")]) == [(51, False)]


@pytest.mark.usefixtures("old_log")
def test_a_log_that_cannot_be_brought_up_stays_as_it_was(open_log, path):
    """Here since something bears the name of the new table."""
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE marked (somebody TEXT)")
    connection.close()
    with pytest.raises(sqlite3.OperationalError, match="already exists"):
        open_log()
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'marks'").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM records INDEXED BY records_by_mark").fetchone() == (50,)
    connection.close()


def test_a_mark_begins_with_that_of_its_key():
    assert mark("t", "u1", "x")[:4] == mark("t", "u1", "y")[:4] == mark("s", "u1", None) == key_mark("u1")
    assert len({mark("t", "u1", "x"), mark("s", "u1", "x"), mark("t", "u2", "x"), mark("t", "u1", "y")}) == 4
