"""The log's one writer: it takes whatever waits, commits it with one fsync and wakes them all.

Who comes while nobody else does writes on his own thread, since to wake another takes as long as half a transaction; as
soon as callers meet, they wait for `endcap-log`, which shares a transaction out among them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import pairwise
from queue import Empty, SimpleQueue
from threading import Condition, Lock, Thread
from typing import Any

from endcap.clock import Clock
from endcap.wire import epoch_ms
from endcap_backend.logfile import LogClosed, LogError, LogFile, LogFull, damage_named
from endcap_backend.logmarks import Marks
from endcap_backend.logreader import END, NEWEST
from endcap_backend.logsql import ROWS_AT_ONCE, Inserted, NewRecord, Topics, delete, fold, insert, move
from endcap_backend.logwork import Work

GROUP_ROWS = 500  # a transaction: enough to hide the fsync, few enough to stay below 10 ms
DISK_EVERY_GROUPS = 16  # 32 MB at most in between, an eighth of what is kept free
CALM_GROUPS = 4  # of one caller each, in a row, after which a caller writes himself
LENGTHEN_EVERY_GROUPS = 8  # a look at the journal's length: before 1 MB of zeros is used up, as a rule
FULL_RETRY_S = 5.0  # what a caller is told to wait when there is no room


class LogWriter:
    """Owns the writing connection. `do` is for any thread; what else is private runs on one that holds `_writing`.

    `end` is the highest offset ever given, `newest` that of the newest record there is, `count` how many there are.
    """

    def __init__(self, file: LogFile, clock: Clock, max_records: int, min_free_bytes: int) -> None:
        self._file = file
        self._clock = clock
        self._max_records = max_records
        self._min_free_bytes = min_free_bytes
        self._connection: sqlite3.Connection | None = file.connect()
        self.count, self.newest, self.end = _standing(self._connection)
        self.groups = self.rows = self.duplicates = self.refused = 0
        self.newest_of: dict[str, int] = {}  # of each topic that grew since the start
        self._noting = Lock()
        self._grown: dict[frozenset[str], Condition] = {}  # by the topics that somebody waits for; empty: any
        self.closed = False
        self._unlooked = DISK_EVERY_GROUPS  # groups since the disk was last asked for room
        self._looked = False  # whether the file was there a moment ago
        self._topics = Topics()
        self._marks = Marks(self._connection)
        self._queue: SimpleQueue[Work | None] = SimpleQueue()
        self._held: Work | None = None  # did not fit into the last group
        self._entry = Lock()  # between a call that enters and close
        self._writing = Lock()  # held by who has the connection
        self._single = 0  # groups of one in a row
        self._calm = True  # nobody waits for `endcap-log`, and callers have not met lately
        self._thread = Thread(target=self._run, name="endcap-log", daemon=True)
        self._thread.start()

    def do(self, work: Work) -> Any:
        """Have it done, and wait until it is on disk; raises what stood in the way."""
        alone = handed_over = False
        try:  # from before the lock is taken: an interrupt may come between any two lines
            with self._entry:
                if self.closed:
                    raise LogClosed(f"{self._file.path} is closed")
                alone = self._calm and self._writing.acquire(blocking=False)
                if not alone:
                    handed_over = True
                    self._queue.put(work)
            if alone:
                self._serve_oneself(work)
            else:
                work.wait()
        except BaseException:
            if handed_over:
                work.leave()
            raise
        finally:
            if alone:
                self._writing.release()
        if work.fault is not None:
            raise work.fault
        return work.result

    def grown(self, topics: Collection[str]) -> Condition:
        """Notified when one of `topics` grows, or anything when there are none, and at the end. Any thread."""
        with self._noting:
            return self._grown.setdefault(frozenset(topics), Condition(self._noting))

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
        with self._writing, self._noting:
            for condition in self._grown.values():
                condition.notify_all()

    def close(self) -> None:
        """After `stop`, and after the readers: the last connection to close folds the journal in and removes it."""
        self._drop_connection()

    def _run(self) -> None:
        while first := self._held or self._queue.get():
            self._calm = False  # before the lock, so that nobody overtakes those who wait
            with self._writing:
                self._look()  # before the group is taken: it lets others have the interpreter, who then are in it
                group = self._group_of(first)
                self._serve(group)
                self._looked = False
                self._single = self._single + 1 if len(group) == 1 else 0
                self._calm = self._single >= CALM_GROUPS and self._held is None and self._queue.empty()
            self._wake(group)

    def _look(self) -> None:
        with suppress(LogError, OSError):  # told when the group is committed, to whom it concerns
            self._file.check_still_here()
            self._looked = True

    def _group_of(self, first: Work) -> list[Work]:
        """It and all that waits, up to `GROUP_ROWS`; does not block."""
        self._held = None
        group: list[Work] = []
        rows = 0
        work: Work | None = first
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
        self._queue.put(None)  # for the next round
        return group

    def _serve_oneself(self, work: Work) -> None:
        try:
            self._serve([work])
        except BaseException:  # interrupted: what is in memory may not be what is on disk
            self._topics.forget()
            self._drop_connection()
            raise

    def _serve(self, group: Sequence[Work]) -> None:
        try:
            self._settle(group)
        except Exception as fault:  # whatever it is, nobody may be left waiting
            for work in group:
                work.fault = work.fault or fault

    def _wake(self, group: Sequence[Work]) -> None:
        for work, after in pairwise(group):
            work.wakes = after
        group[0].done.release()

    def _settle(self, group: Sequence[Work]) -> None:
        """Give each its result or its fault."""
        taken = group
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
        if len(records) <= ROWS_AT_ONCE and self._is_plain(group):
            self._commit_at_once(group, records, marked)
            return
        gone: list[bytes] = []
        with damage_named(self._file.path):
            with self._transaction() as connection:
                self._marks.write_some(connection)
                inserted = self._insert(connection, records, marked)
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
            self._marks.note(inserted.new, gone)
            for work in group:
                if work.folds:
                    work.result = fold(connection)
        self._answer(group, records, inserted, newest, len(gone))

    def _commit_at_once(self, group: Sequence[Work], records: Sequence[NewRecord], marked: Sequence[bytes]) -> None:
        """In one statement, which is a transaction of its own: each more has to win the interpreter's lock back."""
        with damage_named(self._file.path):
            inserted = self._insert(self._checked(), records, marked)
        self._marks.note(inserted.new)
        self._answer(group, records, inserted, self.newest, 0)

    def _is_plain(self, group: Sequence[Work]) -> bool:
        """Whether there is nothing to do but to insert."""
        if self._marks.is_due or self._lengthens():
            return False
        return all(work.is_plain for work in group)

    def _lengthens(self) -> bool:
        return self.groups % LENGTHEN_EVERY_GROUPS == 0 and self._file.journal_is_used_up()

    def _insert(
        self, connection: sqlite3.Connection, records: Sequence[NewRecord], marked: Sequence[bytes]
    ) -> Inserted:
        now_ms = epoch_ms(self._clock.now())
        return insert(connection, self._topics, self._marks, records, marked, self.end + 1, now_ms)

    def _answer(
        self, group: Sequence[Work], records: Sequence[NewRecord], inserted: Inserted, newest: int, deleted: int
    ) -> None:
        self._note(records, inserted, newest, deleted)
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
            record.topic: offset
            for record, (offset, duplicate) in zip(records, inserted.answers, strict=True)
            if not duplicate
        }
        with self._noting:
            self.newest = max(newest, *grown.values()) if grown else newest
            self.end = max(self.end, self.newest)
            self.newest_of.update(grown)
            for topics, condition in self._grown.items() if new else ():
                if not topics or not topics.isdisjoint(grown):  # who waits for others would wake in vain
                    condition.notify_all()

    def _checked(self) -> sqlite3.Connection:
        """The connection, to the file that is still there."""
        if not self._looked:
            self._file.check_still_here()
        self._looked = False
        return self._connection or self._reconnect()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        connection = self._checked()
        connection.execute("BEGIN IMMEDIATE")
        try:
            if self._file.journal_is_used_up():
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
        self.count, self.newest, self.end = _standing(connection)
        self._connection = connection
        return connection

    def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()


def _standing(connection: sqlite3.Connection) -> tuple[int, int, int]:
    """How many records there are, the newest one's offset, and the highest ever given."""
    count, newest, end = (
        int(connection.execute(query).fetchone()[0]) for query in ("SELECT count(*) FROM records", NEWEST, END)
    )
    return count, newest, end
