"""Wallet: the one SQLite file behind the app. What she did and what the shop told stays, with or without a network."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from endcap.messages import CustomerAlert
from endcap.storefile import StoreFile
from endcap.wire import epoch_ms, from_epoch_ms
from endcap_shopper.inbox import Card, Inbox
from endcap_shopper.reading import each_of
from endcap_shopper.settling import Settling
from endcap_shopper.wishlist import Item, Wishlist

NAME = "wallet"
PERSONAL = ("help", "told", "preferences", "preferences_of")  # pieces of state that tell of her
SENT_KEPT = 500  # lines of what left the phone that she can look at

_SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (name TEXT PRIMARY KEY, body TEXT NOT NULL, at_ms INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS actions (sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL, body TEXT NOT NULL, at_ms INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS wishes (id TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS offers (subject TEXT PRIMARY KEY, body TEXT NOT NULL, at_ms INTEGER NOT NULL,
    ends_ms INTEGER NOT NULL, seen INTEGER NOT NULL DEFAULT 0, dismissed INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sent (sequence INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT NOT NULL, count INTEGER NOT NULL,
    at_ms INTEGER NOT NULL);
"""
_OFFER = """
INSERT INTO offers (subject, body, at_ms, ends_ms) VALUES (?, ?, ?, ?)
ON CONFLICT (subject) DO UPDATE SET body = excluded.body, ends_ms = excluded.ends_ms
"""


@dataclass(frozen=True, slots=True)
class Action:
    """Something she did that the shop has to hear of. `id` makes a repeat harmless, `sequence` is its turn."""

    sequence: int
    id: str
    kind: str
    body: dict[str, Any]
    at: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """What the shop last said to a question, and when."""

    body: Any
    at: datetime


@dataclass(frozen=True, slots=True)
class Sent:
    """A line of the log of what left the phone: `count` of `what`, until `at`."""

    sequence: int
    what: str
    count: int
    at: datetime


