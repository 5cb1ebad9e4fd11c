"""What was deleted is in no page of a SQLite file, also where rows were moved before."""

import sqlite3
import subprocess

import pytest

from endcap_backend.unused import Blanked, blank_unused


@pytest.fixture
def db(tmp_path, soil):
    """A database whose rows were moved about and deleted, open."""
    connection = sqlite3.connect(tmp_path / "some.db", isolation_level=None)
    connection.executescript("PRAGMA journal_mode = WAL; PRAGMA secure_delete = ON")
    for statements in soil.rounds:
        connection.execute("BEGIN")
        for each in statements:
            connection.execute(each)
        connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    yield connection
    connection.close()


@pytest.fixture
def path(db, tmp_path):
    return tmp_path / "some.db"


def test_what_secure_delete_leaves_is_blanked_and_every_row_stays(db, path, soil):
    before = db.execute("SELECT * FROM moved").fetchall()
    assert soil.left_in(path), "SQLite left nothing: then this test shows nothing"
    found = blank_unused(path)
    assert found.done
    assert 0 < found.blanked <= found.pages
    assert soil.left_in(path) == []
    assert db.execute("SELECT * FROM moved").fetchall() == before
    assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert blank_unused(path) == Blanked(found.pages, 0, True)


def test_what_a_connection_kept_in_memory_does_not_bring_it_back(db, path, soil):
    names = [name for (name,) in db.execute("SELECT name FROM moved")]  # every page is in memory now
    blank_unused(path)
    db.executemany("UPDATE moved SET note = 'other' WHERE name = ?", [(name,) for name in names])
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert soil.left_in(path) == []


def test_while_another_writes_it_comes_to_its_end_and_nothing_is_lost(db, path, soil):
    db.execute("PRAGMA busy_timeout = 30000")

    def run(*order, **how):
        with subprocess.Popen(*order, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            written = 0
            while process.poll() is None:
                db.execute("INSERT INTO moved VALUES (?, 'written meanwhile')", (f"new {written}",))
                written += 1
            out, err = process.communicate()
        counted.append(written)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    counted = []
    assert blank_unused(path, run).done
    assert db.execute("SELECT count(*) FROM moved WHERE note = 'written meanwhile'").fetchone() == (counted[0],)
    assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert soil.left_in(path) == []


def test_a_reader_that_stays_is_told_of_and_sees_what_it_saw(db, path, soil):
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN")
    seen = other.execute("SELECT * FROM moved").fetchall()
    db.execute("DELETE FROM moved WHERE note > 'nnnnnnnnnn'")
    assert not blank_unused(path).done
    assert other.execute("SELECT * FROM moved").fetchall() == seen
    other.close()
    assert blank_unused(path).done
    assert soil.left_in(path) == []


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
