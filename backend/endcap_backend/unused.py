"""What SQLite leaves in the unused part of its pages, blanked: so that what was deleted is in the file no more.

`secure_delete` zeroes a row where it is deleted. But when SQLite balances a tree it moves rows to other pages, and the
page that they came from keeps their bytes, unzeroed, between its list of cells and its cells (`rebuildPage` in SQLite's
btree.c). When such a row is deleted, its copy stays. Here those parts are found and zeroed, in a process of its own: to
close a file drops every lock that the process has on it, SQLite's too (sqlite.org/howtocorrupt.html, 2.2).

The layout of a page is the one of sqlite.org/fileformat.html, 1.6.
"""

from __future__ import annotations

import json
import os
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

HEADERS = {
    2: 12,
    5: 12,
    10: 8,
    13: 8,
}  # bytes before the list of cells, by kind of page: inner and leaf, index and table
PAGES_AT_ONCE = 1_000  # written while nobody else can write: some 10 ms
TRIES = 20  # for a moment in which the journal is empty
PATIENCE_MS = 5_000  # for another's transaction
FOLD_PATIENCE_MS = 250  # for whoever reads what is in the journal, at each try
READ_BYTES = 1 << 22
WAL_HEADER, WAL_FRAME = 32, 24  # bytes before the first frame, and before the page in each
MOST_PAGES = 1 << 25  # from there on a page of no tree can begin with the number of a kind of tree


@dataclass(frozen=True, slots=True)
class Blanked:
    """What was done; `done` is False when writers or readers left no moment for it."""

    pages: int
    blanked: int
    done: bool


def blank_unused(path: Path, run: Callable[..., subprocess.CompletedProcess[str]] = subprocess.run) -> Blanked:
    """Zero what is unused in each page of the database at `path`, which may be in use; blocks while the file is read.

    Raises:
        OSError: the process can't be started, or says that the file can't be read or written.
    """
    done = run([sys.executable, "-m", __name__, str(path)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"{path.name} can't be cleared of deleted rows: {done.stderr.strip().rpartition(chr(10))[2]}")
    return Blanked(**json.loads(done.stdout))


def main(path: Path) -> Blanked:
    """Do it in this process, which must not have the file open for anything else."""
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as connection,
        path.open("r+b") as file,
    ):
        _fold(connection)
        size = connection.execute("PRAGMA page_size").fetchone()[0]
        pages = os.fstat(file.fileno()).st_size // size
        _check(connection, path, pages)
        soiled = [number for number, page in _read(file.fileno(), size) if _unused(page).strip(b"\0")]
        blanked, done = 0, True
        for start in range(0, len(soiled), PAGES_AT_ONCE):
            some = _blank_some(connection, path, file.fileno(), size, soiled[start : start + PAGES_AT_ONCE])
            done = done and some is not None
            blanked += some or 0
    return Blanked(pages, blanked, done)


def _check(connection: sqlite3.Connection, path: Path, pages: int) -> None:
    if pages >= MOST_PAGES:
        raise OSError(
            f"{path.name} has {pages:,} pages, and in more than {MOST_PAGES:,} a tree's can't be told from others"
        )
    if connection.execute("PRAGMA auto_vacuum").fetchone()[0]:
        raise OSError(
            f"{path.name} has pages that say where others are (auto_vacuum), which can't be told from a tree's"
        )


def _blank_some(connection: sqlite3.Connection, path: Path, file: int, size: int, numbers: Sequence[int]) -> int | None:
    """How many of these pages had something to zero; None when some were never seen outside the journal."""
    left, blanked = set(numbers), 0
    for _ in range(TRIES):
        _fold(connection)
        if not _done(connection, "BEGIN IMMEDIATE"):
            continue
        try:
            settled = left - _in_journal(path, size)
            blanked += sum(_blank(file, size, number) for number in settled)
            os.fsync(file)
            _make_others_read_anew(connection)
        finally:
            connection.execute("COMMIT")
        left -= settled
        if not left:
            return blanked
    return None


def _fold(connection: sqlite3.Connection) -> None:
    """Bring into the file what others leave a moment for."""
    connection.execute(f"PRAGMA busy_timeout = {FOLD_PATIENCE_MS}")
    _done(connection, "PRAGMA wal_checkpoint(TRUNCATE)")
    connection.execute(f"PRAGMA busy_timeout = {PATIENCE_MS}")


def _done(connection: sqlite3.Connection, statement: str) -> bool:
    """Run it; False when others left no moment for it."""
    try:
        connection.execute(statement).fetchall()
    except sqlite3.OperationalError as fault:
        if fault.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise
        return False
    return True


def _in_journal(path: Path, size: int) -> set[int]:
    """The pages, from 0, that the journal may hold newer than the file does; nobody writes, a transaction is begun."""
    try:
        journal = os.open(f"{path}-wal", os.O_RDONLY)
    except FileNotFoundError:
        return set()
    try:
        frames = range(WAL_HEADER, os.fstat(journal).st_size, WAL_FRAME + size)
        return {int.from_bytes(os.pread(journal, 4, start)) - 1 for start in frames}
    finally:
        os.close(journal)


def _make_others_read_anew(connection: sqlite3.Connection) -> None:
    """What a connection keeps of a page would be written back as it was; whoever sees a change drops all it keeps."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    connection.execute(f"PRAGMA user_version = {version}")


def _read(file: int, size: int) -> Iterator[tuple[int, bytes]]:
    """Each page with its number, from 1: the one before holds the tables' names, and is kept by every connection."""
    number = 1
    while block := os.pread(file, READ_BYTES, number * size):
        for start in range(0, len(block) - size + 1, size):
            yield number, block[start : start + size]
            number += 1


def _blank(file: int, size: int, number: int) -> bool:
    page = os.pread(file, size, number * size)
    start, end = _bounds(page)
    if not page[start:end].strip(b"\0"):
        return False
    os.pwrite(file, bytes(end - start), number * size + start)
    return True


def _unused(page: bytes) -> bytes:
    start, end = _bounds(page)
    return page[start:end]


def _bounds(page: bytes) -> tuple[int, int]:
    """Where the unused part begins and ends; nowhere in a page of no tree, which begins with another page's number."""
    length = HEADERS.get(page[0])
    if length is None:
        return 0, 0
    cells, content = struct.unpack_from(">HH", page, 3)
    start = length + 2 * cells
    end = content or 65_536  # as the format says
    return (start, end) if start <= end <= len(page) else (0, 0)


if __name__ == "__main__":
    json.dump(asdict(main(Path(sys.argv[1]))), sys.stdout)
