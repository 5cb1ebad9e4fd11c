"""StoreFile: the one SQLite file of an install, which outlives the process, is hers alone, and leaves no traces."""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import RLock
from typing import Any

from endcap.errors import BadConfig

log = logging.getLogger("endcap")

LOG_BYTES = 4 * 2**20  # what SQLite's write-ahead log may keep on disk after a checkpoint
_STATE = "CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"


class StoreFile:
    """An SQLite file in WAL mode with named pieces of state beside its owner's tables. Any thread; one lock.

    A process has the folder to itself until `close`; a child that it forks has no share in it, and is refused with
    `sqlite3.ProgrammingError`. A file that is damaged is removed and begun anew: `damaged` says so; `interrupted` that
    process or machine died with it open. `schema` makes the owner's tables; `measure` is run on the open file, and
    finds damage in the middle of it.

    Raises:
        BadConfig: another instance uses the folder.
        OSError: the folder can't be made or written.
    """

    def __init__(self, folder: Path, name: str, schema: str, measure: Callable[[sqlite3.Connection], None]) -> None:
        self.path = folder / f"{name}.db"
        self._lock = RLock()
        self.damaged = False
        self._owner = os.getpid()
        self._schema, self._measure = schema + _STATE, measure
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lease = _lease(folder / f"{name}.lock")
        self.interrupted = Path(f"{self.path}-wal").exists()  # who closes it takes its log away
        try:
            self.db = self._open()
        except BaseException:
            self._lease.close()
            raise
        with suppress(OSError):  # some file systems can't
            sync_folder(folder)  # the log's name, by which a machine that died is known at the next start

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Nobody else's, for what takes several calls; this thread may take it again within it."""
        self._check_owner()  # before the lock: in a forked child it may be held for ever by a thread that is not there
        with self._lock:
            yield

    @contextmanager
    def transaction(self, durable: bool = False) -> Iterator[sqlite3.Connection]:
        """All of it or nothing. `durable`: on the disk when it ends, not only out of the process.

        Raises:
            sqlite3.Error: the disk refuses; nothing of it was done.
        """
        with self.turn():
            if durable:
                self.db.execute("PRAGMA synchronous=FULL")
            try:
                self.db.execute("BEGIN IMMEDIATE")
                yield self.db
                self.db.execute("COMMIT")
            except BaseException:
                if self.db.in_transaction:
                    self.db.execute("ROLLBACK")
                raise
            finally:
                if durable:
                    self.db.execute("PRAGMA synchronous=NORMAL")

    def rows(self, sql: str, *values: Any) -> list[Any]:
        """What a query gives, all at once."""
        with self.turn():
            return self.db.execute(sql, values).fetchall()

    def get(self, name: str) -> str | None:
        """A piece of state."""
        found = self.rows("SELECT value FROM state WHERE name = ?", name)
        return None if not found else str(found[0][0])

    def keep(self, name: str, value: str | None) -> None:
        """Put or forget (None) a piece of state, within a transaction."""
        if value is None:
            self.db.execute("DELETE FROM state WHERE name = ?", (name,))
        else:
            self.db.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", (name, value))

    def shred(self) -> None:
        """Rewrite the file without the pages that still hold what was deleted."""
        with self.turn():
            self.db.execute("VACUUM")
            self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Let go of the file and the folder. Idempotent; in a forked child they are its parent's, and stay."""
        if self._is_child():
            return
        with self._lock:
            self.db.close()
            self._lease.close()

    def erase(self) -> None:
        """Close it and remove it."""
        self._check_owner()
        self.close()
        self._unlink()

    def _is_child(self) -> bool:
        return os.getpid() != self._owner

    def _check_owner(self) -> None:
        if self._is_child():  # two processes on one connection write a torn file
            raise sqlite3.ProgrammingError(f"{self.path.name} was opened before this process was forked")

    def _open(self) -> sqlite3.Connection:
        try:
            return self._connect()
        except sqlite3.DatabaseError as fault:
            if isinstance(fault, sqlite3.OperationalError) and "malformed" not in str(fault):
                raise OSError(f"can't open {self.path.name}: {fault}") from fault
            log.error("%s is damaged (%s); it is removed and a new one made", self.path.name, fault)
            self._unlink()
            self.damaged = True
            return self._connect()

    def _connect(self) -> sqlite3.Connection:
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))  # SQLite gives its other files the same rights
        db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        try:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute(f"PRAGMA journal_size_limit={LOG_BYTES}")
            db.execute("PRAGMA synchronous=NORMAL")
            db.executescript(self._schema)
            self._measure(db)
        except sqlite3.DatabaseError:
            db.close()
            raise
        return db

    def _unlink(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            Path(f"{self.path}{suffix}").unlink(missing_ok=True)


def _lease(path: Path) -> sqlite3.Connection:
    """A lock the OS takes back when the process dies, on any OS: an SQLite file held in a transaction."""
    lease = None
    try:
        lease = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0)
        lease.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as fault:
        if lease is not None:
            lease.close()
        if "locked" in str(fault):
            raise BadConfig("storage_dir", f"{path.parent} is in use by another Endcap; give each its own") from None
        raise OSError(f"can't lock {path.parent}: {fault}") from fault
    return lease


def sync_folder(folder: Path) -> None:
    """Have the disk keep which names are in the folder: those that came, and those that went.

    Raises:
        OSError: the file system can't, as some of FUSE, SMB and FAT.
    """
    if os.name != "posix":
        return  # Windows opens no folder, and its rename is on the disk
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
