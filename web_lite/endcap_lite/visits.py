"""Visits: who has said yes, what her cookie opens, and the backend's session behind it."""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from threading import Lock

from endcap.clock import Clock, SystemClock
from endcap.wire import epoch_ms

KEPT = timedelta(days=1)  # a visit unused for so long is forgotten; a browser's session cookie rarely lives longer

_SCHEMA = """
CREATE TABLE IF NOT EXISTS visits (
    id TEXT PRIMARY KEY, secret_hash BLOB NOT NULL UNIQUE, used_ms INTEGER NOT NULL, session TEXT
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS erasures (session TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
"""


class Visits:
    """One row for each shopper's consent in one browser, in `visits.db`; they outlive a restart. Any thread; one lock.

    A visit's id names it everywhere but in the cookie, which holds a secret; of that the file has the SHA-256 alone.
    """

    def __init__(self, path: Path, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._lock = Lock()
        path.touch(mode=0o600)
        self._file = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._file.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA secure_delete=ON;" + _SCHEMA
        )

    def open(self) -> tuple[str, str]:
        """A new visit: its id, and the secret for her cookie. 128 random bits each."""
        visit_id, secret = secrets.token_hex(16), secrets.token_urlsafe(16)
        self._run("INSERT INTO visits VALUES (?, ?, ?, NULL)", visit_id, _hash(secret), self._now_ms())
        return visit_id, secret

    def opened_by(self, secret: str) -> str | None:
        """The id of the visit that a cookie opens; None when there is none, or no longer."""
        rows = self._run(
            "UPDATE visits SET used_ms = ? WHERE secret_hash = ? AND used_ms > ? RETURNING id",
            self._now_ms(), _hash(secret), self._oldest_ms(),
        )  # fmt: skip
        return str(rows[0][0]) if rows else None

    def has(self, visit_id: str) -> bool:
        return bool(self._run("SELECT 1 FROM visits WHERE id = ?", visit_id))

    def session(self, visit_id: str) -> str | None:
        """The session kept for a visit, as text."""
        rows = self._run("SELECT session FROM visits WHERE id = ?", visit_id)
        return None if not rows or rows[0][0] is None else str(rows[0][0])

    def keep_session(self, visit_id: str, session: str | None) -> None:
        """Remember or forget (None) it. One that comes after the visit was erased is owed to the backend at once."""
        if not self._run("UPDATE visits SET session = ? WHERE id = ? RETURNING id", session, visit_id) and session:
            self._run("INSERT OR IGNORE INTO erasures VALUES (?)", session)

    def erase(self, visit_id: str) -> None:
        """Forget a visit, but for a session that the backend still has to erase (`owed`); `shred` takes the traces."""
        with self._lock, closing(self._file.cursor()) as cursor:
            cursor.execute("BEGIN IMMEDIATE")
            cursor.execute(
                "INSERT OR IGNORE INTO erasures SELECT session FROM visits WHERE id = ? AND session IS NOT NULL",
                (visit_id,),
            )
            cursor.execute("DELETE FROM visits WHERE id = ?", (visit_id,))
            cursor.execute("COMMIT")

    def unused(self) -> list[str]:
        """Visits that nobody has used for a day."""
        return [str(row[0]) for row in self._run("SELECT id FROM visits WHERE used_ms <= ?", self._oldest_ms())]

    def owed(self) -> list[str]:
        """Sessions of erased visits that the backend has not erased yet."""
        return [str(row[0]) for row in self._run("SELECT session FROM erasures")]

    def settle(self, session: str) -> None:
        """The backend has erased it, or never will."""
        self._run("DELETE FROM erasures WHERE session = ?", session)

    def shred(self) -> None:
        """Rewrite the file without the traces of what was deleted; some milliseconds for each thousand visits."""
        with self._lock:
            self._file.execute("VACUUM")
            self._file.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self) -> None:
        with self._lock:
            self._file.close()

    def _now_ms(self) -> int:
        return epoch_ms(self._clock.now())

    def _oldest_ms(self) -> int:
        return self._now_ms() - KEPT // timedelta(milliseconds=1)

    def _run(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        with self._lock, closing(self._file.execute(sql, values)) as cursor:
            return cursor.fetchall()


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
