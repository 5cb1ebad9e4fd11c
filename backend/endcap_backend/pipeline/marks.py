"""How far each log has come in Kafka: marks in a compacted topic, keyed by the UUID inside the log file."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec

from endcap.clock import SystemClock
from endcap.errors import Unreachable
from endcap_backend.pipeline.kafka import KafkaSettings

log = logging.getLogger("endcap.forward")

MARKS = "endcap_forwarder_marks"
SEGMENT_MS = 4 * 3600 * 1000  # only closed segments are compacted; by default after a week, of a mark a transaction
KEPT = {"cleanup.policy": "compact", "segment.ms": str(SEGMENT_MS)}
TRANSACTION_TIMEOUT_MS = 30_000  # of a forwarder; as long may one that died keep the end of the marks from being read
CALL_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a log has come in Kafka, and which forwarder said so last."""

    offset: int
    forwarder: str


def make_marks_topic(settings: KafkaSettings) -> None:
    """Create the compacted topic of the marks; nothing happens when it is there.

    Raises:
        KafkaException: no broker answers, or the account may not create it.
    """
    admin = AdminClient(settings.client_config() | {"logger": log})
    if MARKS in admin.list_topics(timeout=CALL_TIMEOUT_S).topics:
        return
    made = admin.create_topics([NewTopic(MARKS, 1, config=KEPT)])
    try:
        made[MARKS].result(CALL_TIMEOUT_S)
    except KafkaException as fault:
        if fault.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise


def read_mark(settings: KafkaSettings, log_uuid: str, *, settled: bool = True) -> Mark | None:
    """The newest committed mark of one log; None when it has none.

    `settled` reads to the end as it was when asked, past transactions of other logs that are still open: stopping
    before them could miss a newer mark, and records would be sent twice. Without it, what can be seen now.

    Raises:
        Unreachable: the end was not reached in time.
    """
    partition = TopicPartition(MARKS, 0, OFFSET_BEGINNING)
    end = _end_of(settings, partition) if settled else 0
    consumer = Consumer(
        settings.client_config()
        | {
            "group.id": "endcap-forwarder",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 20,  # the end is reported after such a wait; the default is half a second
            "logger": log,
        }
    )
    consumer.assign([partition])
    try:
        return _last_mark(consumer, log_uuid, end)
    finally:
        consumer.close()


def _end_of(settings: KafkaSettings, partition: TopicPartition) -> int:
    admin = AdminClient(settings.client_config() | {"logger": log})
    asked = admin.list_offsets(
        {TopicPartition(partition.topic, partition.partition): OffsetSpec.latest()},
        isolation_level=IsolationLevel.READ_UNCOMMITTED,
        request_timeout=CALL_TIMEOUT_S,
    )
    return int(next(iter(asked.values())).result(CALL_TIMEOUT_S).offset)


def _last_mark(consumer: Consumer, log_uuid: str, end: int) -> Mark | None:
    newest: Mark | None = None
    clock = SystemClock()
    deadline_s = clock.monotonic() + CALL_TIMEOUT_S + TRANSACTION_TIMEOUT_MS / 1000
    while clock.monotonic() < deadline_s:
        message = consumer.poll(0.5)
        if message is None:
            continue
        error = message.error()
        if error is None:
            if message.key() == log_uuid.encode():
                newest = Mark(**json.loads(message.value()))
        elif error.code() != KafkaError._PARTITION_EOF:
            raise KafkaException(error)
        elif message.offset() >= end:
            return newest
    raise Unreachable("the forwarder's mark could not be read to its end; another forwarder's transaction may hang")
