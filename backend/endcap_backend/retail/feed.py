"""From the shop's outbox to the topics: every change once, in order."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from threading import Event, Thread
from typing import Any

from sqlalchemy import Row, delete, func, select
from sqlalchemy.exc import SQLAlchemyError

from endcap.clock import Clock, SystemClock
from endcap.wire import epoch_ms
from endcap_backend.log import GROUP_ROWS, Log, LogClosed, LogError, LogFull, NewRecord
from endcap_backend.retail.catalogue import CATALOGUE, tell_everything
from endcap_backend.retail.database import Database, lock_table, upsert
from endcap_backend.retail.schema import Identity, Outbox

log = logging.getLogger("endcap.retail")

POLL_S = 0.2  # how soon a change made by another process is noticed; a look at the empty outbox costs 50 µs
RETRY_S = 1.0  # after the log or the database refused


class Feed:
    """Moves the outbox into the log, oldest first; one thread, `endcap-feed`.

    A record's id in the log is the database's UUID and its number in the outbox: one that was appended, but not yet
    deleted when the process died, is recognised the next time. A log that this database has never fed gets the whole
    catalogue first.
    """

    def __init__(self, database: Database, records: Log, *, clock: Clock | None = None) -> None:
        self._database = database
        self._log = records
        self._clock = clock or SystemClock()
        self._stopping = Event()
        self._thread: Thread | None = None
        self._fed = 0
        self._up = False

    def start(self) -> None:
        self._thread = Thread(target=self._run, name="endcap-feed", daemon=True)
        self._up = True
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Finish the batch in hand; idempotent."""
        self._stopping.set()
        self._database.changed.set()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def ready(self) -> bool:
        return self._up

    def stats(self) -> Mapping[str, float]:
        """`waiting`: records in the outbox; `fed`: records moved since the start."""
        with self._database.reading() as connection:
            waiting = connection.execute(select(func.count()).select_from(Outbox)).scalar_one()
        return {"up": float(self._up), "waiting": waiting, "fed": self._fed}

    def drain(self) -> int:
        """Move everything that waits now; how many records. For a caller without the thread."""
        self._introduce()
        moved = 0
        while batch := self._batch():
            self._move(batch)
            moved += len(batch)
        return moved

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._turn()
        except LogClosed:
            log.warning("the feed ends: the log was closed first")
        except LogError as fault:
            log.error("the feed stopped: %s", fault)
        except Exception:
            log.exception("the feed stopped")
        finally:
            self._up = False

    def _turn(self) -> None:
        try:
            self._database.changed.clear()
            if not self.drain():
                self._database.changed.wait(POLL_S)
        except (LogFull, SQLAlchemyError) as fault:
            log.warning("the feed waits: %s", fault)
            self._clock.wait(self._stopping, RETRY_S)

    def _introduce(self) -> None:
        """Tell a log that is new to this database, or was begun anew, of everything."""
        uuid = self._log.uuid
        with self._database.reading() as connection:
            if connection.execute(select(Identity.value).where(Identity.name == "fed_log")).scalar() == uuid:
                return
        with self._database.writing() as connection:
            lock_table(connection, Outbox)  # what is put meanwhile follows, and is not told twice
            connection.execute(delete(Outbox).where(Outbox.topic.in_(CATALOGUE)))
            told = tell_everything(connection, epoch_ms(self._clock.now()))
            upsert(connection, Identity, [{"name": "fed_log", "value": uuid}])
        if told:
            log.info("the log hears of the whole catalogue: %d records", told)

    def _batch(self) -> Sequence[Row[Any]]:
        if self._stopping.is_set():
            return ()
        with self._database.reading() as connection:
            return connection.execute(select(*Outbox.__table__.columns).order_by(Outbox.number).limit(GROUP_ROWS)).all()

    def _move(self, batch: Sequence[Row[Any]]) -> None:
        database = self._database.uuid
        self._log.append(
            [NewRecord(row.topic, row.key, row.value, row.at_ms, f"{database}:{row.number}") for row in batch]
        )
        with self._database.writing() as connection:
            connection.execute(delete(Outbox).where(Outbox.number.in_([row.number for row in batch])))
        self._fed += len(batch)
