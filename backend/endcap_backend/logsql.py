"""The statements behind the log: rows in, rows out, within a transaction that somebody else has begun."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from endcap_backend.logreader import key_mark

FOLD_PATIENCE_MS = 50  # for readers; appends wait meanwhile, and the next fold may have better luck

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


class Topics:
    """The numbers of topics, given when a topic is first written to. One thread."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, connection: sqlite3.Connection, topic: str) -> int:
        known = self._numbers.get(topic)
        if known is None:
            connection.execute("INSERT INTO topics (name) VALUES (?) ON CONFLICT DO NOTHING", (topic,))
            (known,) = connection.execute("SELECT number FROM topics WHERE name = ?", (topic,)).fetchone()
            self._numbers[topic] = known
        return known

    def forget(self) -> None:
        """After a rollback, which may have taken a new number back."""
        self._numbers.clear()


def insert(
    connection: sqlite3.Connection, topics: Topics, records: Sequence[NewRecord], first: int, now_ms: int
) -> list[Appended]:
    """Store `records` from offset `first` on; a duplicate's offset stays free."""
    rows = [
        (
            offset,
            topics.number(connection, each.topic),
            each.key,
            each.value,
            each.timestamp_ms,
            now_ms,
            each.id,
            _mark(offset, each),
        )
        for offset, each in enumerate(records, first)
    ]
    if not rows or connection.executemany(_INSERT, rows).rowcount == len(rows):
        return [Appended(offset, False) for offset in range(first, first + len(rows))]
    return list(_found(connection, rows))


def move(connection: sqlite3.Connection, consumer: str, offset: int, end: int) -> None:
    """Set a consumer's position; raises ValueError when it would go back, or beyond `end`."""
    found = connection.execute("SELECT offset FROM positions WHERE consumer = ?", (consumer,)).fetchone()
    position = found[0] if found else 0
    if not position <= offset <= end:
        raise ValueError(f"consumer {consumer} can't move to {offset}: it is at {position}, and the log ends at {end}")
    connection.execute(_POSITION, (consumer, offset))


def delete(connection: sqlite3.Connection, offsets: Sequence[int]) -> int:
    """Delete the records at `offsets`; how many there were."""
    connection.execute("UPDATE deleted SET highest = max(highest, ?)", (max(offsets),))
    return connection.executemany("DELETE FROM records WHERE offset = ?", [(each,) for each in offsets]).rowcount


def fold(connection: sqlite3.Connection) -> bool:
    """Bring the journal into the file and cut it to nothing, outside a transaction; False when a reader hinders it."""
    patience_ms = connection.execute("PRAGMA busy_timeout").fetchone()[0]
    connection.execute(f"PRAGMA busy_timeout = {FOLD_PATIENCE_MS}")
    try:
        return not connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    except sqlite3.OperationalError:  # another process folds it just now
        return False
    finally:
        connection.execute(f"PRAGMA busy_timeout = {patience_ms}")


def _mark(offset: int, record: NewRecord) -> bytes:
    """The record's 16 bytes: 4 of its key, so that one key's are neighbours, then 12 of all that names it.

    Of 96 bits, two ids of one key fall together once in 10^19 pairs.
    """
    if record.id is None:
        return key_mark(record.key) + offset.to_bytes(12)
    named = f"{record.topic}\0{record.key or ''}\0{record.id}"
    return key_mark(record.key) + blake2b(named.encode(), digest_size=12).digest()


def _found(connection: sqlite3.Connection, rows: Sequence[tuple[object, ...]]) -> Iterator[Appended]:
    for row in rows:
        (first,) = connection.execute("SELECT offset FROM records WHERE mark = ?", (row[-1],)).fetchone()
        yield Appended(first, duplicate=first != row[0])
