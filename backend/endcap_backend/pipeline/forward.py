"""The forwarder: carries the log to Kafka, each record exactly once, whatever dies on the way.

Each batch is one Kafka transaction that holds the records and, in the compacted topic `endcap_forwarder_marks`, how far
the log has come. The mark is keyed by the UUID inside the log file, so that a fresh file starts from its own beginning.
After any error of a transaction the producer is thrown away: a new one reads the mark and goes on from there.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from functools import partial
from random import Random
from threading import Event, Thread
from typing import Any
from uuid import uuid4

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from endcap.clock import Clock, SystemClock
from endcap.errors import EndcapError, Unreachable
from endcap.messages import CUSTOMERS_EVENTS, CUSTOMERS_LOCATIONS, PRODUCTS_PROMOTIONS, STORES_PRODUCTS
from endcap.wire import epoch_ms
from endcap_backend.log import Log, LogError, LogFull, Record
from endcap_backend.pipeline.deadletter import dead_letter
from endcap_backend.pipeline.kafka import KafkaSettings
from endcap_backend.pipeline.marks import CALL_TIMEOUT_S, MARKS, TRANSACTION_TIMEOUT_MS, make_marks_topic, read_mark

log = logging.getLogger("endcap.forward")

FORWARDED = (CUSTOMERS_LOCATIONS, STORES_PRODUCTS, PRODUCTS_PROMOTIONS, CUSTOMERS_EVENTS)
POSITION = "forward"  # the log's own note of how far it is safe, for its retention; the mark in Kafka decides
BATCH = 4000  # a transaction has its price, whatever is in it: 1.6 times as fast as by 1000 when much waits
IDLE_S = 0.25  # how soon it notices `stop` while the log is silent
MESSAGE_TIMEOUT_MS = 20_000  # librdkafka's default of 5 minutes hides a wrong password for as long
ABORT_TIMEOUT_S = 2.0  # a courtesy: the next producer settles what this one leaves open
RETRY_FIRST_S = 0.5
RETRY_MOST_S = 15.0
DLQ_VALUE_CHARS = 100_000  # a record refused for its size is cut to fit, with reason and place, the dead-letter topic

# what is wrong with the record itself, so that trying again can't help
_POISON = {
    KafkaError.MSG_SIZE_TOO_LARGE,
    KafkaError.INVALID_MSG,
    KafkaError.INVALID_MSG_SIZE,
    KafkaError.INVALID_TIMESTAMP,
    KafkaError.INVALID_RECORD,
}


class Superseded(EndcapError):
    """Another forwarder has taken over this log; going on would only take it back."""


class Forwarder:
    """A `Pipeline` that hands the log to Kafka and leaves match and delivery to the cluster. One thread of its own.

    While Kafka is away it retries with back-off and the log keeps filling; `stats` tells how old the oldest unsent
    record is. A record that Kafka refuses for itself goes to `<topic>_dlq` once and its neighbours pass.
    """

    def __init__(
        self,
        records: Log,
        settings: KafkaSettings,
        *,
        topics: Collection[str] = FORWARDED,
        clock: Clock | None = None,
        overrides: Mapping[str, Any] | None = None,
    ) -> None:
        self._log = records
        self._settings = settings
        self._topics = topics
        self._clock = clock or SystemClock()
        self._overrides = dict(overrides or {})
        self._id = str(uuid4())
        self._uuid = records.uuid
        self._position = records.committed(POSITION)
        self._producer: Producer | None = None
        self._poison: dict[int, str] = {}  # offset -> reason, until it is dead-lettered
        self._alone_to = 0  # up to this offset one record a transaction, to find which of a batch is refused
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

    def _turn(self) -> None:
        """Forward one batch, or wait for one; connects first when there is no producer."""
        if self._producer is None:
            self._connect()
        assert self._producer is not None
        end = self._log.end()
        batch = 1 if self._position < self._alone_to else BATCH
        records = self._log.read(self._position, batch, self._topics)
        if not records:
            self._producer.poll(0)  # lets librdkafka report trouble while nothing is sent
            self._position = max(self._position, end)  # what lies between is of other topics
            self._log.wait(self._position, IDLE_S, self._topics)
            return
        self._forward(self._producer, records)
        self._trouble = ""

    def _connect(self) -> None:
        """A new producer that owns the log's transactions, and the place to go on from.

        Raises:
            Superseded: the newest mark is another forwarder's, written after ours.
        """
        identity = f"endcap-forwarder-{self._uuid}"
        config = self._settings.client_config() | {
            "transactional.id": identity,
            "message.timeout.ms": MESSAGE_TIMEOUT_MS,
            "transaction.timeout.ms": TRANSACTION_TIMEOUT_MS,
            "linger.ms": 0,
            "retry.backoff.ms": 2,  # a transaction meets the end of the one before it: up to 100 ms are lost otherwise
            "compression.type": "lz4",
            "error_cb": self._heard,
            "logger": log,
        }
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

    def _forward(self, producer: Producer, records: Sequence[Record]) -> None:
        refused: dict[int, KafkaError] = {}
        producer.begin_transaction()
        for record in records:
            self._produce(producer, record, refused)
            producer.poll(0)
        self._write_mark(producer, records[-1].offset)
        try:
            producer.commit_transaction(CALL_TIMEOUT_S)
        except KafkaException:
            self._suspect({at: error.str() for at, error in refused.items() if error.code() in _POISON}, len(records))
            raise
        self._committed(records)

    def _suspect(self, refused: Mapping[int, str], batch: int) -> None:
        """One record spoils the request it travels in: only what is refused alone is to blame."""
        if batch == 1:
            self._poison |= refused
        elif refused:
            self._alone_to = max(refused)

    def _committed(self, records: Sequence[Record]) -> None:
        letters = [record.offset for record in records if record.offset in self._poison]
        for offset in letters:
            log.error("record at offset %d was dead-lettered: %s", offset, self._poison.pop(offset))
        self._position = records[-1].offset
        self._transactions += 1
        self._forwarded += len(records) - len(letters)
        self._dead_lettered += len(letters)
        try:
            self._log.commit(POSITION, max(self._position, self._log.committed(POSITION)))
        except LogFull as fault:  # noted with a later batch; the mark in Kafka decides
            log.warning("the forwarder's position can't be noted at offset %d: %s", self._position, fault)

    def _produce(self, producer: Producer, record: Record, refused: dict[int, KafkaError]) -> None:
        topic, value = record.topic, record.value
        if (reason := self._poison.get(record.offset)) is not None:
            letter = dead_letter(_cut(record), reason, "forwarder")
            topic, value = letter.topic, letter.value
        note = partial(_note, refused, record.offset)
        while True:
            try:
                producer.produce(topic, value=value, key=record.key, timestamp=record.timestamp_ms, on_delivery=note)
                return
            except BufferError:
                producer.poll(0.05)  # librdkafka's queue is full: let it send
            except KafkaException as fault:
                if fault.args[0].code() in _POISON:
                    self._poison[record.offset] = fault.args[0].str()
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


def _note(refused: dict[int, KafkaError], offset: int, error: KafkaError | None, _: Message) -> None:
    if error is not None:
        refused[offset] = error


def _cut(record: Record) -> Record:
    return record._replace(value=None if record.value is None else record.value[:DLQ_VALUE_CHARS])


def _words(fault: Exception) -> str:
    error = fault.args[0]
    return error.str() if isinstance(error, KafkaError) else str(fault)
