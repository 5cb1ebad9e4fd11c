"""What `apply` has made on a cluster, written down on the cluster itself: any machine can go on, or take it away.

A compacted topic of one partition, `endcap_applied`: the key names a thing ("topic customers_events", "statement
SHELVES"), the value says how it was made; a tombstone says that it is gone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec

from endcap.clock import Clock, SystemClock
from endcap.errors import Unreachable
from endcap_backend.pipeline.cluster.contact import log
from endcap_backend.pipeline.cluster.deadline import Deadline
from endcap_backend.pipeline.cluster.listing import await_listing
from endcap_backend.pipeline.cluster.rights import settled
from endcap_backend.pipeline.kafka import KafkaSettings

LEDGER = "endcap_applied"
CALL_S = 30.0

Entry = Mapping[str, Any]


class Ledger:
    """The entries as they were when it was opened, and a way to add to them. One thread at a time.

    Raises (all of it):
        KafkaException: the cluster refuses.
        Unreachable: it does not answer in time.
    """

    def __init__(self, settings: KafkaSettings, clock: Clock | None = None) -> None:
        self._settings = settings
        self._clock = clock or SystemClock()
        self._admin = AdminClient(settings.client_config() | {"logger": log})
        self._producer: Producer | None = None
        self._there = LEDGER in self._admin.list_topics(timeout=CALL_S).topics
        self.entries: dict[str, Entry] = self._read() if self._there else {}

    def note(self, name: str, entry: Entry) -> None:
        """Write down that a thing was made, or made anew."""
        self._write(name, json.dumps(entry, ensure_ascii=False, sort_keys=True))
        self.entries[name] = entry

    def strike(self, name: str) -> None:
        """Write down that a thing is gone."""
        self._write(name, None)
        self.entries.pop(name, None)

    def erase(self) -> None:
        """Remove the ledger itself, when nothing is left in it."""
        if self._there and not self.entries:
            self._admin.delete_topics([LEDGER])[LEDGER].result(CALL_S)
            await_listing(self._admin, LEDGER, there=False, clock=self._clock)
            self._there = False

    def _write(self, name: str, value: str | None) -> None:
        if not self._there:
            made = self._admin.create_topics([NewTopic(LEDGER, 1, config={"cleanup.policy": "compact"})])
            made[LEDGER].result(CALL_S)
            await_listing(self._admin, LEDGER, there=True, clock=self._clock)
            self._there = True
        if self._producer is None:
            self._producer = Producer(
                self._settings.client_config()
                | {"enable.idempotence": True, "linger.ms": 0, "message.timeout.ms": int(CALL_S * 1000), "logger": log}
            )
        failed: list[KafkaError] = []
        self._producer.produce(LEDGER, key=name, value=value, on_delivery=lambda error, _: failed.append(error))
        if self._producer.flush(CALL_S) or failed[0] is not None:
            raise Unreachable(f"what was made can't be written down: {failed[0].str() if failed else 'no answer'}")

    def _read(self) -> dict[str, Entry]:
        end = self._end()
        if not end:
            return {}
        consumer = Consumer(
            self._settings.client_config()
            | {"group.id": "endcap-apply", "enable.auto.commit": False, "enable.partition.eof": True, "logger": log}
        )
        try:
            consumer.assign([TopicPartition(LEDGER, 0, OFFSET_BEGINNING)])
            return self._up_to(consumer, end)
        finally:
            consumer.close()

    def _end(self) -> int:
        """The offset after the newest entry; 0 when there is none. What has just been removed may still be listed."""
        partition = TopicPartition(LEDGER, 0)

        def ask() -> Future[Any]:
            asked: dict[TopicPartition, Future[Any]] = self._admin.list_offsets(
                {partition: OffsetSpec.latest()}, request_timeout=CALL_S
            )
            return asked[partition]

        try:
            return int(settled(ask, Deadline(self._clock, CALL_S)).offset)
        except KafkaException as fault:
            if fault.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise
            self._there = False
            return 0

    def _up_to(self, consumer: Consumer, end: int) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}
        deadline = Deadline(self._clock, CALL_S)
        while deadline:
            message = consumer.poll(deadline.left_s(1.0))
            if message is None:
                continue
            if (error := message.error()) is not None:
                if error.code() == KafkaError._PARTITION_EOF and message.offset() >= end:
                    return entries
                continue  # a leader that is being chosen; librdkafka goes on by itself
            name = message.key().decode()
            entries.pop(name, None)  # so that the order is that of the last making
            if message.value() is not None:
                entries[name] = json.loads(message.value())
        raise Unreachable(f"the topic {LEDGER} could not be read to its end")