class Wallet:
    """Everything the app keeps. Any thread; a process has the file to itself until `close`.

    Each change is one transaction, so that an action and what it changes on the screen are kept together or not at
    all. What is written outlives a kill of the process; a loss of power may take the last seconds. No change waits for
    the disk: `settling` sees to that.

    Raises:
        BadConfig: another process has the wallet open.
        OSError: the folder can't be made or written.
    """

    def __init__(self, folder: Path) -> None:
        self._file = StoreFile(folder, NAME, _SCHEMA, _measure)
        self.settling = Settling(self._file.path, self._file.db)

    # What the shop said

    def answer(self, name: str) -> Answer | None:
        found = self._file.rows("SELECT body, at_ms FROM answers WHERE name = ?", name)
        return Answer(json.loads(found[0][0]), from_epoch_ms(found[0][1])) if found else None

    def keep_answer(self, name: str, body: Any, at: datetime) -> None:
        with self._changed() as db:
            db.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?)", (name, _text(body), epoch_ms(at)))

    # What the app remembers for itself

    def get(self, name: str) -> Any:
        """A piece of state, None when there is none."""
        text = self._file.get(name)
        return None if text is None else json.loads(text)

    def set(self, name: str, value: Any) -> None:
        with self._changed():
            self._file.keep(name, None if value is None else _text(value))

    # What she did

    def act(self, kind: str, body: dict[str, Any], at: datetime) -> Action:
        """Keep something she did, to be told in its turn."""
        with self._changed() as db:
            return _act(db, kind, body, at)

    def actions(self, limit: int = 100) -> tuple[Action, ...]:
        """What is not told yet, oldest first."""
        rows = self._file.rows("SELECT sequence, id, kind, body, at_ms FROM actions ORDER BY sequence LIMIT ?", limit)
        return tuple(Action(n, id, kind, json.loads(body), from_epoch_ms(ms)) for n, id, kind, body, ms in rows)

    def pending(self, *kinds: str) -> tuple[Action, ...]:
        """What is not told yet of these kinds, oldest first."""
        return tuple(action for action in self.actions(100_000) if action.kind in kinds)

    def waiting(self) -> int:
        """How many actions are not told yet."""
        return int(self._file.rows("SELECT COUNT(*) FROM actions")[0][0])

    def told(self, sequences: Iterable[int], what: str, at: datetime) -> None:
        """The shop has these; they are one line of what left the phone."""
        done = [(sequence,) for sequence in sequences]
        with self._changed() as db:
            db.executemany("DELETE FROM actions WHERE sequence = ?", done)
            _log(db, what, len(done), at)

    def drop(self, *sequences: int) -> None:
        """Never tell these: she took them back, or the shop will not have them."""
        with self._changed() as db:
            db.executemany("DELETE FROM actions WHERE sequence = ?", [(sequence,) for sequence in sequences])

    # Her list

    def wishlist(self) -> Wishlist:
        rows = self._file.rows("SELECT body FROM wishes ORDER BY id")
        return Wishlist(each_of([row[0] for row in rows], Item.from_text, "an item of the list"))

    def edit_wishes(self, items: Iterable[Item], at: datetime) -> None:
        """Keep edited items, and tell the shop of each."""
        with self._changed() as db:
            for item in items:
                _put_wish(db, item)
                _act(db, "wish", item.to_json(), at)

    def keep_wishes(self, wishes: Wishlist) -> None:
        """Keep what the shop told of other devices' edits."""
        with self._changed() as db:
            for item in wishes.items:
                _put_wish(db, item)

    # Offers

    def keep_offer(self, alert: CustomerAlert, at: datetime) -> None:
        """Keep an offer as it arrives; the same again takes the place of the one before."""
        row = (Card(alert, at).subject, alert.to_text(), epoch_ms(at), epoch_ms(alert.expires_at))
        with self._changed() as db:
            db.execute(_OFFER, row)

    def inbox(self, now: datetime) -> Inbox:
        """What is still good; what is over is forgotten."""
        with self._changed() as db:
            db.execute("DELETE FROM offers WHERE ends_ms <= ?", (epoch_ms(now),))
        rows = self._file.rows("SELECT subject, body, at_ms, seen, dismissed FROM offers ORDER BY at_ms, subject")
        cards = each_of([row[1:4] for row in rows if not row[4]], _card, "an offer")
        return Inbox(cards, frozenset(row[0] for row in rows if row[4]))

    def mark_offers(self, seen: Iterable[str] = (), dismissed: Iterable[str] = ()) -> None:
        """Remember of some subjects that she saw them, or put them away."""
        with self._changed() as db:
            db.executemany("UPDATE offers SET seen = 1 WHERE subject = ?", [(each,) for each in seen])
            db.executemany("UPDATE offers SET dismissed = 1 WHERE subject = ?", [(each,) for each in dismissed])

    # What left the phone

    def log_sent(self, what: str, count: int, at: datetime) -> None:
        with self._changed() as db:
            _log(db, what, count, at)

    def sent(self, limit: int = SENT_KEPT) -> tuple[Sent, ...]:
        """What left the phone, the latest first."""
        rows = self._file.rows("SELECT sequence, what, count, at_ms FROM sent ORDER BY sequence DESC LIMIT ?", limit)
        return tuple(Sent(n, what, count, from_epoch_ms(ms)) for n, what, count, ms in rows)

    # Its end

    def forget(self) -> None:
        """Forget her: answers, offers, her list, what was to be told and what was; only settings stay."""
        with self._changed() as db:
            for table in ("answers", "actions", "offers", "sent", "wishes"):
                db.execute(f"DELETE FROM {table}")
            for name in PERSONAL:
                self._file.keep(name, None)
        with self.settling.still():
            self._file.shred()

    def close(self) -> None:
        """Idempotent."""
        self.settling.close()
        self._file.close()

    @contextmanager
    def _changed(self) -> Iterator[sqlite3.Connection]:
        with self._file.transaction() as db:
            yield db
        self.settling.changed()


def _measure(db: sqlite3.Connection) -> None:
    for table in ("answers", "actions", "wishes", "offers", "sent"):
        db.execute(f"SELECT COUNT(*) FROM {table}").fetchone()


def _act(db: sqlite3.Connection, kind: str, body: dict[str, Any], at: datetime) -> Action:
    id = uuid4().hex
    row = (id, kind, _text(body), epoch_ms(at))
    sequence = db.execute("INSERT INTO actions (id, kind, body, at_ms) VALUES (?, ?, ?, ?)", row).lastrowid
    assert sequence is not None
    return Action(sequence, id, kind, body, at)


def _put_wish(db: sqlite3.Connection, item: Item) -> None:
    db.execute("INSERT OR REPLACE INTO wishes VALUES (?, ?)", (item.id, item.to_text()))


def _log(db: sqlite3.Connection, what: str, count: int, at: datetime) -> None:
    if count <= 0:
        return
    last = db.execute("INSERT INTO sent (what, count, at_ms) VALUES (?, ?, ?)", (what, count, epoch_ms(at))).lastrowid
    db.execute("DELETE FROM sent WHERE sequence <= ?", ((last or 0) - SENT_KEPT,))


def _card(row: tuple[str, int, int]) -> Card:
    body, at_ms, seen = row
    return Card(CustomerAlert.from_text(body), from_epoch_ms(at_ms), bool(seen))


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
