"""The durable log: every record of every topic in one SQLite file, in one order; "appended" means "on disk".

    log = Log(Path("data/log.db"))
    log.append([NewRecord("customers_locations", "u1", '{"uid":"u1", …}', 1764000000000, id="install:1")])
    for record in log.read(log.committed("match")): …
    log.commit("match", record.offset, alerts)      # the position and what came of it, in one transaction

One at a time writes. A single caller does it himself; when many come, their threads hand their work to the log's own
and wait. It takes whatever waits, up to 500 rows, commits it with one fsync and wakes them all: many callers
share the price of the disk, and a single one never waits for company.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar, cast

from endcap.clock import Clock
from endcap_backend.logfile import LogClosed, LogDamaged, LogError, LogFile, LogFull, LogInUse
from endcap_backend.logreader import LATEST_WINS, READ_LIMIT, LogReader, Record
from endcap_backend.logsql import Appended, NewRecord
from endcap_backend.logwork import Work
from endcap_backend.logwriter import GROUP_ROWS, LogWriter

__all__ = [
    "GROUP_ROWS",
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
    "LogStats",
    "NewRecord",
    "Record",
]

T = TypeVar("T")

MAX_RECORDS = 20_000_000  # 6 GB of locations
MIN_FREE_BYTES = 256 * 1024 * 1024  # left on the disk for the journal, and for whoever has to clean up


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


class Log(LogReader):
    """The log as its owner has it: it may write. Safe from any thread; starts one, `endcap-log`.

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
        try:
            super().__init__(path, clock=clock)
            self._writer = LogWriter(self._file, self._clock, max_records, min_free_bytes)
        except BaseException:
            self._file.close()
            raise

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
        return self._writer.do(Work(records)) if records else []

    def commit(self, consumer: str, offset: int, records: Sequence[NewRecord] = ()) -> list[Appended]:
        """Note that `consumer` is done up to `offset`, and store what it made of that, in one transaction.

        Raises:
            ValueError: the consumer has already been further.
            LogFull: the disk refuses; the position is as before.
        """
        return cast(list[Appended], self._writer.do(Work(records=records, position=(consumer, offset))))

    def append_and(
        self, records: Sequence[NewRecord], action: Callable[[sqlite3.Connection], object]
    ) -> list[Appended]:
        """Store `records` and run `action` in one transaction, as `append` and `transact` do each.

        Raises:
            LogFull: nothing was stored, and `action` did nothing.
        """
        return cast(list[Appended], self._writer.do(Work(records=records, action=action))) if records else []

    def transact(self, action: Callable[[sqlite3.Connection], T]) -> T:
        """Run `action` on the writing connection, as part of a transaction, on any thread; returns when it is on disk.

        For the small tables that others keep in the file; it must be quick and leave the log's own tables alone. What
        it raises is raised here, and then none of its statements happened. It may run twice, the first time in vain.
        """
        return cast(T, self._writer.do(Work(action=action)))

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
        return sum(cast(int, self._writer.do(Work(drop=chunk))) for chunk in chunks)

    def fold(self) -> bool:
        """Bring the journal into the file and cut it to nothing, so that what was deleted is on disk no more.

        False when a reader was in the way; what was deleted then goes at the next fold.
        """
        return cast(bool, self._writer.do(Work(folds=True)))

    def end(self) -> int:
        """The offset of the newest record ever appended, 0 when there is none."""
        return self._writer.end

    def wait(self, after: int, timeout_s: float, topics: Collection[str] | None = None) -> bool:
        """Block until there is a record above `after`, at most `timeout_s`: True when there is. Ends at `close`.

        With `topics`, until one of these has grown beyond `after` since the log was opened; read first, then wait.
        """
        writer = self._writer

        def grown() -> bool:
            if topics is None:
                return writer.newest > after
            return any(writer.newest_of.get(topic, 0) > after for topic in topics)

        with (condition := writer.grown(topics or ())):
            condition.wait_for(lambda: grown() or writer.closed, timeout_s)
            return grown()

    def check_writable(self) -> None:
        """Make sure that an append would be taken now.

        Raises:
            LogFull, LogDamaged, LogClosed: why it would not.
        """
        if self._writer.closed:
            raise LogClosed(f"{self.path} is closed")
        self._file.check_still_here()
        if refusal := self._writer.refusal():
            raise refusal

    def stats(self) -> LogStats:
        """Counts for `/metrics`; cheap."""
        writer = self._writer
        return LogStats(
            records=writer.count,
            end=writer.end,
            bytes=self._file.size_bytes(),
            free_bytes=self._file.free_bytes(),
            groups=writer.groups,
            rows=writer.rows,
            duplicates=writer.duplicates,
            refused=writer.refused,
        )

    def close(self) -> None:
        """Finish what was handed over, then let go of the file. Calls after this raise `LogClosed`. Idempotent."""
        if self._writer.closed:
            return
        self._writer.stop()
        super().close()
        self._writer.close()
        self._file.close()
