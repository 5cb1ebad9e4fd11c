"""The durable log: every record of every topic in one SQLite file, in one order; "appended" means "on disk".

    log = Log(Path("data/log.db"))
    log.append([NewRecord("customers_locations", "u1", '{"uid":"u1", …}', 1764000000000, id="install:1")])
    for record in log.read(log.committed("match")): …
    log.commit("match", record.offset, alerts)      # the position and what came of it, in one transaction

Callers' threads hand their work to one writer thread and wait. It takes whatever waits, up to 500 rows, commits it with
one fsync and wakes them all: many callers share the price of the disk, and a single one never waits for company.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice
from operator import attrgetter
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Condition, Lock, Thread
from typing import Any, Literal, TypeVar, cast

from endcap.clock import Clock
from endcap.wire import epoch_ms
from endcap_backend.logfile import (
    BUSY_TIMEOUT_S,
    LogClosed,
    LogDamaged,
    LogError,
    LogFile,
    LogFull,
    LogInUse,
    damage_named,
)
from endcap_backend.logreader import LATEST_WINS, NEWEST, READ_LIMIT, LogReader, Record, key_mark

__all__ = [
    "LATEST_WINS",
    "READ_LIMIT",
    "Appended",
    "Log",
    "LogClosed",
    "LogDamaged",
    "LogError",
    "LogFull",
    "LogInUse",
    "LogReader",
    "NewRecord",
    "Record",
]

T = TypeVar("T")
_FIELDS = attrgetter("topic", "key", "value", "timestamp_ms", "id")

GROUP_ROWS = 500  # a transaction: enough to hide the fsync, few enough to stay below 10 ms
MAX_RECORDS = 20_000_000  # 6 GB of locations
MIN_FREE_BYTES = 256 * 1024 * 1024  # left on the disk for the journal, and for whoever has to clean up
WAKING_CHAINS = 2  # so many callers are woken at once, and each wakes one more
FOLD_PATIENCE_MS = 200  # for readers; appends wait meanwhile
FULL_RETRY_S = 5.0  # what a caller is told to wait when there is no room

_INSERT = "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (mark) DO NOTHING"
_POSITION = "INSERT INTO positions VALUES (?, ?) ON CONFLICT (consumer) DO UPDATE SET offset = excluded.offset"


@dataclass(frozen=True, slots=True)
class NewRecord:
    """A record to append. A second one with the same topic, key and `id` is a duplicate; without `id` none ever is."""

    topic: str
    key: str | None
    value: str | None
    timestamp_ms: int
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Appended:
    """Where a record stands; of a duplicate, where its first one does. Offsets rise, but may leave gaps."""

    offset: int
    duplicate: bool


@dataclass(frozen=True, slots=True)
class LogStats:
    """How the log is doing. `groups` and `rows` count transactions and rows since it was opened."""

    records: int
    end: int
    bytes: int
    free_bytes: int
    groups: int
    rows: int
    duplicates: int
    refused: int


class _Work:
    """One caller's part of a transaction; `done` is a lock the caller blocks on, the cheapest thing that wakes one.

    Whoever wakes first wakes `wakes`: a hundred threads woken at once would fight for the interpreter's lock.
    """

    __slots__ = ("action", "done", "drop", "fault", "folds", "position", "records", "result", "wakes")

    def __init__(
        self,
        records: Sequence[NewRecord] = (),
        position: tuple[str, int] | None = None,
        action: Callable[[sqlite3.Connection], object] | None = None,
        drop: Sequence[int] = (),
        folds: bool = False,
    ) -> None:
        self.records = records
        self.position = position
        self.action = action
        self.drop = drop
        self.folds = folds
        self.result: Any = None
        self.fault: Exception | None = None
        self.wakes: _Work | None = None
        self.done = Lock()
        self.done.acquire()


class Log(LogReader):
    """The log as its owner has it: it may write. Safe from any thread; one writer thread, started here.

    At most `max_records` are held and `min_free_bytes` left on the disk; beyond that `append` raises `LogFull`, while
    consumers may still commit what they read. It recovers by itself when there is room again. `durability="fast"`
    leaves out the fsync of each transaction: what was appended survives the process, not a power cut.

    Raises:
        LogInUse, LogDamaged: on opening; the message says what to do.
    """

    def __init__(
        self,
        path: Path,
        *,
        durability: Literal["full", "fast"] = "full",
        clock: Clock | None = None,
        max_records: int = MAX_RECORDS,
        min_free_bytes: int = MIN_FREE_BYTES,
    ) -> None:
        self._file = LogFile(path, durability)
        super().__init__(path, clock=clock)
        self._max_records = max_records
        self._min_free_bytes = min_free_bytes
        self._connection: sqlite3.Connection | None = None
        self._numbers: dict[str, int] = {}
        with self.reading() as connection:
            self._count: int = connection.execute("SELECT count(*) FROM records").fetchone()[0]
            self._newest: int = connection.execute(NEWEST).fetchone()[0]
        self._end = super().end()
        self._groups = self._rows = self._duplicates = self._refused = 0
        self._grown = Condition()
        self._queue: SimpleQueue[_Work | None] = SimpleQueue()
        self._held: _Work | None = None  # did not fit into the last group
        self._entry = Lock()  # between a call that enters and close
        self._closed = False
        self._writer = Thread(target=self._write, name="endcap-log", daemon=True)
        self._writer.start()

    @classmethod
    def open_readonly(cls, path: Path, *, clock: Clock | None = None) -> LogReader:
        """The log of another process, to read and to tail."""
        return LogReader(path, clock=clock)

    def append(self, records: Sequence[NewRecord]) -> list[Appended]:
        """Store `records` in this order; returns when they are on disk, with one answer each.

        Raises:
            LogFull: nothing was stored.
            LogClosed, LogDamaged: nothing was stored, and trying again won't help.
        """
        return cast(list[Appended], self._do(_Work(records=records))) if records else []

    def commit(self, consumer: str, offset: int, records: Sequence[NewRecord] = ()) -> list[Appended]:
        """Note that `consumer` is done up to `offset`, and store what it made of that, in one transaction.

        Raises:
            ValueError: the consumer has already been further.
            LogFull: the disk refuses; the position is as before.
        """
        return cast(list[Appended], self._do(_Work(records=records, position=(consumer, offset))))

    def transact(self, action: Callable[[sqlite3.Connection], T]) -> T:
        """Run `action` on the writing connection, as part of a transaction; returns when it is on disk.

        For the small tables that others keep in the file; it must be quick and leave the log's own tables alone. What
        it raises is raised here, and then none of its statements happened. It may run twice, the first time in vain.
        """
        return cast(T, self._do(_Work(action=action)))

    def prepare(self, script: str) -> None:
        """Run SQL that makes small tables of one's own in the file, if they are not there yet."""

        def run(connection: sqlite3.Connection) -> None:
            statement = ""
            for line in script.splitlines(keepends=True):
                statement += line
                if sqlite3.complete_statement(statement):
                    connection.execute(statement)
                    statement = ""

        self.transact(run)

    def discard(self, offsets: Sequence[int]) -> int:
        """Delete the records at `offsets`, for good: freed pages are overwritten. Returns how many there were."""
        chunks = [offsets[start : start + GROUP_ROWS] for start in range(0, len(offsets), GROUP_ROWS)]
        return sum(cast(int, self._do(_Work(drop=chunk))) for chunk in chunks)

    def fold(self) -> bool:
        """Bring the journal into the file and cut it to nothing, so that what was deleted is on disk no more.

        False when a reader was in the way; what was deleted then goes at the next fold.
        """
        return cast(bool, self._do(_Work(folds=True)))

    def end(self) -> int:
        """The offset of the newest record ever appended, 0 when there is none."""
        return self._end

    def wait(self, after: int, timeout_s: float) -> bool:
        """Block until there is a record above `after`, at most `timeout_s`: True when there is. Ends at `close`."""
        with self._grown:
            self._grown.wait_for(lambda: self._newest > after or self._closed, timeout_s)
            return self._newest > after

    def check_writable(self) -> None:
        """Make sure that an append would be taken now.

        Raises:
            LogFull, LogDamaged, LogClosed: why it would not.
        """
        if self._closed or not self._writer.is_alive():
            raise LogClosed(f"{self.path} is closed")
        self._file.check_still_here()
        if refusal := self._refusal():
            raise refusal

    def stats(self) -> LogStats:
        """Counts for `/metrics`; cheap."""
        return LogStats(
            records=self._count,
            end=self._end,
            bytes=self._file.size_bytes(),
            free_bytes=self._file.free_bytes(),
            groups=self._groups,
            rows=self._rows,
            duplicates=self._duplicates,
            refused=self._refused,
        )

    def close(self) -> None:
        """Finish what was handed over, then let go of the file. Calls after this raise `LogClosed`."""
        with self._entry:
            if self._closed:
                return
            self._closed = True
            self._queue.put(None)
        self._writer.join()
        with self._grown:
            self._grown.notify_all()
        super().close()
        if self._connection is not None:
            self._connection.close()  # the last one folds the journal in and removes it
        self._file.close()

    def _do(self, work: _Work) -> Any:
        with self._entry:
            if self._closed:
                raise LogClosed(f"{self.path} is closed")
            self._queue.put(work)
        work.done.acquire()
        if work.wakes is not None:
            work.wakes.done.release()
        if work.fault is not None:
            raise work.fault
        return work.result

    # The rest runs on the writer thread alone.

    def _write(self) -> None:
        while group := self._next_group():
            self._finish(group)

    def _next_group(self) -> list[_Work]:
        """All that waits, up to `GROUP_ROWS`; blocks only for the first. Empty when the log is to close."""
        first = self._held or self._queue.get()
        self._held = None
        group: list[_Work] = []
        rows = 0
        while first is not None:
            rows += len(first.records) + len(first.drop)
            if group and rows > GROUP_ROWS:
                self._held = first
                break
            group.append(first)
            try:
                first = self._queue.get_nowait()
            except Empty:
                break
        else:
            if group:
                self._queue.put(None)  # for the next round
        return group

    def _finish(self, group: list[_Work]) -> None:
        """Commit a group and wake its callers, each with its result or its fault."""
        if refusal := self._refusal():
            for work in group:
                if work.records and not work.position:  # consumers may go on: only they can clear a backlog
                    work.fault = refusal
        taken = [work for work in group if work.fault is None]
        self._refused += len(group) - len(taken)
        try:
            if taken:
                self._commit(taken)
        except Exception as fault:
            self._reopen_after(fault)
            if len(taken) > 1 and not isinstance(fault, LogError):
                for work in taken:  # one bad record or action must not sink its neighbours: each alone
                    self._finish([work])
                return
            for work in taken:
                work.fault = fault
        for work, after in zip(group, group[WAKING_CHAINS:], strict=False):
            work.wakes = after
        for work in group[:WAKING_CHAINS]:
            work.done.release()

    def _refusal(self) -> LogFull | None:
        if self._count >= self._max_records:
            return LogFull(f"the log holds {self._count} records, its bound; old ones go first", FULL_RETRY_S)
        free = self._file.free_bytes()
        if free < self._min_free_bytes:
            return LogFull(f"the disk has {free} bytes left, and {self._min_free_bytes} are kept free", FULL_RETRY_S)
        return None

    def _commit(self, group: list[_Work]) -> None:
        records = [record for work in group for record in work.records]
        deleted = 0
        with damage_named(self.path), self._transaction() as connection:
            appended = self._insert(connection, records)
            for work in group:
                if work.position is not None:
                    _move(connection, *work.position, self._end + len(records))
                if work.action is not None:
                    work.result = work.action(connection)
                if work.drop:
                    work.result = _delete(connection, work.drop)
                    deleted += work.result
            newest = max([self._newest, *(each.offset for each in appended)])
            if deleted:
                (newest,) = connection.execute(NEWEST).fetchone()
        self._note(appended, newest, deleted)
        answers = iter(appended)
        for work in group:
            if work.folds:
                work.result = _fold(connection)
            elif work.action is None and not work.drop:
                work.result = list(islice(answers, len(work.records)))

    def _note(self, appended: Sequence[Appended], newest: int, deleted: int) -> None:
        inserted = sum(not each.duplicate for each in appended)
        self._groups += 1
        self._rows += inserted
        self._duplicates += len(appended) - inserted
        self._count += inserted - deleted
        with self._grown:
            self._end = max(self._end, newest)
            self._newest = newest
            self._grown.notify_all()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._file.check_still_here()
        if self._connection is None:
            self._connection = self._file.connect()
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:  # SQLite has already rolled back when the disk is full
                connection.execute("ROLLBACK")
            raise

    def _insert(self, connection: sqlite3.Connection, records: Sequence[NewRecord]) -> list[Appended]:
        if not records:
            return []
        now_ms = epoch_ms(self._clock.now())
        first = self._end + 1
        rows = [
            (
                offset,
                self._number(connection, topic),
                key,
                value,
                timestamp_ms,
                now_ms,
                id,
                _mark(offset, topic, key, id),
            )
            for offset, (topic, key, value, timestamp_ms, id) in enumerate(map(_FIELDS, records), first)
        ]
        if connection.executemany(_INSERT, rows).rowcount == len(rows):
            return [Appended(offset, False) for offset in range(first, first + len(rows))]
        return [self._found(connection, row[0], row[-1]) for row in rows]

    def _found(self, connection: sqlite3.Connection, offset: int, mark: bytes) -> Appended:
        (first,) = connection.execute("SELECT offset FROM records WHERE mark = ?", (mark,)).fetchone()
        return Appended(first, duplicate=first != offset)

    def _number(self, connection: sqlite3.Connection, topic: str) -> int:
        if (known := self._numbers.get(topic)) is not None:
            return known
        connection.execute("INSERT INTO topics (name) VALUES (?) ON CONFLICT DO NOTHING", (topic,))
        (number,) = connection.execute("SELECT number FROM topics WHERE name = ?", (topic,)).fetchone()
        self._numbers[topic] = int(number)
        return int(number)

    def _reopen_after(self, fault: Exception) -> None:
        self._numbers.clear()  # a topic's number may have been rolled back with the rest
        if isinstance(fault, LogError | sqlite3.Error) and self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None
        self._refused += isinstance(fault, LogFull)


