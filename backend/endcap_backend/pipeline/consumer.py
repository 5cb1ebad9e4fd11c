"""A thread that takes the log's records, batch by batch, from where its position stands."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from threading import Event, Thread
from typing import NamedTuple

from endcap.clock import Clock, SystemClock
from endcap_backend.log import Log, LogClosed, LogError, LogFull, NewRecord, Record
from endcap_backend.pipeline.deadletter import dead_letter

log = logging.getLogger("endcap.pipeline")

Prepare = Callable[[int], None]  # hears the position it starts from
Handle = Callable[[list[Record]], "Outcome"]

BATCH = 500
FAULTS_IN_A_ROW = 20  # dead letters after which it is no poisoned record but ourselves
IDLE_S = 0.25  # how soon it notices `stop` while the log is silent
FULL_RETRY_S = 1.0  # between attempts to commit while the disk has no room


class Outcome(NamedTuple):
    """What came of a batch.

    `produced` is to be stored; the first `done` records are dealt with, and the rest is handed over again, together
    with what was appended meanwhile: after `wait_s`, or sooner when something was.
    """

    produced: Sequence[NewRecord]
    done: int
    wait_s: float = 0.0


class LogConsumer:
    """Reads `topics` as the consumer `name`; `prepare` and `handle` run on its one thread, `endcap-<name>`.

    What `handle` produces is stored in one transaction with the position. A batch that yields nothing moves the
    position too, but to disk only every `commit_every_s`: after a crash it is read again, so handling must bear that.

    When `handle` raises, the batch is taken record by record; the one at fault becomes a dead letter and the rest goes
    on. After 20 of them in a row the thread ends, with its position before the first it could not settle.
    """

    def __init__(
        self,
        records: Log,
        name: str,
        topics: Collection[str],
        handle: Handle,
        *,
        prepare: Prepare = lambda position: None,
        clock: Clock | None = None,
        commit_every_s: float = 1.0,
    ) -> None:
        self._log = records
        self._name = name
        self._topics = topics
        self._handle = handle
        self._prepare = prepare
        self._clock = clock or SystemClock()
        self._commit_every_s = commit_every_s
        self._position = self._committed = 0
        self._committed_at_s = 0.0
        self._handled = self._commits = self._faults = 0
        self._faults_in_a_row = 0
        self._singly = 0  # records still to be taken one by one
        self._prepared = Event()
        self.stopping = Event()  # set by `stop`; a handler that waits looks at it
        self._thread: Thread | None = None

    def start(self) -> None:
        self._thread = Thread(target=self._run, name=f"endcap-{self._name}", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Let it finish its batch and commit; idempotent."""
        self.stopping.set()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def ready(self) -> bool:
        return self._prepared.is_set() and self._thread is not None and self._thread.is_alive()

    def stats(self) -> Mapping[str, float]:
        """`lag` counts offsets of all topics, so it is an upper bound."""
        return {
            "up": float(self.ready()),
            "lag": max(0, self._log.end() - self._position),
            "records": self._handled,
            "commits": self._commits,
            "faults": self._faults,
        }

    def _run(self) -> None:
        try:
            self._position = self._committed = self._log.committed(self._name)
            self._prepare(self._position)
            self._prepared.set()
            while not self.stopping.is_set():
                self._turn()
            self._commit()
        except LogClosed:
            log.warning("%s ends: the log was closed first; it goes on from offset %d", self._name, self._committed)
        except LogError as fault:
            log.error("%s stopped: %s", self._name, fault)
        except Exception:
            log.exception("%s stopped at offset %d", self._name, self._position)

    def _turn(self) -> None:
        end = self._log.end()
        limit = 1 if self._singly else BATCH
        records = self._log.read(self._position, limit, self._topics)
        outcome = self._safely(records) if records else Outcome((), 0)
        if outcome.done:
            self._handled += outcome.done
            self._position = records[outcome.done - 1].offset
        through = outcome.done == len(records) < limit
        if through:
            self._position = max(self._position, end)  # what lies between is of other topics
        if outcome.produced or self._overdue():
            self._commit(outcome.produced)
        if through:
            self._log.wait(self._position, self._patience_s(), self._topics)
        elif outcome.wait_s and len(records) < limit:
            self._log.wait(max(end, records[-1].offset), min(outcome.wait_s, IDLE_S), self._topics)
        elif outcome.wait_s:
            self.stopping.wait(min(outcome.wait_s, IDLE_S))

    def _safely(self, records: list[Record]) -> Outcome:
        try:
            outcome = self._handle(records)
        except LogError:
            raise
        except Exception:
            return self._after_fault(records)
        self._singly = max(0, self._singly - outcome.done)
        self._faults_in_a_row = 0
        return outcome

    def _after_fault(self, records: list[Record]) -> Outcome:
        """In an exception handler: look for the record at fault, or put it aside once it is alone."""
        if len(records) > 1:
            self._singly = len(records)
            return Outcome((), 0)
        self._faults += 1
        self._faults_in_a_row += 1
        if self._faults_in_a_row > FAULTS_IN_A_ROW:
            raise
        log.exception("%s can't handle the record at offset %d and puts it aside", self._name, records[0].offset)
        self._singly = max(0, self._singly - 1)
        return Outcome([dead_letter(records[0], "a fault of ours; the backend's log has it", self._name)], 1)

    def _overdue(self) -> bool:
        return self._clock.monotonic() - self._committed_at_s >= self._commit_every_s

    def _patience_s(self) -> float:
        """How long to wait for a record: not beyond the moment when the position is due on disk."""
        if self._position == self._committed:
            return IDLE_S
        due_s = self._committed_at_s + self._commit_every_s - self._clock.monotonic()
        return min(IDLE_S, max(0.0, due_s))

    def _commit(self, produced: Sequence[NewRecord] = ()) -> None:
        """Store what came of it, together with the position; waits as long as the disk is full."""
        if not produced and self._position == self._committed:
            return
        while True:
            try:
                self._log.commit(self._name, self._position, produced)
                break
            except LogFull as fault:
                log.warning("%s waits at offset %d: %s", self._name, self._position, fault)
                if self._clock.wait(self.stopping, FULL_RETRY_S):
                    return
        self._committed = self._position
        self._committed_at_s = self._clock.monotonic()
        self._commits += 1
