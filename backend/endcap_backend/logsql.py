"""The statements behind the log: rows in, rows out, within a transaction that somebody else has begun."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from endcap_backend.logmarks import Marks, nameless

FOLD_PATIENCE_MS = 50  # for readers; appends wait meanwhile, and the next fold may have better luck

ROWS_AT_ONCE = 64  # a statement lets go of the interpreter's lock and has to win it back; so rows share one
COLUMNS = 8
_INSERTS = [
    f"INSERT INTO records VALUES {', '.join(['(?, ?, ?, ?, ?, ?, ?, ?)'] * rows)}" for rows in range(ROWS_AT_ONCE + 1)
]
_POSITION = "INSERT INTO positions VALUES (?, ?) ON CONFLICT (consumer) DO UPDATE SET offset = excluded.offset"


@dataclass(frozen=True, slots=True)
class NewRecord:
    """A record to append. A second one with the same topic, key and `id` is a duplicate; without `id` none ever is."""

    topic: str
    key: str | None
    value: str | None
    timestamp_ms: int
    id: str | None = None


class Appended(NamedTuple):
    """Where a record stands; of a duplicate, where its first one does. Offsets rise, but may leave gaps."""

    offset: int
    duplicate: bool


class Inserted(NamedTuple):
    """An answer for each record, and the marks of those that are new, with their offsets."""

    answers: list[Appended]
    new: dict[bytes, int]


class Topics:
    """The numbers of topics, given when a topic is first written to; for who holds the log's turn to write."""

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
    connection: sqlite3.Connection,
    topics: Topics,
    marks: Marks,
    records: Sequence[NewRecord],
    marked: Sequence[bytes],
    first: int,
    now_ms: int,
) -> Inserted:
    """Store `records`, whose marks are `marked`, from offset `first` on; a duplicate's offset stays free."""
    numbers = {topic: topics.number(connection, topic) for topic in {each.topic for each in records}}
    known = marks.find(connection, marked)
    new: dict[bytes, int] = {}
    answers = []
    values: list[object] = []
    for offset, (each, its_mark) in enumerate(zip(records, marked, strict=True), first):
        if each.id is None:
            its_mark = nameless(its_mark, offset)
        place = known.get(its_mark) or new.setdefault(its_mark, offset)
        answers.append(Appended(place, place != offset))
        if place == offset:
            number = numbers[each.topic]
            values += (offset, number, each.key, each.value, each.timestamp_ms, now_ms, each.id, its_mark)
    _store(connection, values)
    return Inserted(answers, new)


def _store(connection: sqlite3.Connection, values: Sequence[object]) -> None:
    """Rows one behind the other, column by column."""
    for start in range(0, len(values), ROWS_AT_ONCE * COLUMNS):
        some = values[start : start + ROWS_AT_ONCE * COLUMNS]
        connection.execute(_INSERTS[len(some) // COLUMNS], some)


def move(connection: sqlite3.Connection, consumer: str, offset: int, end: int) -> None:
    """Set a consumer's position; raises ValueError when it would go back, or beyond `end`."""
    found = connection.execute("SELECT offset FROM positions WHERE consumer = ?", (consumer,)).fetchone()
    position = found[0] if found else 0
    if not position <= offset <= end:
        raise ValueError(f"consumer {consumer} can't move to {offset}: it is at {position}, and the log ends at {end}")
    connection.execute(_POSITION, (consumer, offset))


def delete(connection: sqlite3.Connection, marks: Marks, offsets: Sequence[int]) -> list[bytes]:
    """Delete the records at `offsets`; the marks of those that there were."""
    connection.execute("UPDATE deleted SET highest = max(highest, ?)", (max(offsets),))
    gone = marks.drop(connection, offsets)
    connection.executemany("DELETE FROM records WHERE offset = ?", [(each,) for each in offsets])
    return gone


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
