"""What shoppers and staff are told over Ably beside offers: written with the change, published once it is committed."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from threading import Event, Thread
from typing import Any, Protocol

from sqlalchemy import Connection, Row, delete, func, insert, select
from sqlalchemy.exc import SQLAlchemyError

from endcap.clock import Clock, SystemClock
from endcap.errors import EndcapError, NotAuthorised, Refused, Unreachable
from endcap.transports.ably_batch import AblyItem, AblyOutcome
from endcap.wire import epoch_ms
from endcap_backend.retail.database import Database
from endcap_backend.retail.shop_tables import Notice

log = logging.getLogger("endcap.retail")

POLL_S = 0.2  # how soon a notice is seen; a look at the empty table costs 50 µs
RETRY_S = 2.0  # after Ably or the database refused
STALE_MS = 15 * 60 * 1000  # who was away for longer asks anyway, and is not flooded
AT_ONCE = 100  # what Ably takes in a batch


class Publish(Protocol):
    """Puts messages on channels: `endcap.transports.ably_batch.AblyBatch`."""

    def publish(self, items: Sequence[AblyItem | tuple[str, str, str, str]]) -> list[AblyOutcome]: ...

    def close(self) -> None: ...


def notify(connection: Connection, uid: str, channel: str, name: str, data: Mapping[str, Any], at_ms: int) -> None:
    """Set a message on its way, within the transaction it tells of.

    `notice` in its data says what it is, so that whoever listens for offers passes over it.
    """
    text = json.dumps({"notice": name, **data}, ensure_ascii=False, separators=(",", ":"))
    connection.execute(insert(Notice).values(uid=uid, channel=channel, name=name, data=text, at_ms=at_ms))


class Notices:
    """Publishes notices, oldest first; one thread, `endcap-notices`.

    A message's id is the database's UUID and the notice's number: what is published again after a crash within two
    minutes, Ably drops. Without an Ably (`publish` None) they are let go: whoever wants to know asks the API.
    """

    def __init__(self, database: Database, publish: Publish | None, *, clock: Clock | None = None) -> None:
        self._database = database
        self._publish = publish
        self._clock = clock or SystemClock()
        self._stopping = Event()
        self._thread: Thread | None = None
        self._up = False
        self._counts: Counter[str] = Counter(published=0, stale=0, refused=0)

    def start(self) -> None:
        self._thread = Thread(target=self._run, name="endcap-notices", daemon=True)
        self._up = True
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Finish the batch in hand; idempotent."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout_s)
        if self._publish is not None:
            self._publish.close()

    def ready(self) -> bool:
        return self._thread is None or self._up

    def stats(self) -> Mapping[str, float]:
        """`waiting`: notices not published yet; the others are counted since the start."""
        with self._database.reading() as connection:
            waiting = connection.execute(select(func.count()).select_from(Notice)).scalar_one()
        return {"waiting": waiting, **self._counts}

    def drain(self) -> int:
        """Publish what waits; how many notices are settled. For a caller without the thread.

        Raises:
            Unreachable, NotAuthorised: Ably does not take them; they wait.
        """
        settled = 0
        while not self._stopping.is_set() and (batch := self._batch()):
            done = self._settle(batch)
            with self._database.writing() as connection:
                connection.execute(delete(Notice).where(Notice.number.in_(done)))
            settled += len(done)
        return settled

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._turn()
        except Exception:
            log.exception("notices stopped")
        finally:
            self._up = False

    def _turn(self) -> None:
        try:
            self.drain()
            self._clock.wait(self._stopping, POLL_S)
        except (Unreachable, NotAuthorised, SQLAlchemyError) as fault:
            log.warning("notices wait: %s", type(fault).__name__)
            self._clock.wait(self._stopping, RETRY_S)

    def _batch(self) -> Sequence[Row[Any]]:
        with self._database.reading() as connection:
            return connection.execute(select(*Notice.__table__.columns).order_by(Notice.number).limit(AT_ONCE)).all()

    def _settle(self, batch: Sequence[Row[Any]]) -> list[int]:
        """The numbers of those that are published, too old, or refused for good."""
        now_ms = epoch_ms(self._clock.now())
        fresh = [row for row in batch if now_ms - row.at_ms <= STALE_MS]
        self._counts["stale"] += len(batch) - len(fresh)
        done = [row.number for row in batch if row not in fresh]
        faults = self._put(fresh) if fresh else []
        for row, fault in zip(fresh, faults, strict=True):
            if isinstance(fault, Unreachable) and row.number == fresh[0].number:
                raise fault  # those behind it wait
            if isinstance(fault, Unreachable):
                break
            self._counts["published" if fault is None else "refused"] += 1
            done.append(row.number)
        return done

    def _put(self, rows: Sequence[Row[Any]]) -> Sequence[EndcapError | None]:
        if self._publish is None:
            return [None] * len(rows)
        uuid = self._database.uuid
        items = [AblyItem(row.channel, f"{uuid}:{row.number}", row.name, row.data) for row in rows]
        try:
            return [each.error for each in self._publish.publish(items)]
        except Refused as fault:
            if len(rows) == 1:
                return [fault]
            return [result for row in rows for result in self._put([row])]
