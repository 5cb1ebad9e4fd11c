"""What a cluster decided, in the backend's own log: each record once, and how far that has come, in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from importlib import resources

from endcap.errors import BadMessage
from endcap.messages import CUSTOMERS_ALERTS, CUSTOMERS_EVENTS, WITHHELD, CustomerAlert, CustomerEvent
from endcap_backend.log import Log, NewRecord
from endcap_backend.pipeline.stages.records import Inflow

Known = Callable[[sqlite3.Connection, Collection[str]], Collection[str]]  # of these shoppers, those who belong here
Spot = tuple[str, int]  # a topic's id, and a partition of it


class Returned:
    """The log, as the place where a cluster's alerts come back to. Any one thread.

    Only what is of shoppers that `known` knows is stored: others belong to other backends, or were erased meanwhile.
    """

    def __init__(self, records: Log, known: Known) -> None:
        self._log = records
        self._known = known
        records.prepare(resources.files("endcap_backend.pipeline").joinpath("returned.sql").read_text())

    def positions(self) -> Mapping[Spot, int]:
        """The next offset of each partition that was ever read."""
        with self._log.reading() as connection:
            rows = connection.execute("SELECT topic_id, partition, offset FROM returned").fetchall()
        return {(topic_id, number): offset for topic_id, number, offset in rows}

    def put(self, records: Sequence[NewRecord], positions: Mapping[Spot, int]) -> int:
        """Store the records, of which an id that is here already is not stored again, and the positions behind them;
        how many are new here.

        Raises:
            LogFull: nothing was stored.
        """
        while True:
            with self._log.reading() as connection:
                hers = self._known(connection, {each.key or "" for each in records})
            ours = [each for each in records if each.key in hers]
            try:
                return self._store(ours, positions)
            except _Erased:  # between the look and the transaction
                continue

    def _store(self, ours: Sequence[NewRecord], positions: Mapping[Spot, int]) -> int:
        uids = {each.key or "" for each in ours}

        def note(connection: sqlite3.Connection) -> None:
            if len(self._known(connection, uids)) < len(uids):
                raise _Erased
            rows = [(*spot, offset) for spot, offset in positions.items()]
            connection.executemany("INSERT OR REPLACE INTO returned VALUES (?, ?, ?)", rows)

        if not ours:
            self._log.transact(note)
            return 0
        return sum(not each.duplicate for each in self._log.append_and(ours, note))


class _Erased(Exception):
    """Somebody whom this is about has just been erased."""


def as_record(record: Inflow) -> NewRecord | None:
    """An alert, or what a held-out shopper would have heard, as the embedded pipeline would have stored it; None for
    a record that is neither."""
    try:
        if record.topic == CUSTOMERS_ALERTS:
            alert = CustomerAlert.from_text(record.value or b"")
            return NewRecord(CUSTOMERS_ALERTS, alert.uid, alert.to_text(), record.timestamp_ms, alert.id)
        event = CustomerEvent.from_text(record.value or b"")
    except BadMessage:
        return None
    if event.kind != WITHHELD:
        return None
    return NewRecord(CUSTOMERS_EVENTS, event.uid, event.to_text(), record.timestamp_ms, event.id)
