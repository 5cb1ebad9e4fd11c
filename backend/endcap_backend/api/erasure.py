"""Erasing a shopper: at once what can be, the rest within a quarter of an hour, with a receipt that names each store.

Her session, her records and her rows in the shop's database go in the call. A tombstone in `customers_locations` then
passes through the log, so that whoever reads it forgets her too; once every consumer has passed it, or after ten
minutes, what they made meanwhile goes with the tombstone, the journals are emptied, what SQLite keeps of moved rows is
blanked, and only the receipt is left, which does not name her.
"""

from __future__ import annotations

import logging
import secrets
import sqlite3
from datetime import datetime, timedelta
from importlib import resources

from endcap.clock import Clock
from endcap.messages import CUSTOMERS_LOCATIONS
from endcap.wire import epoch_ms, from_epoch_ms
from endcap_backend.api.receipt import Receipt
from endcap_backend.api.shoppers import forget_session
from endcap_backend.log import READ_LIMIT, Log, NewRecord
from endcap_backend.retail.database import Database
from endcap_backend.retail.personal import TABLES, forget
from endcap_backend.unused import blank_unused

log = logging.getLogger("endcap.api")

LONGEST_WAIT = timedelta(minutes=10)  # for a consumer that does not get on, such as a forwarder without its broker
FOLD_EVERY = timedelta(minutes=3)  # at most, where whole tables are written anew for it; keeps within what is promised
RECEIPTS_KEPT = timedelta(days=400)


class Erasure:
    """Erases shoppers. Safe from any thread; `sweep` is for one thread that comes by every few seconds."""

    def __init__(self, records: Log, database: Database, clock: Clock) -> None:
        self._log = records
        self._database = database
        self._clock = clock
        self._folded_at: datetime | None = None
        records.prepare(resources.files("endcap_backend.api").joinpath("erasure.sql").read_text())

    def begin(self, uid: str) -> Receipt:
        """Erase `uid`: from now on she is unknown. Called again before it is done, it gives the same receipt.

        Raises:
            LogFull: the disk refuses; what is not erased yet, the next call or the next sweep erases.
        """
        number = self._log.transact(lambda connection: self._note(connection, uid))
        self._forget(uid)
        tombstone = self._bury(uid, number)
        self._discard(uid, number, [offset for offset in self._log.offsets_of(uid) if offset != tombstone])
        receipt = self.receipt(number)
        assert receipt is not None  # noted above
        return receipt

    def pending(self, uid: str) -> Receipt | None:
        """The receipt of an erasure of `uid` that is under way."""
        with self._log.reading() as connection:
            row = connection.execute("SELECT receipt FROM erasures WHERE uid = ?", (uid,)).fetchone()
        return None if row is None else self.receipt(row[0])

    def receipt(self, number: str) -> Receipt | None:
        """A receipt by its number."""
        query = "SELECT asked_ms, done_ms, records FROM receipts WHERE receipt = ?"
        with self._log.reading() as connection:
            row = connection.execute(query, (number,)).fetchone()
        if row is None:
            return None
        return Receipt(number, from_epoch_ms(row[0]), None if row[1] is None else from_epoch_ms(row[1]), row[2])

    def sweep(self) -> int:
        """Finish what can be finished, and forget old receipts; returns how many erasures are done now."""
        with self._log.reading() as connection:
            under_way = connection.execute("SELECT uid, receipt, tombstone FROM erasures").fetchall()
        if self._database.rewrites and self._folded_at is not None and self._clock.now() - self._folded_at < FOLD_EVERY:
            return 0
        due = [(uid, number) for uid, number, tombstone in under_way if self._passed(uid, number, tombstone)]
        for uid, number in due:
            self._forget(uid)  # what a call of hers made that was already under way
            self._discard(uid, number, self._log.offsets_of(uid))
        if due and not self._clear():
            return 0  # a reader was in the way: all of it again at the next sweep
        for uid, number in due:
            self._close(uid, number)
        if due:
            self._folded_at = self._clock.now()
            self._clear_log()  # whom it was about goes from it too
        return len(due)

    def _clear(self) -> bool:
        """Leave nothing deleted on disk: in the journals, or in what the databases do not use of their pages."""
        if not (self._clear_log() and self._database.fold(TABLES)):
            return False
        return self._database.file is None or blank_unused(self._database.file).done

    def _clear_log(self) -> bool:
        return self._log.fold() and blank_unused(self._log.path).done

    def _note(self, connection: sqlite3.Connection, uid: str) -> str:
        forget_session(connection, uid)
        row = connection.execute("SELECT receipt FROM erasures WHERE uid = ?", (uid,)).fetchone()
        if row is not None:
            return str(row[0])
        number = secrets.token_hex(16)
        connection.execute("INSERT INTO receipts VALUES (?, ?, NULL, 0)", (number, epoch_ms(self._clock.now())))
        connection.execute("INSERT INTO erasures VALUES (?, ?, 0)", (uid, number))
        return number

    def _forget(self, uid: str) -> None:
        with self._database.writing() as connection:
            forget(connection, uid)

    def _bury(self, uid: str, number: str) -> int:
        """Put a tombstone behind everything there is of her; returns its offset."""
        at_ms = epoch_ms(self._clock.now())
        (appended,) = self._log.append([NewRecord(CUSTOMERS_LOCATIONS, uid, None, at_ms)])
        statement = "UPDATE erasures SET tombstone = ? WHERE receipt = ?"
        self._log.transact(lambda connection: connection.execute(statement, (appended.offset, number)))
        return appended.offset

    def _discard(self, uid: str, number: str, offsets: list[int]) -> None:
        tombstones = sum(
            record.value is None
            for start in range(0, len(offsets), READ_LIMIT)
            for record in self._log.read_at(offsets[start : start + READ_LIMIT])
        )
        deleted = self._log.discard(offsets) - tombstones
        statement = "UPDATE receipts SET records = records + ? WHERE receipt = ?"
        self._log.transact(lambda connection: connection.execute(statement, (deleted, number)))

    def _passed(self, uid: str, number: str, tombstone: int) -> bool:
        """True when no consumer can know her any more, or when waiting for it would break the promise."""
        receipt = self.receipt(number)
        if receipt is None or self._clock.now() - receipt.asked_at >= LONGEST_WAIT:
            return True
        later = [offset for offset in self._log.offsets_of(uid) if offset > tombstone]
        if tombstone == 0 or any(each.topic == CUSTOMERS_LOCATIONS for each in self._log.read_at(later[:READ_LIMIT])):
            self._bury(uid, number)  # a fix slipped in beside the call
            return False
        return all(position >= tombstone for position in self._log.positions().values())

    def _close(self, uid: str, number: str) -> None:
        done_ms = epoch_ms(self._clock.now())
        forgotten_ms = epoch_ms(self._clock.now() - RECEIPTS_KEPT)

        def close(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM erasures WHERE uid = ?", (uid,))
            connection.execute("UPDATE receipts SET done_ms = ? WHERE receipt = ?", (done_ms, number))
            connection.execute("DELETE FROM receipts WHERE done_ms < ?", (forgotten_ms,))

        self._log.transact(close)
        log.info("erasure %s is done", number)
