"""The forwarder: carries the log to Kafka, each record exactly once, whatever dies on the way.

Each batch is one Kafka transaction that holds the records and, in the compacted topic `endcap_forwarder_marks`, how far
the log has come. The mark is keyed by the UUID inside the log file, so that a fresh file starts from its own beginning.
After any error of a transaction the producer is thrown away: a new one reads the mark and goes on from there.

The records are not parsed, and no record is reported on: the transaction's commit confirms them all. Only when one
failed does librdkafka tell, as it is sent again, which were refused.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping
from random import Random
from threading import Event, Thread
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from endcap.clock import Clock, SystemClock
from endcap.errors import Unreachable
from endcap.messages import CUSTOMERS_EVENTS, CUSTOMERS_LOCATIONS, PRODUCTS_PROMOTIONS, STORES_PRODUCTS
from endcap.wire import epoch_ms
from endcap_backend.log import Log, LogError
from endcap_backend.pipeline.blocks import Block, LogBlocks, Row
from endcap_backend.pipeline.kafka import KafkaSettings
from endcap_backend.pipeline.naming import NamedBlocks
from endcap_backend.pipeline.poison import Poison
from endcap_backend.pipeline.sending import Sending, Superseded
from endcap_backend.pseudonym import Pseudonyms

log = logging.getLogger("endcap.forward")

FORWARDED = (CUSTOMERS_LOCATIONS, STORES_PRODUCTS, PRODUCTS_PROMOTIONS, CUSTOMERS_EVENTS)
POSITION = "forward"  # the log's own note of how far it is safe, for its retention; the mark in Kafka decides
BLOCK = 2000  # records read at once; the brokers get them while the next are read
MOST = 32_000  # records a transaction when much waits: it has its price, whatever is in it
FEWEST = 500  # … after errors: a slow line must get one through before it times out
NOTE_EVERY_S = 1.0  # of the log's own note: it costs the posts an fsync
IDLE_S = 0.25  # how soon it notices `stop` while the log is silent
RETRY_FIRST_S = 0.5
RETRY_MOST_S = 15.0


class Forwarder:
    """A `Pipeline` that hands the log to Kafka and leaves match and delivery to the cluster. One thread of its own.

    While Kafka is away it retries with back-off and the log keeps filling; `stats` tells how old the oldest unsent
    record is. A record that Kafka refuses for itself goes to `<topic>_dlq` once and its neighbours pass. With
    `pseudonyms`, fixes and events leave under the shopper's name of the day.
    """

    def __init__(
        self,
        records: Log,
        settings: KafkaSettings,
        *,
        topics: Collection[str] = FORWARDED,
        clock: Clock | None = None,
        overrides: Mapping[str, Any] | None = None,
        pseudonyms: Pseudonyms | None = None,
    ) -> None:
        self._log = records
        self._topics = topics
        self._blocks = NamedBlocks(records, topics, pseudonyms) if pseudonyms else LogBlocks(records, topics)
        self._clock = clock or SystemClock()
        self._position = records.committed(POSITION)
        self._poison = Poison()
        self._sending = Sending(settings, records.uuid, self._poison, self._heard, overrides)
        self._most = MOST  # records a transaction, as things go
        self._noted = self._position
        self._noted_at_s = self._clock.monotonic()
        self._stopping = Event()
        self._thread: Thread | None = None
        self._trouble = "not connected yet"
        self._forwarded = self._dead_lettered = self._retries = 0

    def start(self) -> None:
        self._thread = Thread(target=self._run, name="endcap-forward", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Finish the transaction in hand; what is unsent stays in the log. Idempotent."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def ready(self) -> bool:
        """True while records arrive in Kafka. When not, `trouble` says why; the log goes on taking them."""
        return self._thread is not None and self._thread.is_alive() and not self._trouble

    @property
    def trouble(self) -> str:
        """Why records are not arriving in Kafka, in words; "" while they are."""
        return self._trouble

    def stats(self) -> Mapping[str, float]:
        return {
            "forward up": float(self.ready()),
            "forward lag": max(0, self._log.end() - self._position),
            "forward records": self._forwarded,
            "forward transactions": self._sending.transactions,
            "forward retries": self._retries,
            "forward dead lettered": self._dead_lettered,
            "forward oldest unsent s": self._oldest_unsent_s(),
        }

    def _oldest_unsent_s(self) -> float:
        try:
            waiting = self._log.read(self._position, 1, self._topics)
        except LogError:
            return 0.0
        return max(0.0, (epoch_ms(self._clock.now()) - waiting[0].timestamp_ms) / 1000) if waiting else 0.0

    # The rest runs on the forwarder's thread alone.

    def _run(self) -> None:
        backoff_s = 0.0
        random = Random()
        while not self._stopping.is_set():
            try:
                self._turn()
                backoff_s = 0.0
            except Superseded as fault:
                self._trouble = str(fault)
                log.error("forwarding stopped: %s", fault)
                break
            except LogError as fault:
                self._trouble = str(fault)
                log.warning("forwarding stopped at offset %d: %s", self._position, fault)
                break
            except (KafkaException, Unreachable) as fault:
                self._retries += 1
                self._sending.drop()
                self._complain(_words(fault))
                backoff_s = min(RETRY_MOST_S, max(RETRY_FIRST_S, backoff_s * 2))
                self._clock.wait(self._stopping, backoff_s * random.uniform(0.5, 1.0))
            except Exception:
                self._trouble = "a fault of ours; the backend's log has it"
                log.exception("forwarding stopped at offset %d", self._position)
                break
        self._sending.drop()
        self._note_position()

    def _turn(self) -> None:
        """Forward what waits, or wait for it; connects first when there is no producer."""
        if not self._sending.is_connected:
            self._connect()
        block = self._blocks.after(self._position, min(BLOCK, self._most))
        if block.rows:
            self._forward(self._poison.apart(block))
            self._trouble = ""
            return
        self._position = block.end  # what lies between is of other topics
        if not block.full:
            self._sending.idle()
            self._note_now_and_then()
            self._log.wait(self._position, IDLE_S, self._topics)

    def _connect(self) -> None:
        self._position = self._sending.connect()
        self._trouble = ""
        log.info("forwarding from offset %d", self._position)

    def _forward(self, block: Block) -> None:
        """One transaction: a block, and those after it while they are full, up to `MOST` records."""
        self._poison.begin()
        first, count = block.rows[0][0], 0
        self._sending.begin()
        try:
            while True:
                count += len(block.rows)
                self._sending.send(block.rows)
                if not block.full or count >= self._most:
                    break
                block = self._poison.apart(self._blocks.after(block.end, BLOCK))
            self._sending.commit(block.end)
        except KafkaException:
            self._sending.drop()  # which lets it tell what was refused
            self._most = max(FEWEST, min(self._most, count) // 2)
            self._poison.suspect(self._sent(first, block.end), alone=count == 1)
            raise
        self._committed(block.end, count)

    def _sent(self, first: int, end: int) -> Iterator[Row]:
        """What was sent from one offset to another, both included."""
        at = first - 1
        while at < end:
            block = self._blocks.after(at, BLOCK)
            yield from (row for row in block.rows if row[0] <= end)
            if not block.full:
                return
            at = block.end

    def _committed(self, end: int, count: int) -> None:
        letters = self._poison.settle(end)
        for offset, reason in letters:
            log.error("record at offset %d was dead-lettered: %s", offset, reason)
        self._position = end
        self._most = min(MOST, max(self._most, 2 * count))
        self._forwarded += count - len(letters)
        self._dead_lettered += len(letters)
        self._note_now_and_then()

    def _note_now_and_then(self) -> None:
        if self._clock.monotonic() - self._noted_at_s >= NOTE_EVERY_S:
            self._note_position()

    def _note_position(self) -> None:
        """What can't be noted is noted later; the mark in Kafka decides."""
        self._noted_at_s = self._clock.monotonic()
        if self._position <= self._noted:
            return
        try:
            self._log.commit(POSITION, max(self._position, self._log.committed(POSITION)))
            self._noted = self._position
        except LogError as fault:
            log.warning("the forwarder's position can't be noted at offset %d: %s", self._position, fault)

    def _heard(self, error: KafkaError) -> None:
        self._complain(error.str())

    def _complain(self, trouble: str) -> None:
        if trouble != self._trouble:
            log.warning("Kafka does not take records: %s; they wait in the log", trouble)
        self._trouble = trouble


def _words(fault: Exception) -> str:
    error = fault.args[0]
    return error.str() if isinstance(error, KafkaError) else str(fault)
