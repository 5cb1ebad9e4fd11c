"""The forwarder: carries the log to Kafka, each record exactly once, whatever dies on the way.

Each batch is one Kafka transaction that holds the records and, in the compacted topic `endcap_forwarder_marks`, how far
the log has come. The mark is keyed by the UUID inside the log file, so that a fresh file starts from its own beginning.
After any error of a transaction the producer is thrown away: a new one reads the mark and goes on from there.

The records are not parsed, and no record has a callback of its own: the transaction's commit confirms them all, and
librdkafka tells only of those that were refused.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from random import Random
from threading import Event, Thread
from typing import Any
from uuid import uuid4

from confluent_kafka import KafkaError, KafkaException, Producer

from endcap.clock import Clock, SystemClock
from endcap.errors import EndcapError, Unreachable
from endcap.messages import CUSTOMERS_EVENTS, CUSTOMERS_LOCATIONS, PRODUCTS_PROMOTIONS, STORES_PRODUCTS
from endcap.wire import epoch_ms
from endcap_backend.log import Log, LogError, Record
from endcap_backend.pipeline.blocks import Block, LogBlocks, Row
from endcap_backend.pipeline.deadletter import dead_letter
from endcap_backend.pipeline.kafka import PARTITIONER, KafkaSettings
from endcap_backend.pipeline.marks import CALL_TIMEOUT_S, MARKS, TRANSACTION_TIMEOUT_MS, make_marks_topic, read_mark
from endcap_backend.pipeline.naming import NamedBlocks
from endcap_backend.pipeline.poison import Poison
from endcap_backend.pseudonym import Pseudonyms

log = logging.getLogger("endcap.forward")

FORWARDED = (CUSTOMERS_LOCATIONS, STORES_PRODUCTS, PRODUCTS_PROMOTIONS, CUSTOMERS_EVENTS)
POSITION = "forward"  # the log's own note of how far it is safe, for its retention; the mark in Kafka decides
BLOCK = 2000  # records read at once; the brokers get them while the next are read
MOST = 32_000  # records a transaction when much waits: it has its price, whatever is in it
FEWEST = 500  # … after errors: a slow line must get one through before it times out
LINGER_MS = 5  # fuller requests; a commit does not wait for it
PARTITION_UA = -1  # librdkafka's partitioner chooses
NOTE_EVERY_S = 1.0  # of the log's own note: it costs the posts an fsync
IDLE_S = 0.25  # how soon it notices `stop` while the log is silent
MESSAGE_TIMEOUT_MS = 20_000  # librdkafka's default of 5 minutes hides a wrong password for as long
ABORT_TIMEOUT_S = 2.0  # a courtesy: the next producer settles what this one leaves open
RETRY_FIRST_S = 0.5
RETRY_MOST_S = 15.0
DLQ_VALUE_CHARS = 100_000  # a record refused for its size is cut to fit, with reason and place, the dead-letter topic


def producing(settings: KafkaSettings, identity: str) -> dict[str, Any]:
    """librdkafka's settings for a producer whose transactions bear this identity."""
    return settings.client_config() | {
        "transactional.id": identity,
        "message.timeout.ms": MESSAGE_TIMEOUT_MS,
        "transaction.timeout.ms": TRANSACTION_TIMEOUT_MS,
        "linger.ms": LINGER_MS,
        "delivery.report.only.error": True,
        "retry.backoff.ms": 2,  # a transaction meets the end of the one before it: up to 100 ms are lost otherwise
        "compression.type": "lz4",
        "partitioner": PARTITIONER,
        "logger": log,
    }


