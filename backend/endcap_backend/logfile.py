"""The file under the log: made once, locked by one process, refused when it is damaged or not the one that was here.

LogError
├── LogFull        no room for now: the disk, the bound on rows, or a disk that refuses; try again later
├── LogInUse       another process has the log open for writing
├── LogDamaged     the file is missing, shortened, replaced or no longer a log
└── LogClosed      this process has closed it
"""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import resources
from pathlib import Path
from typing import Literal
from uuid import uuid4

from endcap.errors import EndcapError
from endcap_backend.datafolder import data_folder

log = logging.getLogger("endcap.log")

Durability = Literal["full", "fast"]

APPLICATION_ID = 0x456E6463  # "Endc", in the file's header: tells a log from any other SQLite file
VERSION = 2
CHECKED_WHOLE_BYTES = 256 * 1024 * 1024  # a larger file is not read through at start: a second for each 300 MB
BUSY_TIMEOUT_S = 2.0  # how long a lock is waited for; only somebody else's sqlite3 on the file ever holds one
# Of 4 KiB, so that the journal is folded into the file each 64 MB: each page of the index is then written once for many
# changes. At 4 MB a full log takes 7,800 records a second and 17 ms at p95; at 64 MB 11,500 and 7 ms.
CHECKPOINT_PAGES = 16_000
# The journal is lengthened by zeros, which SQLite takes for its end, before it is written to: a sync with no new length
# to note takes half the time. One transaction in some dozens pays for it, until the journal has its full length.
AHEAD_BYTES = 1024 * 1024
_SYNCHRONOUS = {"full": "FULL", "fast": "NORMAL"}
# the transaction did not happen; a later one may
_FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CANTOPEN)


class LogError(EndcapError):
    """Something about the durable log; the root of this file's errors."""


class LogFull(LogError):
    """There is no room now. Nothing was stored; the same call may succeed after `retry_after_s` seconds."""

    def __init__(self, message: str, retry_after_s: float = 5.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class LogInUse(LogError):
    """Another process writes to this log: two would give one offset twice."""


class LogDamaged(LogError):
    """The file can't be trusted; going on would lose or repeat what was acknowledged."""


class LogClosed(LogError):
    """The log was closed while or before this was called; nothing was stored."""


class LogFile:
    """The SQLite file at `path`, held under an exclusive lock from construction to `close`.

    Beside it stands `<path>.lock` with the file's UUID, which outlives the process: a log that vanished or was swapped
    is noticed at the next start instead of being begun anew in silence.

    Raises:
        LogInUse, LogDamaged: see their own words; both say what to do.
        BadConfig: the folder can't be made or written.
    """

    def __init__(self, path: Path, durability: Durability = "full") -> None:
        self.path = path
        self.durability = durability
        # asked for at each commit; a Path makes them each time
        self._name, self._folder, self._journal = str(path), str(path.parent), str(journal(path))
        self._lock = _lock(path)
        self._inode = self._size = self._journal_bytes = 0
        try:
            self.uuid = self._open_checked()
        except BaseException:
            os.close(self._lock)
            raise

    def connect(self) -> sqlite3.Connection:
        """A writing connection; only who holds the log's turn to write may use it."""
        connection = _connect(self.path, "rw")
        connection.executescript(
            f"PRAGMA synchronous = {_SYNCHRONOUS[self.durability]};"
            "PRAGMA secure_delete = ON;"  # what is erased must not stay readable in freed pages
            f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES};"
            "PRAGMA cache_size = -65536;"
        )
        return connection

    def check_still_here(self) -> None:
        """Make sure that the open file is still the one at `path`.

        Raises:
            LogDamaged: it was deleted, replaced or shortened while in use.
        """
        try:
            found = os.stat(self._name)
        except FileNotFoundError:
            raise LogDamaged(f"{self.path} was deleted while in use: stop the backend and restore it") from None
        if found.st_ino != self._inode or found.st_size < self._size:
            raise LogDamaged(f"{self.path} was replaced or shortened while in use: stop the backend and restore it")
        self._size = found.st_size

    def journal_is_used_up(self) -> bool:
        """Whether the journal has grown beyond, or been cut below, what `lengthen_journal` left it at."""
        try:
            return os.stat(self._journal).st_size != self._journal_bytes
        except OSError:  # without a journal yet SQLite makes one
            return False

    def lengthen_journal(self) -> None:
        """Write zeros behind the journal's end; within a transaction, which keeps others out."""
        with suppress(OSError):  # with a full disk SQLite writes where it can
            descriptor = os.open(self._journal, os.O_WRONLY)
            try:
                os.pwrite(descriptor, bytes(AHEAD_BYTES), os.fstat(descriptor).st_size)
                self._journal_bytes = os.fstat(descriptor).st_size
            finally:
                os.close(descriptor)

    def free_bytes(self) -> int:
        """What the disk has left for us."""
        found = os.statvfs(self._folder)
        return found.f_bavail * found.f_frsize

    def size_bytes(self) -> int:
        """The file and its journal."""
        return sum(each.stat().st_size for each in (self.path, journal(self.path)) if each.exists())

    def close(self) -> None:
        """Let go of the lock; connections are closed by who made them."""
        os.close(self._lock)

    def _open_checked(self) -> str:
        expected = os.pread(self._lock, 64, 0).decode("ascii", "replace").strip()
        fresh = not self.path.exists()
        if fresh and (expected or journal(self.path).exists()):
            raise LogDamaged(
                f"{self.path} is gone, though a log was here before: restore it from its backup, or, to begin anew "
                f"and lose what it held, delete {_lock_path(self.path).name} and {journal(self.path).name} beside it"
            )
        with damage_named(self.path):
            empty = not expected and (fresh or self.path.stat().st_size == 0)  # a crash may have left it empty
            uuid = _create(self.path) if empty else _check(self.path)
        if expected and uuid != expected:
            raise LogDamaged(
                f"{self.path} holds another log ({uuid}) than was here before ({expected}): put the right one back, "
                f"or delete {_lock_path(self.path).name} beside it to accept this one"
            )
        os.pwrite(self._lock, uuid.encode("ascii"), 0)
        os.fsync(self._lock)
        found = os.stat(self.path)
        self._inode, self._size = found.st_ino, found.st_size
        return uuid