def _mark(offset: int, topic: str, key: str | None, id: str | None) -> bytes:
    """The record's 16 bytes: those of its key, so that one key's marks are neighbours, then those of all that names it.

    Of 96 bits, two ids of one key fall together once in 10^19 pairs.
    """
    if id is None:
        return key_mark(key) + offset.to_bytes(12)
    return key_mark(key) + blake2b(f"{topic}\0{key or ''}\0{id}".encode(), digest_size=12).digest()


def _move(connection: sqlite3.Connection, consumer: str, offset: int, end: int) -> None:
    found = connection.execute("SELECT offset FROM positions WHERE consumer = ?", (consumer,)).fetchone()
    if not (found[0] if found else 0) <= offset <= end:
        raise ValueError(f"consumer {consumer} can't move to {offset}: it is at {found}, and the log ends at {end}")
    connection.execute(_POSITION, (consumer, offset))


def _fold(connection: sqlite3.Connection) -> bool:
    connection.execute(f"PRAGMA busy_timeout = {FOLD_PATIENCE_MS}")
    ((busy, *_),) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.execute(f"PRAGMA busy_timeout = {round(BUSY_TIMEOUT_S * 1000)}")
    return not busy


def _delete(connection: sqlite3.Connection, offsets: Sequence[int]) -> int:
    connection.execute("UPDATE deleted SET highest = max(highest, ?)", (max(offsets),))
    return connection.executemany("DELETE FROM records WHERE offset = ?", [(each,) for each in offsets]).rowcount
