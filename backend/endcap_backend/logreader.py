"""Reading the log: from any thread of the backend, or from another process beside it."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event
from typing import Any, NamedTuple

from endcap.clock import Clock, SystemClock
from endcap.messages import PRODUCTS_PROMOTIONS, STORES_PRODUCTS
from endcap_backend.logfile import LogDamaged, connect_reader, damage_named
from endcap_backend.logmarks import key_mark

READ_LIMIT = 500
POLL_S = 0.02  # how often a reader in another process looks; one look costs 3 µs
# Topics where the latest record of a thing replaces the earlier ones, and the fields of the value that name the thing.
LATEST_WINS: dict[str, tuple[str, ...]] = {STORES_PRODUCTS: ("SKU", "store"), PRODUCTS_PROMOTIONS: ("pid",)}

_COLUMNS = "offset, topic, key, value, timestamp_ms, id"
_SELECT = f"SELECT {_COLUMNS} FROM records"
NEWEST = "SELECT coalesce(max(offset), 0) FROM records"
# The second half looks at the newest records one by one: at most some ten thousand, whose marks are not written yet.
_OF_KEY = (
    "SELECT offset FROM marks JOIN records USING (offset) WHERE marks.mark >= ? AND marks.mark < ? AND key = ? UNION "
    "SELECT offset FROM records WHERE offset > (SELECT through FROM marked) AND key = ? ORDER BY offset"
)
END = f"SELECT max(highest, ({NEWEST})) FROM deleted"


class Record(NamedTuple):
    """One stored record. `timestamp_ms` is the event's time; `id` is unique within topic and key.

    A named tuple, since a replay makes half a million a second: that takes a third of what a dataclass does.
    """

    offset: int
    topic: str
    key: str | None
    value: str | None
    timestamp_ms: int
    id: str | None


class LogReader:
    """A log that is only read. Safe from any thread; each call borrows a connection of its own.

    What it sees is committed and on disk; it never waits for the writer, nor the writer for it.

    Raises:
        LogDamaged: the file is missing or no log.
    """

    def __init__(self, path: Path, *, clock: Clock | None = None) -> None:
        if not path.exists():
            raise LogDamaged(f"{path} does not exist: start the backend on it once")
        self.path = path
        self._clock = clock or SystemClock()
        self._idle: SimpleQueue[sqlite3.Connection] = SimpleQueue()
        self._topics: dict[int, str] = {}

    @property
    def uuid(self) -> str:
        """Names this file for good; a consumer elsewhere keys its mark by it."""
        return str(self._value("SELECT uuid FROM identity"))

    def end(self) -> int:
        """The offset of the newest record ever appended, 0 when there is none."""
        return int(self._value(END))

    def committed(self, consumer: str) -> int:
        """The last offset `consumer` is done with; 0 at first."""
        return self.positions().get(consumer, 0)

    def positions(self) -> dict[str, int]:
        """Every consumer's position."""
        with self.reading() as connection:
            return dict(connection.execute("SELECT consumer, offset FROM positions"))

    def topics(self) -> list[str]:
        """Every topic that ever had a record."""
        with self.reading() as connection:
            return list(self._names(connection).values())

    def read(self, after: int, limit: int = READ_LIMIT, topics: Collection[str] | None = None) -> list[Record]:
        """Up to `limit` records with an offset above `after`, in order; of `topics` only, or of all."""
        with self.reading() as connection:
            if topics is None:
                return self._records(connection, f"{_SELECT} WHERE offset > ? ORDER BY offset LIMIT ?", (after, limit))
            numbers = [number for number, name in self._names(connection).items() if name in topics]
            if not numbers:
                return []
            bound = [each for number in numbers for each in (number, after, limit)]
            return self._records(connection, _of_topics(len(numbers)), (*bound, limit))

    def offsets_of(self, key: str) -> list[int]:
        """Where every record of one key stands, over all topics, in order."""
        low = key_mark(key)
        high = (int.from_bytes(low) + 1).to_bytes(5)[1:] if low != b"\xff" * 4 else b"\xff" * 17
        with self.reading() as connection:
            return [offset for (offset,) in connection.execute(_OF_KEY, (low, high, key, key))]

    def read_at(self, offsets: Sequence[int]) -> list[Record]:
        """The records at these offsets, at most `READ_LIMIT` of them, in order; those that are gone are left out."""
        query = f"{_SELECT} WHERE offset IN ({','.join('?' * len(offsets))}) ORDER BY offset"
        with self.reading() as connection:
            return self._records(connection, query, tuple(offsets))

    def offset_before(self, appended_ms: int) -> int:
        """An offset above which every record stands that was appended at `appended_ms` or later, by the server's clock.

        By bisection, so that a look costs a few reads; `timestamp_ms` won't do, since it may be days older.
        """
        low, high = 0, self.end()
        query = "SELECT offset, appended_ms FROM records WHERE offset > ? ORDER BY offset LIMIT 1"
        with self.reading() as connection:
            while low < high:
                middle = (low + high) // 2
                found = connection.execute(query, (middle,)).fetchone()
                if found is not None and found[1] < appended_ms:
                    low = found[0]
                else:
                    high = middle
        return low

    def latest(self, topic: str) -> Iterator[Record]:
        """The newest record of each thing in `topic`, in the order of their offsets: a state to rebuild.

        In the topics of `LATEST_WINS` a thing is named by fields of the value; in any other by the record's key.
        """
        with self.reading() as connection:
            numbers = [number for number, name in self._names(connection).items() if name == topic]
            if not numbers:
                return
            rows = connection.execute(
                f"{_SELECT} WHERE offset IN "
                f"(SELECT max(offset) FROM records WHERE topic = ? GROUP BY {thing(topic)}) ORDER BY offset",
                numbers,
            )
            for number, found, *rest in rows:
                yield Record(number, self._topics[found], *rest)

    def wait(self, after: int, timeout_s: float) -> bool:
        """Block until there is a record above `after`, at most `timeout_s`: True when there is. Looks every 20 ms."""
        deadline = self._clock.monotonic() + timeout_s
        never = Event()
        while int(self._value(NEWEST)) <= after:
            left = deadline - self._clock.monotonic()
            if left <= 0:
                return False
            self._clock.wait(never, min(left, POLL_S))
        return True

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection that can only read, for a query of one's own.

        Raises:
            LogDamaged: SQLite finds the file broken.
        """
        try:
            connection = self._idle.get_nowait()
        except Empty:
            with damage_named(self.path):
                connection = connect_reader(self.path)
        try:
            with damage_named(self.path):
                yield connection
        finally:
            self._idle.put(connection)

    def close(self) -> None:
        """Close the idle connections."""
        while True:
            try:
                self._idle.get_nowait().close()
            except Empty:
                return

    def _records(self, connection: sqlite3.Connection, query: str, bound: tuple[object, ...]) -> list[Record]:
        rows = connection.execute(query, bound).fetchall()
        names = self._topics
        if any(row[1] not in names for row in rows):
            names = self._names(connection)
        return [Record(offset, names[topic], key, value, at, id) for offset, topic, key, value, at, id in rows]

    def _names(self, connection: sqlite3.Connection) -> dict[int, str]:
        self._topics = dict(connection.execute("SELECT number, name FROM topics"))
        return self._topics

    def _value(self, query: str) -> Any:
        with self.reading() as connection:
            return connection.execute(query).fetchone()[0]


def _of_topics(count: int) -> str:
    """A query for so many topics, each found by its index: a rare one without reading the rest."""
    one = f"{_SELECT} WHERE topic = ? AND offset > ? ORDER BY offset LIMIT ?"
    each = one if count == 1 else f"SELECT * FROM ({one})"
    return f"SELECT * FROM ({' UNION ALL '.join([each] * count)}) ORDER BY offset LIMIT ?"


def thing(topic: str) -> str:
    """SQL that names what a record of `topic` is about."""
    fields = LATEST_WINS.get(topic)
    return ", ".join(f"json_extract(value, '$.{field}')" for field in fields) if fields else "key"
