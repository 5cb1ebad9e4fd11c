"""What a till must not lose: each purchase from before it is sent until the backend has answered, and what it holds.

One SQLite file; a purchase is on the disk before anybody is told of it, so that a till that dies goes on with it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from endcap.errors import BadMessage, EndcapError
from endcap.wire import write_instant
from endcap_backend.retail.codes import Code
from endcap_backend.retail.held import Held
from endcap_devkit.till.owner import Owner

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
CREATE TABLE IF NOT EXISTS owners (id TEXT PRIMARY KEY, owner TEXT NOT NULL);  -- which process has a purchase in hand
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

    A purchase that waits is in one process's hand at a time: from `put` or `claim` until it is promised, given up,
    dropped, settled or let go of, or that process has ended.

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
        self._owner = Owner(path)

    def close(self) -> None:
        self._owner.close()
        self._file.close()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Nobody else changes anything meanwhile; all of it happens, or nothing. A turn within a turn is part of it."""
        if self._file.in_transaction:
            yield
            return
        self._file.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._file.execute("ROLLBACK")
            raise
        self._file.execute("COMMIT")

    def put(self, body: Mapping[str, Any], code: Code, scanned_at: datetime) -> Kept:
        """Take in a purchase, and in hand if it is still to be sold; the same again is as it stands.

        Raises:
            BadMessage: the id is another purchase's, or of one that is over without the code, or of one that another
                process has in hand.
            CodeUsed: the code was shown here before.
        """
        with self.turn():
            kept = self._taken_in(body, code, scanned_at)
            if kept.told is not None:
                return kept
            if kept.state != WAITING:
                raise BadMessage("id", f"{kept.id} was sold without the code: take a new id and code")
            if not self._own(kept.id):
                raise BadMessage("id", f"{kept.id} is being sold or sent by another process: wait for that one")
            return kept

    def claim(self, id: str) -> Kept | None:
        """Take in hand what the backend has to hear of; None when another process has it, or it is settled."""
        with self.turn():
            kept = self.get(id)
            return kept if kept is not None and kept.state in (WAITING, GIVEN_UP) and self._own(id) else None

    def let_go(self, id: str) -> None:
        """Have it in hand no longer."""
        self._file.execute("DELETE FROM owners WHERE id = ? AND owner = ?", (id, self._owner.name))

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
        """It is priced here, and the customer pays that.

        Raises:
            BadMessage: it does not wait here any more.
        """
        statement = "UPDATE purchases SET promised = ? WHERE id = ? AND state = ? AND promised IS NULL"
        with self.turn():
            if self._file.execute(statement, (json.dumps(answer), id, WAITING)).rowcount != 1:
                raise BadMessage("id", f"{id} does not wait at this till any more: take a new id and code")
            self.let_go(id)

    def give_up(self, id: str) -> None:
        """She pays without the code; should the backend have it after all, it takes it back."""
        which, row = "WHERE id = ? AND state = ? AND promised IS NULL", (id, WAITING)
        with self.turn():
            self._file.execute(f"DELETE FROM purchases {which} AND NOT tried", row)
            self._file.execute(f"UPDATE purchases SET state = ? {which}", (GIVEN_UP, *row))
            self.let_go(id)

    def drop(self, id: str) -> None:
        """The backend has refused it at once, and nobody was told otherwise."""
        with self.turn():
            self._file.execute("DELETE FROM purchases WHERE id = ?", (id,))
            self.let_go(id)

    def settle(self, id: str, state: str, answer: Mapping[str, Any] | None, trouble: str = "") -> None:
        """The backend has said what it says; whose it was is not needed here any more."""
        told = None if answer is None else json.dumps(answer)
        statement = "UPDATE purchases SET state = ?, answer = ?, trouble = ?, card = '' WHERE id = ?"
        with self.turn():
            self._file.execute(statement, (state, told, trouble or None, id))
            self.let_go(id)

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

    def _taken_in(self, body: Mapping[str, Any], code: Code, scanned_at: datetime) -> Kept:
        text = json.dumps(body)
        row = (body["id"], code.nonce, code.card, write_instant(scanned_at), text, WAITING)
        columns = "id, nonce, card, scanned_at, body, tried, state"
        statement = f"INSERT INTO purchases ({columns}) VALUES (?, ?, ?, ?, ?, 0, ?)"
        with suppress(sqlite3.IntegrityError):
            self._file.execute(statement, row)
        kept = self.get(body["id"])
        if kept is None:
            raise CodeUsed("this code was shown at this till before: ask for a new one")
        if kept.body != json.loads(text):
            raise BadMessage("id", f"{kept.id} is another purchase: give each its own")
        return kept

    def _own(self, id: str) -> bool:
        """Take it in hand, unless another process has it that lives."""
        row = self._file.execute("SELECT owner FROM owners WHERE id = ?", (id,)).fetchone()
        if row is not None and row["owner"] != self._owner.name and self._owner.lives(row["owner"]):
            return False
        self._file.execute("INSERT OR REPLACE INTO owners VALUES (?, ?)", (id, self._owner.name))
        return True


def _kept(row: sqlite3.Row) -> Kept:
    promised, answer = (None if row[name] is None else json.loads(row[name]) for name in ("promised", "answer"))
    return Kept(
        row["id"], row["card"], row["scanned_at"], json.loads(row["body"]), bool(row["tried"]), row["state"], promised,
        answer, row["trouble"] or "",
    )  # fmt: skip
