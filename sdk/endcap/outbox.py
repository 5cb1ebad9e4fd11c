"""Outbox: fixes and events waiting for the network, in an SQLite file that outlives the process."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from endcap.clock import Clock, SystemClock
from endcap.consent import Purpose
from endcap.storefile import StoreFile
from endcap.waiting import Draft, Kind, Waiting
from endcap.wire import epoch_ms

log = logging.getLogger("endcap")

CAPACITY = 86_400  # fixes: a day at one a second
MAX_BYTES = 64 * 2**20
EVENT_CAPACITY = 20_000  # far more than a device can make in the 72 h they are kept
ROW_BYTES = 24  # what SQLite spends on a row beside its text: header, key, time
PRUNE_EVERY_S = 60.0
LEAP = 10_000  # sequences; the OS writes all to the disk within half a minute, so never so many are lost with it
NAME = "outbox"
AHEAD = "ahead"  # the piece of state: how long entries were dated ahead, and when that was last looked at, in ms
_FULL: dict[Kind, str] = {"fix": "outbox full", "event": "events full"}
_TABLES: dict[Kind, str] = {"fix": "fixes", "event": "events"}
_INSERT: dict[Kind, str] = {
    "fix": "INSERT INTO fixes (made_ms, body) VALUES (?, ?)",
    "event": "INSERT INTO events (made_ms, body, purpose) VALUES (?, ?, ?)",
}
_LEAP = """
INSERT INTO fixes (sequence, made_ms, body)
SELECT COALESCE(MAX(seq), 0) + ?, 0, '' FROM sqlite_sequence WHERE name = 'fixes'
"""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS fixes (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, made_ms INTEGER NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS events (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, made_ms INTEGER NOT NULL, body TEXT NOT NULL, purpose TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS fences (id TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS lost (reason TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
"""


