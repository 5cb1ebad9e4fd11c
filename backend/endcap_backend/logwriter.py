"""The log's one writer: a thread that takes whatever waits, commits it with one fsync and wakes them all."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from threading import Condition, Lock, Thread
from typing import Any

from endcap.clock import Clock
from endcap.wire import epoch_ms
from endcap_backend.logfile import LogClosed, LogError, LogFile, LogFull, damage_named
from endcap_backend.logmarks import Marks, mark
from endcap_backend.logreader import END, NEWEST
from endcap_backend.logsql import Inserted, NewRecord, Topics, delete, fold, insert, move

GROUP_ROWS = 500  # a transaction: enough to hide the fsync, few enough to stay below 10 ms
WAKING_CHAINS = 2  # so many callers are woken at once, and each wakes one more
DISK_EVERY_GROUPS = 16  # 32 MB at most in between, an eighth of what is kept free
FULL_RETRY_S = 5.0  # what a caller is told to wait when there is no room


class Work:
    """One caller's part of a transaction; `done` is a lock the caller blocks on, the cheapest thing that wakes one.

    Whoever wakes first wakes `wakes`: a hundred threads woken at once would fight for the interpreter's lock.
    """

    __slots__ = ("action", "done", "drop", "fault", "folds", "marks", "position", "records", "result", "wakes")

    def __init__(
        self,
        records: Sequence[NewRecord] = (),
        position: tuple[str, int] | None = None,
        action: Callable[[sqlite3.Connection], object] | None = None,
        drop: Sequence[int] = (),
        folds: bool = False,
    ) -> None:
        self.records = records
        self.marks = [
            mark(each.topic, each.key, each.id) for each in records
        ]  # here, while the writer waits for the disk
        self.position = position
        self.action = action
        self.drop = drop
        self.folds = folds
        self.result: Any = None
        self.fault: Exception | None = None
        self.wakes: Work | None = None
        self.done = Lock()
        self.done.acquire()


class LogWriter:
    """Owns the writing connection. `do` is for any thread; all else that is private runs on `endcap-log` alone.

    `end` is the highest offset ever given, `newest` that of the newest record there is, `count` how many there are.
    """

    def __init__(self, file: LogFile, clock: Clock, max_records: int, min_free_bytes: int) -> None:
        self._file = file
        self._clock = clock
        self._max_records = max_records
        self._min_free_bytes = min_free_bytes
        self._connection: sqlite3.Connection | None = file.connect()
        self.count, self.newest, self.end = (
            int(self._connection.execute(query).fetchone()[0])
            for query in ("SELECT count(*) FROM records", NEWEST, END)
        )
        self.groups = self.rows = self.duplicates = self.refused = 0
        self.newest_of: dict[str, int] = {}  # of each topic that grew since the start
        self.grown = Condition()  # notified when there are new records, and at the end
        self.closed = False
        self._unlooked = DISK_EVERY_GROUPS  # groups since the disk was last asked for room
        self._topics = Topics()
        self._marks = Marks(self._connection)
        self._queue: SimpleQueue[Work | None] = SimpleQueue()
        self._held: Work | None = None  # did not fit into the last group
        self._entry = Lock()  # between a call that enters and close
        self._thread = Thread(target=self._run, name="endcap-log", daemon=True)
        self._thread.start()

    def do(self, work: Work) -> Any:
        """Have it done, and wait until it is on disk; raises what stood in the way."""
        with self._entry:
            if self.closed:
                raise LogClosed(f"{self._file.path} is closed")
            self._queue.put(work)
        work.done.acquire()
        if work.wakes is not None:
            work.wakes.done.release()
        if work.fault is not None:
            raise work.fault
        return work.result

    def refusal(self) -> LogFull | None:
        """Why an append would be refused now. Any thread."""
        if self.count >= self._max_records:
            return LogFull(f"the log holds {self.count} records, its bound; old ones go first", FULL_RETRY_S)
        free = self._file.free_bytes()
        if free < self._min_free_bytes:
            return LogFull(f"the disk has {free} bytes left, and {self._min_free_bytes} are kept free", FULL_RETRY_S)
        return None

    def _refusal_lately(self) -> LogFull | None:
        """As `refusal`, but while there is room it looks at the disk only at each sixteenth group."""
        self._unlooked += 1
        if self._unlooked < DISK_EVERY_GROUPS and self.count < self._max_records:
            return None
        refusal = self.refusal()
        self._unlooked = DISK_EVERY_GROUPS if refusal else 0
        return refusal

    def stop(self) -> None:
        """Finish what was handed over, and take no more. Idempotent."""
        with self._entry:
            if not self.closed:
                self.closed = True
                self._queue.put(None)
        self._thread.join()
        with self.grown:
            self.grown.notify_all()

    def close(self) -> None:
        """After `stop`, and after the readers: the last connection to close folds the journal in and removes it."""
        self._drop_connection()

    def _run(self) -> None:
        while group := self._next_group():
            try:
                self._settle(group)
            except Exception as fault:  # whatever it is, nobody may be left waiting
                for work in group:
                    work.fault = work.fault or fault
            self._wake(group)

    def _next_group(self) -> list[Work]:
        """All that waits, up to `GROUP_ROWS`; blocks only for the first. Empty when the log is to close."""
        work = self._held or self._queue.get()
        self._held = None
        group: list[Work] = []
        rows = 0
        while work is not None:
            rows += len(work.records) + len(work.drop)
            if group and rows > GROUP_ROWS:
                self._held = work
                return group
            group.append(work)
            try:
                work = self._queue.get_nowait()
            except Empty:
                return group
        if group:
            self._queue.put(None)  # for the next round
        return group

    def _wake(self, group: Sequence[Work]) -> None:
        for work, after in zip(group, group[WAKING_CHAINS:], strict=False):
            work.wakes = after
        for work in group[:WAKING_CHAINS]:
            work.done.release()

    def _settle(self, group: Sequence[Work]) -> None:
        """Give each its result or its fault."""
        if refusal := self._refusal_lately():
            for work in group:
                if work.records and work.position is None:  # consumers may go on: only they can clear a backlog
                    work.fault = refusal
        taken = [work for work in group if work.fault is None]
        self.refused += len(group) - len(taken)
        try:
            if taken:
                self._commit(taken)
        except Exception as fault:
            self._topics.forget()
            if isinstance(fault, LogError | sqlite3.Error):
                self._drop_connection()
            if len(taken) > 1 and not isinstance(fault, LogError):
                for work in taken:  # one bad record or action must not sink its neighbours: each alone
                    self._settle([work])
                return
            self.refused += isinstance(fault, LogFull)
            for work in taken:
                work.fault = fault

    def _commit(self, group: Sequence[Work]) -> None:
        records = [record for work in group for record in work.records]
        marked = [each for work in group for each in work.marks]
        gone: list[bytes] = []
        with damage_named(self._file.path):
            with self._transaction() as connection:
                now_ms = epoch_ms(self._clock.now())
                self._marks.write_some(connection)
                inserted = insert(connection, self._topics, self._marks, records, marked, self.end + 1, now_ms)
                for work in group:
                    if work.position is not None:
                        move(connection, *work.position, self.end + len(records))
                    if work.action is not None:
                        work.result = work.action(connection)
                    if work.drop:
                        dropped = delete(connection, self._marks, work.drop)
                        work.result = len(dropped)
                        gone += dropped
                newest = connection.execute(NEWEST).fetchone()[0] if gone else self.newest
            self._marks.note(inserted.new.items(), gone)
            for work in group:
                if work.folds:
                    work.result = fold(connection)
        self._note(records, inserted, newest, len(gone))
        start = 0
        for work in group:
            if work.records or work.position is not None:
                end = start + len(work.records)
                work.result = inserted.answers[start:end]
                start = end

    def _note(self, records: Sequence[NewRecord], inserted: Inserted, newest: int, deleted: int) -> None:
        new = len(inserted.new)
        self.groups += 1
        self.rows += new
        self.duplicates += len(records) - new
        self.count += new - deleted
        grown = {
            record.topic: answer.offset
            for record, answer in zip(records, inserted.answers, strict=True)
            if not answer.duplicate
        }
        with self.grown:
            self.newest = max(newest, *grown.values()) if grown else newest
            self.end = max(self.end, self.newest)
            self.newest_of.update(grown)
            if new:
                self.grown.notify_all()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._file.check_still_here()
        connection = self._connection or self._reconnect()
        connection.execute("BEGIN IMMEDIATE")
        try:
            self._file.lengthen_journal()
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:  # SQLite has already rolled back when the disk is full
                connection.execute("ROLLBACK")
            raise

    def _reconnect(self) -> sqlite3.Connection:
        """After a fault; what is in memory is read again, whatever the disk made of the transaction that failed."""
        connection = self._file.connect()
        self._marks = Marks(connection)
        self.newest, self.end = (int(connection.execute(query).fetchone()[0]) for query in (NEWEST, END))
        self._connection = connection
        return connection

    def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()
