"""What was deleted is in no page of a SQLite file, also where rows were moved before."""

import random
import sqlite3
import subprocess

import pytest

from endcap_backend.unused import Blanked, blank_unused

ROWS = 3_000


def stale(path, names):
    content = path.read_bytes()
    return [name for name in names if name.encode() in content]


@pytest.fixture
def moved(tmp_path):
    """A database whose rows were moved about and deleted: its path, the deleted names, a connection to it."""
    path = tmp_path / "some.db"
    db = sqlite3.connect(path, isolation_level=None)
    db.executescript(
        "PRAGMA journal_mode = WAL; PRAGMA secure_delete = ON;"
        "CREATE TABLE people (name TEXT PRIMARY KEY, note TEXT) WITHOUT ROWID"
    )
    chance = random.Random(11)
    deleted = []
    for _ in range(12):
        db.execute("BEGIN")
        names = [f"{chance.getrandbits(128):032x}" for _ in range(ROWS // 12)]
        db.executemany("INSERT INTO people VALUES (?, ?)", [(name, "n" * chance.randrange(120)) for name in names])
        going = [name for (name,) in db.execute("SELECT name FROM people") if chance.random() < 0.3]
        db.executemany("DELETE FROM people WHERE name = ?", [(name,) for name in going])
        db.execute("COMMIT")
        deleted += going
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    yield path, deleted, db
    db.close()


def test_what_secure_delete_leaves_is_blanked_and_every_row_stays(moved):
    path, deleted, db = moved
    before = db.execute("SELECT * FROM people").fetchall()
    assert stale(path, deleted), "SQLite left nothing: then this test shows nothing"
    found = blank_unused(path)
    assert found.done
    assert 0 < found.blanked <= found.pages
    assert stale(path, deleted) == []
    assert db.execute("SELECT * FROM people").fetchall() == before
    assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert blank_unused(path) == Blanked(found.pages, 0, True)


def test_what_a_connection_kept_in_memory_does_not_bring_it_back(moved):
    path, deleted, db = moved
    names = [name for (name,) in db.execute("SELECT name FROM people")]  # every page is in memory now
    blank_unused(path)
    db.executemany("UPDATE people SET note = 'other' WHERE name = ?", [(name,) for name in names])
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert stale(path, deleted) == []


def test_while_another_writes_it_comes_to_its_end_and_nothing_is_lost(moved):
    path, deleted, db = moved
    db.execute("PRAGMA busy_timeout = 30000")

    def run(*order, **how):
        with subprocess.Popen(*order, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            written = 0
            while process.poll() is None:
                db.execute("INSERT INTO people VALUES (?, 'written meanwhile')", (f"new {written}",))
                written += 1
            out, err = process.communicate()
        counted.append(written)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    counted = []
    assert blank_unused(path, run).done
    assert db.execute("SELECT count(*) FROM people WHERE note = 'written meanwhile'").fetchone() == (counted[0],)
    assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert stale(path, deleted) == []


def test_a_reader_that_stays_is_told_of_and_sees_what_it_saw(moved):
    path, deleted, db = moved
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN")
    seen = other.execute("SELECT * FROM people").fetchall()
    db.execute("DELETE FROM people WHERE note > 'nnnnnnnnnn'")
    assert not blank_unused(path).done
    assert other.execute("SELECT * FROM people").fetchall() == seen
    other.close()
    assert blank_unused(path).done
    assert stale(path, deleted) == []


def test_a_file_that_is_none_of_sqlites_is_refused_with_its_name(tmp_path):
    path = tmp_path / "other.db"
    path.write_text("no database at all" * 100)
    with pytest.raises(OSError, match=r"other\.db can't be cleared of deleted rows: .*not a database"):
        blank_unused(path)


def test_a_file_with_pages_that_cannot_be_told_apart_is_left_alone(tmp_path):
    path = tmp_path / "vacuumed.db"
    with sqlite3.connect(path) as db:
        db.executescript("PRAGMA auto_vacuum = FULL; VACUUM; CREATE TABLE t (x)")
    db.close()
    with pytest.raises(OSError, match="auto_vacuum"):
        blank_unused(path)