def connect_reader(path: Path) -> sqlite3.Connection:
    """A connection that can only read; any one thread at a time may use it."""
    connection = _connect(path, "ro")
    connection.execute("PRAGMA query_only = ON")
    return connection


def journal(path: Path) -> Path:
    """SQLite's write-ahead journal: it belongs to the file and must be copied with it."""
    return path.with_name(path.name + "-wal")


@contextmanager
def damage_named(path: Path) -> Iterator[None]:
    """Turn SQLite's words for a file that is broken, or for a disk that refuses, into ours."""
    try:
        yield
    except sqlite3.Error as fault:
        code = getattr(fault, "sqlite_errorcode", 0) & 0xFF
        if code in _FULL:
            raise LogFull(f"{path} can't be written: {fault}") from fault
        if code in _DAMAGED:
            raise LogDamaged(f"{path} can't be read as a log ({fault}): restore it from its backup") from fault
        raise


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=BUSY_TIMEOUT_S,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
    )


def _create(path: Path) -> str:
    uuid = str(uuid4())
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    connection = _connect(path, "rw")
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        schema = resources.files("endcap_backend").joinpath("log.sql").read_text()
        connection.executescript(
            f"BEGIN; PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}; {schema}"
            f"INSERT INTO identity VALUES ('{uuid}'); COMMIT;"
        )
    finally:
        connection.close()
    _sync_folder(path.parent)
    return uuid


def _check(path: Path) -> str:
    """The UUID of a log that can be trusted; what a crash left in the journal is folded in first."""
    connection = _connect(path, "rw")
    try:
        version = _check_header(connection, path)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        (pages,), (page_bytes,) = (
            connection.execute(f"PRAGMA {each}").fetchone() for each in ("page_count", "page_size")
        )
        if path.stat().st_size < pages * page_bytes:
            raise LogDamaged(f"{path} was cut short: restore it from its backup")
        if path.stat().st_size <= CHECKED_WHOLE_BYTES:
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if found != "ok":
                raise LogDamaged(f"{path} is damaged ({' '.join(found.split())}): restore it from its backup")
        if version < VERSION:
            _bring_up(connection, path)
        (uuid,) = connection.execute("SELECT uuid FROM identity").fetchone()
        return str(uuid)
    finally:
        connection.close()


def _bring_up(connection: sqlite3.Connection, path: Path) -> None:
    """Give a log of format 1 what format 2 has: the marks in a table instead of an index. All of it, or nothing."""
    log.info("%s is brought to format %d, once: half a second for each million records", path, VERSION)
    connection.execute("PRAGMA synchronous = FULL")
    connection.executescript(
        "BEGIN IMMEDIATE;"
        "CREATE TABLE marks (mark BLOB PRIMARY KEY, offset INTEGER NOT NULL) WITHOUT ROWID;"
        "INSERT INTO marks SELECT mark, offset FROM records ORDER BY mark;"
        "DROP INDEX records_by_mark;"
        "CREATE TABLE marked (through INTEGER NOT NULL);"
        "INSERT INTO marked SELECT coalesce(max(offset), 0) FROM records;"
        f"PRAGMA user_version = {VERSION};"
        "COMMIT;"
        "PRAGMA wal_checkpoint(TRUNCATE);"
    )


def _check_header(connection: sqlite3.Connection, path: Path) -> int:
    """The file's format."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if application != APPLICATION_ID:
        raise LogDamaged(f"{path} is no Endcap log: restore it from its backup, or name another folder with --data")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if not 1 <= version <= VERSION:
        raise LogDamaged(f"{path} has format {version}, this version reads {VERSION}: run the version that wrote it")
    return int(version)


def _lock_path(path: Path) -> Path:
    return path.with_name(path.name + ".lock")


def _lock(path: Path) -> int:
    with data_folder(path.parent):
        lock = os.open(_lock_path(path), os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise LogInUse(
            f"{path} is in use by another backend: stop that one first, or give this one its own --data"
        ) from None
    return lock


def _sync_folder(folder: Path) -> None:
    with suppress(OSError):  # some file systems can't; the file itself is synced
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
