"""Settling: brings what SQLite wrote ahead to its place in the file, so that no change has to wait for the disk."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Lock

from endcap_shopper.lane import Lane

EVERY = 200  # changes: some 500 pages, 2 MB, of what was written ahead
OWN_PAGES = 10_000  # and were nothing settled, a change would do it itself at 40 MB


class Settling:
    """Of one file, on a thread of its own. Readers and writers of the file go on meanwhile. Any thread may call.

    (SQLite's own way is that every so many pages a change does it, and waits for the disk twice: 150 ms were seen.)
    """

    def __init__(self, path: Path, db: sqlite3.Connection) -> None:
        self._path = path
        self._lane = Lane("endcap-wallet")
        self._moving = Lock()
        self._changes = 0
        db.execute(f"PRAGMA wal_autocheckpoint={OWN_PAGES}")

    def changed(self) -> None:
        """There was one more change."""
        self._changes += 1  # two threads may count one: it is only now and then that matters
        if self._changes >= EVERY:
            self._changes = 0
            self._lane.do("settle", self._settle)

    @contextmanager
    def still(self) -> Iterator[None]:
        """Nothing settles meanwhile: SQLite shortens a file only for who has it to himself."""
        with self._moving:
            yield

    def until_idle(self, timeout_s: float = 10.0) -> bool:
        """Block, in real time, until nothing settles; for tests."""
        return self._lane.until_idle(timeout_s)

    def close(self) -> None:
        """Idempotent; what is left settles when the file is closed."""
        self._lane.close()

    def _settle(self) -> None:
        with self._moving, closing(sqlite3.connect(self._path, isolation_level=None)) as db:
            db.execute("PRAGMA wal_checkpoint(PASSIVE)")