class Outbox:
    """Fixes and events, oldest first, and the small state that has to change together with them.

    Holds at most `capacity` fixes and `max_bytes` in all. When it is full the oldest fix goes and
    `lost["outbox full"]` counts it; an event goes only when there is no fix left to go before it. A `put` that holds
    an event is on the disk when it returns (SQLite's FULL); one of fixes alone survives the death of the process, and
    of the machine but for the last seconds (NORMAL). Any thread; one lock. One process at a time.

    Raises:
        BadConfig: another instance uses the folder.
        OSError: the folder can't be made or written.
    """

    def __init__(
        self,
        folder: Path,
        *,
        capacity: int = CAPACITY,
        max_bytes: int = MAX_BYTES,
        retention_s: float = 72 * 3600.0,
        clock: Clock | None = None,
    ) -> None:
        self._capacity: dict[Kind, int] = {"fix": capacity, "event": EVENT_CAPACITY}
        self._max_bytes = max_bytes
        self._retention_ms = int(retention_s * 1000)
        self._clock = clock or SystemClock()
        self._rows: dict[Kind, int] = {}
        self._bytes = 0
        self._pruned_at: float | None = None  # monotonic
        self._evicted: dict[Kind, int] = {"fix": 0, "event": 0}  # the highest sequence thrown out for room
        self._file = StoreFile(folder, NAME, _SCHEMA, self._measure)
        self._unwritten: Counter[str] = Counter()  # losses the disk itself would not take note of
        if self._file.damaged:
            self._unwritten["outbox damaged"] += 1
        found = self.get("install")
        self.install = found or uuid4().hex
        self._begun = found is not None and not self._file.interrupted
        if not self._begun:
            self.put()

    def put(
        self,
        fixes: Sequence[Draft] = (),
        events: Sequence[Draft] = (),
        state: Mapping[str, str] | None = None,
        purpose: Purpose = Purpose.LOCATION,
    ) -> bool:
        """Keep all of it or, when the disk refuses, nothing: then False, counted under "disk".

        `purpose` is what the events are for; fixes are always for LOCATION.
        """
        try:
            with self._transaction(durable=bool(events)):
                self._begin()
                self._insert("fix", fixes)
                self._insert("event", events, purpose)
                for name, value in (state or {}).items():
                    self._file.keep(name, value)
                self._make_room()
            self._begun = True
            return True
        except sqlite3.Error as fault:
            self._refused("keep", fault, len(fixes) + len(events))
            return False

    def peek(self, kind: Kind, limit: int = 500) -> list[Waiting]:
        """The oldest `limit` entries of a kind. They stay until they are confirmed or dropped."""
        try:
            self._prune()
            return list(self._waiting(kind, limit))
        except sqlite3.Error as fault:
            self._refused("read", fault, 0)
            return []

    def confirm(self, entries: Sequence[Waiting]) -> bool:
        """The other side has them; forget them. False when the disk refuses: then they are sent again."""
        removed = [self._remove(kind, sequences, None) for kind, sequences in _by_kind(entries)]
        return all(removed)

    def drop(self, entries: Sequence[Waiting], reason: str) -> bool:
        """Nobody will ever take them; forget them and count them under `reason`. False when the disk refuses."""
        removed = [self._remove(kind, sequences, reason) for kind, sequences in _by_kind(entries)]
        return all(removed)

    def count(self, kind: Kind) -> int:
        """How many of a kind are waiting."""
        return self._rows[kind]

    @property
    def bytes(self) -> int:
        """About what they take on disk: their text and SQLite's part."""
        return self._bytes

    @property
    def lost(self) -> dict[str, int]:
        """What was lost since the install was made, by reason."""
        kept = Counter(dict(self._file.rows("SELECT reason, count FROM lost")))
        return dict(kept + self._unwritten)

    def count_lost(self, reason: str, count: int = 1) -> None:
        """Note a loss that happened elsewhere."""
        try:
            with self._transaction():
                self._lose(reason, count)
        except sqlite3.Error:
            self._unwritten[reason] += count

    def oldest_at_ms(self, kind: Kind) -> int | None:
        """When the oldest waiting entry was made, in epoch milliseconds."""
        found = self._file.rows(f"SELECT made_ms FROM {_TABLES[kind]} ORDER BY sequence LIMIT 1")
        return int(found[0][0]) if found else None

    def get(self, name: str) -> str | None:
        """A piece of state kept by `set` or by `put`."""
        return self._file.get(name)

    def set(self, name: str, value: str | None) -> None:
        """Keep or forget (None) a piece of state. A disk that refuses is logged and counted."""
        try:
            with self._transaction(durable=True):
                self._file.keep(name, value)
        except sqlite3.Error as fault:
            self._refused("keep state in", fault, 0)

    def states(self) -> dict[str, str]:
        """All pieces of state: for an export."""
        return dict(self._file.rows("SELECT name, value FROM state"))

    def fences(self) -> Iterator[Any]:
        """The shop's fences, as `keep_fences` got them."""
        return (json.loads(body) for (body,) in self._file.rows("SELECT body FROM fences"))

    def keep_fences(self, changed: Mapping[str, Any], removed: Iterable[str], state: Mapping[str, str]) -> bool:
        """Keep what changed of the shop's fences, with the version it makes; False when the disk refuses."""
        rows = [(name, json.dumps(body, separators=(",", ":"))) for name, body in changed.items()]
        try:
            with self._transaction() as db:
                db.executemany("INSERT OR REPLACE INTO fences VALUES (?, ?)", rows)
                db.executemany("DELETE FROM fences WHERE id = ?", [(fence_id,) for fence_id in removed])
                for name, value in state.items():
                    self._file.keep(name, value)
            return True
        except sqlite3.Error as fault:
            self._refused("keep the shop's fences in", fault, 0)
            return False

    def entries(self) -> Iterator[Waiting]:
        """All that waits, fixes first: for an export."""
        for kind in _TABLES:
            yield from self._waiting(kind, -1)

    @staticmethod
    def exists(folder: Path) -> bool:
        """True when an outbox was kept in the folder."""
        return (folder / f"{NAME}.db").exists()

    def holds(self, purposes: Collection[Purpose], state: Sequence[str] = ()) -> bool:
        """True when anything waits for one of these purposes, or one of these pieces of state is kept."""
        if Purpose.LOCATION in purposes and self._rows["fix"]:
            return True
        found = self._file.rows("SELECT DISTINCT purpose FROM events")
        return any(row[0] in purposes for row in found) or any(self.get(name) is not None for name in state)

    def purge(self, *purposes: Purpose, state: Sequence[str] = (), reason: str = "consent revoked") -> None:
        """Throw away what waits for these purposes, and these pieces of state, and leave no trace of it in the file.

        What was waiting is counted under `reason`.
        """
        with self._transaction(durable=True) as db:
            if Purpose.LOCATION in purposes:
                self._lose(reason, db.execute("DELETE FROM fixes").rowcount)
            for purpose in purposes:
                self._lose(reason, db.execute("DELETE FROM events WHERE purpose = ?", (purpose,)).rowcount)
            for name in state:
                self._file.keep(name, None)
            self._measure(db)
        self._file.shred()

    def purge_fixes(self, reason: str) -> None:
        """Throw away the fixes that wait, as `purge` does, and leave the events."""
        with self._transaction(durable=True) as db:
            self._lose(reason, db.execute("DELETE FROM fixes").rowcount)
            self._measure(db)
        self._file.shred()

    def shred(self) -> None:
        """Rewrite the file without what was dropped or confirmed before, of which its pages may hold traces."""
        self._file.shred()

    def erase(self) -> None:
        """Close it and remove the file: nothing stays, the install's id included."""
        self._file.erase()

    def close(self) -> None:
        """Let go of the file and the folder. Idempotent."""
        self._file.close()

    def _measure(self, db: sqlite3.Connection) -> None:
        rows: dict[Kind, int] = {}
        total = 0
        for kind, table in _TABLES.items():
            sql = f"SELECT COUNT(*), COALESCE(SUM(LENGTH(CAST(body AS BLOB))), 0) FROM {table}"
            rows[kind], size = db.execute(sql).fetchone()
            total += size + rows[kind] * ROW_BYTES
        self._rows, self._bytes = rows, total

    def _begin(self) -> None:
        """With the first transaction that succeeds, see to it that no id is given twice.

        Install and fix go to the disk together, so that what is sent again after a kill bears the same id. Sequences
        that a dying machine may have sent and not kept are passed over: a new fix would be taken for an old one.
        """
        if self._begun:
            return
        self._file.keep("install", self.install)
        if self._file.interrupted:
            self._file.db.execute(_LEAP, (LEAP,))
            self._file.db.execute("DELETE FROM fixes WHERE body = ''")

    def _waiting(self, kind: Kind, limit: int) -> Iterator[Waiting]:
        sql = f"SELECT sequence, CAST(body AS BLOB) FROM {_TABLES[kind]} ORDER BY sequence LIMIT ?"
        for sequence, body in self._file.rows(sql, limit):
            yield Waiting.from_row(kind, sequence, body)

    @contextmanager
    def _transaction(self, durable: bool = False) -> Iterator[sqlite3.Connection]:
        with self._file.turn():
            rows, size = dict(self._rows), self._bytes
            try:
                with self._file.transaction(durable) as db:
                    yield db
            except BaseException:
                self._rows, self._bytes = rows, size
                raise

    def _insert(self, kind: Kind, drafts: Sequence[Draft], *more: str) -> None:
        now_ms = epoch_ms(self._clock.now())
        for each in drafts:
            body = json.dumps(each, ensure_ascii=False, separators=(",", ":"))
            self._file.db.execute(_INSERT[kind], (now_ms, body, *more))
            self._rows[kind] += 1
            self._bytes += len(body.encode()) + ROW_BYTES

    def _make_room(self) -> None:
        for kind in _TABLES:
            self._evict(kind, self._rows[kind] - self._capacity[kind])
        while (over := self._bytes - self._max_bytes) > 0 and self._bytes:
            oldest: Kind = "fix" if self._rows["fix"] else "event"
            usual = self._bytes / (self._rows["fix"] + self._rows["event"])
            self._evict(oldest, min(self._rows[oldest], max(1, int(over / usual))))

    def _evict(self, kind: Kind, count: int) -> None:
        if count <= 0:
            return
        sql = f"SELECT sequence FROM {_TABLES[kind]} ORDER BY sequence LIMIT 1 OFFSET ?"
        ((last,),) = self._file.rows(sql, count - 1)
        self._evicted[kind] = last
        self._lose(_FULL[kind], self._delete(kind, "sequence <= ?", (last,)))

    def _delete(self, kind: Kind, where: str, values: Sequence[int]) -> int:
        table = _TABLES[kind]
        sql = f"SELECT COUNT(*), COALESCE(SUM(LENGTH(CAST(body AS BLOB))), 0) FROM {table} WHERE {where}"
        ((rows, size),) = self._file.rows(sql, *values)
        self._file.db.execute(f"DELETE FROM {table} WHERE {where}", values)
        self._rows[kind] -= rows
        self._bytes -= size + rows * ROW_BYTES
        return int(rows)

    def _remove(self, kind: Kind, sequences: Sequence[int], reason: str | None) -> bool:
        try:
            with self._transaction():
                removed = sum(self._delete(kind, "sequence BETWEEN ? AND ?", run) for run in _runs(sequences))
                if reason is not None:
                    self._lose(reason, removed)
                elif removed < len(sequences):  # thrown out for room while they were on their way: not lost after all
                    saved = sum(sequence <= self._evicted[kind] for sequence in sequences)
                    self._lose(_FULL[kind], -min(saved, len(sequences) - removed))
            return True
        except sqlite3.Error as fault:
            self._refused("remove what was sent from", fault, 0)
            return False

    def _prune(self) -> None:
        now_s = self._clock.monotonic()
        passed_s = None if self._pruned_at is None else now_s - self._pruned_at
        if passed_s is not None and passed_s < PRUNE_EVERY_S:
            return
        self._pruned_at = now_s
        now_ms = epoch_ms(self._clock.now())
        with self._transaction():
            lost = sum(self._delete(kind, "made_ms < ?", (now_ms - self._retention_ms,)) for kind in _TABLES)
            if self._ahead_ms(now_ms, passed_s or 0.0) > self._retention_ms:
                lost += sum(self._delete(kind, "made_ms > ?", (now_ms,)) for kind in _TABLES)
            self._lose("too old", lost)

    def _ahead_ms(self, now_ms: int, passed_s: float) -> int:
        """For how long there have been entries made later than now, as far as it was watched; 0 when there are none.

        The clock was fast when they were made or is behind now, and nobody can tell which: all that is known of their
        age is the time that passes, `passed_s` in this process since the last look. The calendar is believed besides,
        for a device that slept or was off, but no step longer than the retention: that is a clock being set.
        """
        if not any(
            self._file.rows(f"SELECT 1 FROM {table} WHERE made_ms > ? LIMIT 1", now_ms) for table in _TABLES.values()
        ):
            self._file.keep(AHEAD, None)
            return 0
        ahead_ms = 0
        if found := self.get(AHEAD):
            ahead_ms, seen_ms = map(int, found.split())
            step_ms = now_ms - seen_ms
            ahead_ms += max(round(passed_s * 1000), step_ms if step_ms <= self._retention_ms else 0)
        self._file.keep(AHEAD, f"{ahead_ms} {now_ms}")
        return ahead_ms

    def _lose(self, reason: str, count: int) -> None:
        if count:
            self._file.db.execute(
                "INSERT INTO lost VALUES (?1, ?2) ON CONFLICT (reason) DO UPDATE SET count = count + ?2",
                (reason, count),
            )

    def _refused(self, what: str, fault: sqlite3.Error, count: int) -> None:
        if not self._unwritten["disk"]:
            log.warning("can't %s the outbox: %s", what, fault)
        self._unwritten["disk"] += count


def _by_kind(entries: Sequence[Waiting]) -> Iterator[tuple[Kind, list[int]]]:
    for kind in _TABLES:
        sequences = [entry.sequence for entry in entries if entry.kind == kind]
        if sequences:
            yield kind, sequences


def _runs(sequences: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Neighbouring numbers as (first, last): a batch is one run, so one statement."""
    ordered = sorted(sequences)
    first = last = ordered[0]
    for sequence in ordered[1:]:
        if sequence != last + 1:
            yield first, last
            first = sequence
        last = sequence
    yield first, last
