"""To Kafka in transactions, each with the mark of how far the log has come."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any
from uuid import uuid4

from confluent_kafka import KafkaError, KafkaException, Producer

from endcap.errors import EndcapError
from endcap_backend.log import Record
from endcap_backend.pipeline.blocks import Row
from endcap_backend.pipeline.deadletter import dead_letter
from endcap_backend.pipeline.kafka import PARTITIONER, KafkaSettings
from endcap_backend.pipeline.marks import CALL_TIMEOUT_S, MARKS, TRANSACTION_TIMEOUT_MS, make_marks_topic, read_mark
from endcap_backend.pipeline.poison import Poison

log = logging.getLogger("endcap.forward")

LINGER_MS = 5  # fuller requests; a commit does not wait for it
PARTITION_UA = -1  # librdkafka's partitioner chooses
MESSAGE_TIMEOUT_MS = 20_000  # librdkafka's default of 5 minutes hides a wrong password for as long
ABORT_TIMEOUT_S = 2.0  # a courtesy: the next producer settles what this one leaves open
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


class Sending:
    """A log's transactions in Kafka, by one producer after the other. The forwarder's thread.

    Everything but `drop` raises KafkaException when Kafka does not take it; the producer is then to be dropped.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        log_uuid: str,
        poison: Poison,
        heard: Callable[[KafkaError], None],
        overrides: Mapping[str, Any] | None = None,
    ) -> None:
        self._settings = settings
        self._uuid = log_uuid
        self._poison = poison
        self._heard = heard
        self._overrides = dict(overrides or {})
        self._id = str(uuid4())
        self._producer: Producer | None = None
        self.transactions = 0  # committed

    @property
    def is_connected(self) -> bool:
        return self._producer is not None

    def connect(self) -> int:
        """A new producer, which owns the log's transactions; the offset that the log has come to.

        Raises:
            Superseded: the newest mark is another forwarder's, written after ours.
            Unreachable: the mark can't be read.
        """
        config = producing(self._settings, f"endcap-forwarder-{self._uuid}") | {"error_cb": self._heard}
        make_marks_topic(self._settings)
        before = read_mark(self._settings, self._uuid, settled=False)
        if self.transactions and before is not None and before.forwarder != self._id:
            raise Superseded("another forwarder has taken over this log; stop one of the two")
        producer = Producer(config | self._overrides)
        producer.init_transactions(CALL_TIMEOUT_S)  # fences an older one and settles what it left open
        mark = read_mark(self._settings, self._uuid)
        self._producer = producer
        self.begin()
        self.commit(offset := mark.offset if mark is not None else 0)  # says who owns the log now
        return offset

    def begin(self) -> None:
        self._now().begin_transaction()

    def send(self, rows: Sequence[Row]) -> None:
        """Hand rows over; they are in Kafka with `commit`, or none of them."""
        producer, poison = self._now(), self._poison
        produce, reasons, report = producer.produce, poison.reasons, poison.report
        for offset, topic, key, value, timestamp_ms in rows:
            if offset in reasons:
                topic, value = _letter((offset, topic, key, value, timestamp_ms), reasons[offset])
            while True:
                try:
                    produce(topic, value, key, PARTITION_UA, report, None, timestamp_ms)  # names cost a third of it
                    break
                except BufferError:
                    producer.poll(0.05)  # librdkafka's queue is full: let it send
                except KafkaException as fault:
                    poison.blame(offset, fault.args[0])
                    raise
        producer.poll(0)

    def commit(self, offset: int) -> None:
        """End the transaction, and with it say that the log has come to an offset."""
        producer = self._now()
        value = json.dumps({"offset": offset, "forwarder": self._id}, separators=(",", ":"))
        producer.produce(MARKS, key=self._uuid, value=value)
        producer.commit_transaction(CALL_TIMEOUT_S)
        self.transactions += 1

    def idle(self) -> None:
        """Let librdkafka report trouble while nothing is sent."""
        self._now().poll(0)

    def drop(self) -> None:
        """Throw the producer away; it tells before what was refused."""
        if self._producer is not None:
            with suppress(KafkaException):  # nothing is open, or the broker is away and will time it out
                self._producer.abort_transaction(ABORT_TIMEOUT_S)
            self._producer = None

    def _now(self) -> Producer:
        assert self._producer is not None
        return self._producer


def _letter(row: Row, reason: str) -> tuple[str, str | None]:
    offset, topic, key, value, timestamp_ms = row
    cut = None if value is None else value[:DLQ_VALUE_CHARS]
    letter = dead_letter(Record(offset, topic, key, cut, timestamp_ms, None), reason, "forwarder")
    return letter.topic, letter.value
