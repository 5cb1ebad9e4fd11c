"""What a till must not lose: each purchase from before it is sent until the backend has answered, and what it holds.

One SQLite file; a purchase is on the disk before anybody is told of it, so that a till that dies goes on with it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from endcap.errors import BadMessage, EndcapError
from endcap.wire import write_instant
from endcap_backend.retail.codes import Code
from endcap_backend.retail.held import Held

_TABLES = """
CREATE TABLE IF NOT EXISTS purchases (
    number     INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL UNIQUE,
    nonce      TEXT UNIQUE,              -- of the code: none shows one twice at this till
    card       TEXT NOT NULL,            -- only while it waits
    scanned_at TEXT NOT NULL,
    body       TEXT NOT NULL,            -- as it is sent, word for word each time
    tried      INTEGER NOT NULL,         -- the backend may have it
    state      TEXT NOT NULL,            -- waiting, given up, done, refused
    promised   TEXT,                     -- what it was priced at here
    answer     TEXT,                     -- what the backend said
    trouble    TEXT                      -- for the manager, until it is ticked off
);
CREATE TABLE IF NOT EXISTS held (one INTEGER PRIMARY KEY CHECK (one = 1), offers TEXT NOT NULL);
"""
WAITING, GIVEN_UP, DONE, REFUSED = "waiting", "given up", "done", "refused"


class CodeUsed(EndcapError):
    """The code was shown at this till before, for another purchase."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One purchase as it stands. `promised` is the answer that was made here, `trouble` what a manager has to know."""

    id: str
    card: str
    scanned_at: str
    body: Mapping[str, Any]
    tried: bool
    state: str
    promised: Mapping[str, Any] | None
    answer: Mapping[str, Any] | None
    trouble: str

    @property
    def told(self) -> Mapping[str, Any] | None:
        """The answer that stands on its receipt, if there is one yet."""
        return self.promised or self.answer


class Drawer:
    """The file. Several processes of one till may have it open; each change is on the disk when the call returns.

    Raises:
        BadMessage: the file can't be used.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._file = sqlite3.connect(path, isolation_level=None, timeout=30.0)
            self._file.row_factory = sqlite3.Row
            self._file.execute("PRAGMA journal_mode = WAL")
            self._file.execute("PRAGMA synchronous = FULL")
            self._file.execute("PRAGMA secure_delete = ON")
            self._file.executescript(_TABLES)
        except sqlite3.Error as fault:
            raise BadMessage("drawer", f"{path} can't be used: {fault}") from None

    def close(self) -> None:
        self._file.close()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Nobody else changes anything meanwhile; all of it happens, or nothing."""
        self._file.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._file.execute("ROLLBACK")
            raise
        self._file.execute("COMMIT")

    def put(self, body: Mapping[str, Any], code: Code, scanned_at: datetime) -> Kept:
        """Take in a purchase; the same again is as it stands.

        Raises:
            BadMessage: the id is another purchase's, or of one that is over without the code.
            CodeUsed: the code was shown here before.
        """
        text = json.dumps(body)
        row = (body["id"], code.nonce, code.card, write_instant(scanned_at), text, WAITING)
        try:
            self._file.execute(
                "INSERT INTO purchases (id, nonce, card, scanned_at, body, tried, state) VALUES (?, ?, ?, ?, ?, 0, ?)",
                row,
            )
        except sqlite3.IntegrityError:
            known = self.get(body["id"])
            if known is None:
                raise CodeUsed("this code was shown at this till before: ask for a new one") from None
            if known.body != json.loads(text):
                raise BadMessage("id", f"{body['id']} is another purchase: give each its own") from None
            if known.state != WAITING and known.told is None:
                raise BadMessage("id", f"{body['id']} was sold without the code: take a new id and code") from None
            return known
        kept = self.get(body["id"])
        assert kept is not None
        return kept

    def get(self, id: str) -> Kept | None:
        row = self._file.execute("SELECT * FROM purchases WHERE id = ?", (id,)).fetchone()
        return None if row is None else _kept(row)

    def open(self) -> list[Kept]:
        """What the backend has to hear of, in the order it happened."""
        query = "SELECT * FROM purchases WHERE state IN (?, ?) ORDER BY number"
        return [_kept(row) for row in self._file.execute(query, (WAITING, GIVEN_UP))]

    def promised(self) -> list[Kept]:
        """What was priced here and is not settled."""
        return [each for each in self.open() if each.promised is not None and each.state == WAITING]

    def troubled(self) -> list[Kept]:
        """What a manager has to look at."""
        query = "SELECT * FROM purchases WHERE trouble IS NOT NULL ORDER BY number"
        return [_kept(row) for row in self._file.execute(query)]

    def trying(self, id: str) -> None:
        """It is about to be sent: from now on the backend may have it."""
        self._file.execute("UPDATE purchases SET tried = 1 WHERE id = ?", (id,))

    def promise(self, id: str, answer: Mapping[str, Any]) -> None:
        """It is priced here, and the customer pays that."""
        self._file.execute("UPDATE purchases SET promised = ? WHERE id = ?", (json.dumps(answer), id))

    def give_up(self, id: str) -> None:
        """She pays without the code; should the backend have it after all, it takes it back."""
        self._file.execute("DELETE FROM purchases WHERE id = ? AND NOT tried", (id,))
        self._file.execute("UPDATE purchases SET state = ? WHERE id = ?", (GIVEN_UP, id))

    def drop(self, id: str) -> None:
        """The backend has refused it at once, and nobody was told otherwise."""
        self._file.execute("DELETE FROM purchases WHERE id = ?", (id,))

    def settle(self, id: str, state: str, answer: Mapping[str, Any] | None, trouble: str = "") -> None:
        """The backend has said what it says; whose it was is not needed here any more."""
        told = None if answer is None else json.dumps(answer)
        statement = "UPDATE purchases SET state = ?, answer = ?, trouble = ?, card = '' WHERE id = ?"
        self._file.execute(statement, (state, told, trouble or None, id))

    def take_back(self, id: str) -> None:
        """The backend has taken it back: its receipt is not given again."""
        statement = "UPDATE purchases SET state = ?, promised = NULL, answer = NULL, card = '' WHERE id = ?"
        self._file.execute(statement, (DONE, id))

    def note(self, id: str, trouble: str) -> None:
        """It waits on, for a reason a manager has to know; what the backend says in the end takes its place."""
        self._file.execute("UPDATE purchases SET trouble = ? WHERE id = ?", (trouble, id))

    def tick_off(self, id: str) -> bool:
        """A manager has dealt with it; False when there was nothing of it."""
        statement = "UPDATE purchases SET trouble = NULL WHERE id = ? AND trouble IS NOT NULL"
        return self._file.execute(statement, (id,)).rowcount == 1

    def hold(self, held: Held) -> None:
        """Keep prices and offers for a time without the backend."""
        self._file.execute("INSERT OR REPLACE INTO held VALUES (1, ?)", (json.dumps(held.to_json()),))

    def held(self) -> Held | None:
        """The prices and offers that are kept.

        Raises:
            BadMessage: they can't be read.
        """
        row = self._file.execute("SELECT offers FROM held").fetchone()
        return None if row is None else Held.from_json(json.loads(row["offers"]))


def _kept(row: sqlite3.Row) -> Kept:
    promised, answer = (None if row[name] is None else json.loads(row[name]) for name in ("promised", "answer"))
    return Kept(
        row["id"], row["card"], row["scanned_at"], json.loads(row["body"]), bool(row["tried"]), row["state"], promised,
        answer, row["trouble"] or "",
    )  # fmt: skip