class Superseded(EndcapError):
    """Another forwarder has taken over this log; going on would only take it back."""


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
        self._settings = settings
        self._topics = topics
        self._blocks = NamedBlocks(records, topics, pseudonyms) if pseudonyms else LogBlocks(records, topics)
        self._clock = clock or SystemClock()
        self._overrides = dict(overrides or {})
        self._id = str(uuid4())
        self._uuid = records.uuid
        self._position = records.committed(POSITION)
        self._producer: Producer | None = None
        self._poison = Poison()
        self._most = MOST  # records a transaction, as things go
        self._noted = self._position
        self._noted_at_s = self._clock.monotonic()
        self._stopping = Event()
        self._thread: Thread | None = None
        self._trouble = "not connected yet"
        self._forwarded = self._dead_lettered = self._retries = self._transactions = 0

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
            "forward transactions": self._transactions,
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
                self._drop_producer()
                self._complain(_words(fault))
                backoff_s = min(RETRY_MOST_S, max(RETRY_FIRST_S, backoff_s * 2))
                self._clock.wait(self._stopping, backoff_s * random.uniform(0.5, 1.0))
            except Exception:
                self._trouble = "a fault of ours; the backend's log has it"
                log.exception("forwarding stopped at offset %d", self._position)
                break
        self._drop_producer()
        self._note_position()

    def _turn(self) -> None:
        """Forward what waits, or wait for it; connects first when there is no producer."""
        if self._producer is None:
            self._connect()
        assert self._producer is not None
        block = self._blocks.after(self._position, min(BLOCK, self._most))
        if block.rows:
            self._forward(self._producer, self._poison.apart(block))
            self._trouble = ""
            return
        self._position = block.end  # what lies between is of other topics
        if not block.full:
            self._producer.poll(0)  # lets librdkafka report trouble while nothing is sent
            self._note_now_and_then()
            self._log.wait(self._position, IDLE_S, self._topics)

    def _connect(self) -> None:
        """A new producer that owns the log's transactions, and the place to go on from.

        Raises:
            Superseded: the newest mark is another forwarder's, written after ours.
        """
        identity = f"endcap-forwarder-{self._uuid}"
        config = producing(self._settings, identity) | {"error_cb": self._heard, "on_delivery": self._poison.hear}
        make_marks_topic(self._settings)
        before = read_mark(self._settings, self._uuid, settled=False)
        if self._transactions and before is not None and before.forwarder != self._id:
            raise Superseded("another forwarder has taken over this log; stop one of the two")
        producer = Producer(config | self._overrides)
        producer.init_transactions(CALL_TIMEOUT_S)  # fences an older one and settles what it left open
        mark = read_mark(self._settings, self._uuid)
        self._position = mark.offset if mark is not None else 0
        producer.begin_transaction()
        self._write_mark(producer, self._position)  # says who owns the log now
        producer.commit_transaction(CALL_TIMEOUT_S)
        self._transactions += 1
        self._producer = producer
        self._trouble = ""
        log.info("forwarding from offset %d", self._position)

    def _forward(self, producer: Producer, block: Block) -> None:
        """One transaction: a block, and those after it while they are full, up to `MOST` records."""
        self._poison.begin()
        first, count = block.rows[0][0], 0
        producer.begin_transaction()
        try:
            while True:
                count += len(block.rows)
                self._produce(producer, block.rows)
                producer.poll(0)
                if not block.full or count >= self._most:
                    break
                block = self._poison.apart(self._blocks.after(block.end, BLOCK))
            self._write_mark(producer, block.end)
            producer.commit_transaction(CALL_TIMEOUT_S)
        except KafkaException:
            self._drop_producer()  # which lets it tell what was refused
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
        self._transactions += 1
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

    def _produce(self, producer: Producer, rows: Sequence[Row]) -> None:
        produce, reasons = producer.produce, self._poison.reasons
        for offset, topic, key, value, timestamp_ms in rows:
            if offset in reasons:
                topic, value = _letter((offset, topic, key, value, timestamp_ms), reasons[offset])
            while True:
                try:
                    produce(topic, value, key, PARTITION_UA, None, None, timestamp_ms)  # names cost a third of it
                    break
                except BufferError:
                    producer.poll(0.05)  # librdkafka's queue is full: let it send
                except KafkaException as fault:
                    self._poison.blame(offset, fault.args[0])
                    raise

    def _write_mark(self, producer: Producer, offset: int) -> None:
        value = json.dumps({"offset": offset, "forwarder": self._id}, separators=(",", ":"))
        producer.produce(MARKS, key=self._uuid, value=value)

    def _drop_producer(self) -> None:
        if self._producer is not None:
            with suppress(KafkaException):  # nothing is open, or the broker is away and will time it out
                self._producer.abort_transaction(ABORT_TIMEOUT_S)
            self._producer = None

    def _heard(self, error: KafkaError) -> None:
        self._complain(error.str())

    def _complain(self, trouble: str) -> None:
        if trouble != self._trouble:
            log.warning("Kafka does not take records: %s; they wait in the log", trouble)
        self._trouble = trouble


def _letter(row: Row, reason: str) -> tuple[str, str | None]:
    offset, topic, key, value, timestamp_ms = row
    cut = None if value is None else value[:DLQ_VALUE_CHARS]
    letter = dead_letter(Record(offset, topic, key, cut, timestamp_ms, None), reason, "forwarder")
    return letter.topic, letter.value


def _words(fault: Exception) -> str:
    error = fault.args[0]
    return error.str() if isinstance(error, KafkaError) else str(fault)
