"""Reading topics outside of any consumer group: their past, from one offset to another, and what comes after it."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping

from confluent_kafka import OFFSET_END, Consumer, IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from endcap.clock import Clock, SystemClock
from endcap.errors import Unreachable
from endcap_backend.pipeline.kafka import KafkaSettings
from endcap_backend.pipeline.stages.records import Inflow, inflow

log = logging.getLogger("endcap.stages")

Place = tuple[str, int]  # topic and partition
CALL_TIMEOUT_S = 30.0
SILENCE_S = 60.0  # without one record: longer than a dead worker's transaction can stand in the way
MANY = 5000  # records a call


class Reading:
    """Partitions of topics from given offsets on, only what was committed. One thread."""

    def __init__(self, settings: KafkaSettings, starts: Mapping[Place, int], group: str = "endcap-match") -> None:
        self.positions = dict(starts)  # of each the offset after the last record that was given out
        self._ended: set[Place] = set()
        config = settings.client_config() | {
            "group.id": group,  # never joined; librdkafka wants one
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 20,  # the end is reported after such a wait
            "auto.offset.reset": "earliest",  # what retention took is passed over
            "logger": log,
        }
        self._consumer = Consumer(config)
        if starts:
            self._consumer.assign([TopicPartition(*place, offset) for place, offset in starts.items()])

    def take(self, timeout_s: float = 0.0) -> list[Inflow]:
        """What has come; waits up to `timeout_s` for it.

        Raises:
            KafkaException: the topics can't be read.
        """
        if not self.positions:
            return []
        found: list[Inflow] = []
        for message in self._consumer.consume(MANY, timeout_s):
            error = message.error()
            if error is None:
                record = inflow(message)
                self.positions[record.topic, record.partition] = record.offset + 1
                found.append(record)
            elif error.code() == KafkaError._PARTITION_EOF:
                place = (message.topic(), message.partition())
                self.positions[place] = max(self.positions[place], message.offset())
                self._ended.add(place)
            else:
                raise KafkaException(error)
        return found

    def until(self, ends: Mapping[Place, int], clock: Clock) -> Iterator[Inflow]:
        """All records up to these offsets, excluded, of each partition in order.

        Raises:
            Unreachable: an end was not reached, and for a minute nothing came.
        """
        heard_s = clock.monotonic()
        while any(self.positions[place] < end for place, end in ends.items()):
            records = self.take(0.05)
            if records:
                heard_s = clock.monotonic()
            elif clock.monotonic() - heard_s > SILENCE_S:
                raise Unreachable("Kafka's topics could not be read to their end; a transaction may hang")
            yield from (each for each in records if each.offset < ends[each.topic, each.partition])

    def behind(self) -> int:
        """How many records the brokers have beyond what was given out, as far as they have told; an upper bound."""
        lag = 0
        for place, position in self.positions.items():
            _, high = self._consumer.get_watermark_offsets(TopicPartition(*place), cached=True)
            lag += max(0, high - position)
        return lag

    def close(self) -> None:
        self._consumer.close()


def read_between(settings: KafkaSettings, spans: Mapping[Place, tuple[int, int]]) -> Iterator[Inflow]:
    """The records of each partition from one offset to another, the latter excluded.

    Raises:
        Unreachable, KafkaException: they can't be read.
    """
    spans = {place: span for place, span in spans.items() if span[0] < span[1]}
    reading = Reading(settings, {place: first for place, (first, _) in spans.items()})
    try:
        yield from reading.until({place: end for place, (_, end) in spans.items()}, SystemClock())
    finally:
        reading.close()


def partitions_of(settings: KafkaSettings, topics: Collection[str]) -> dict[str, int]:
    """How many partitions each of these topics has; one that is missing is left out."""
    admin = AdminClient(settings.client_config() | {"logger": log})
    known = admin.list_topics(timeout=CALL_TIMEOUT_S).topics
    return {topic: len(known[topic].partitions) for topic in topics if topic in known}


def places_of(settings: KafkaSettings, topics: Collection[str]) -> list[Place]:
    """All partitions of these topics."""
    return [(topic, number) for topic, count in partitions_of(settings, topics).items() for number in range(count)]


def ends_of(settings: KafkaSettings, places: Collection[Place], *, settled: bool = False) -> dict[Place, int]:
    """Up to where each partition can be read now: before the first transaction that is open.

    With `settled` up to its very end. A transaction that was committed a moment ago may still look open, since its
    marks are written one after the other; whoever must not miss it has to read so far, and waits for it.
    """
    level = IsolationLevel.READ_UNCOMMITTED if settled else IsolationLevel.READ_COMMITTED
    return _listed(settings, places, OffsetSpec.latest(), level)


def offsets_at(settings: KafkaSettings, places: Collection[Place], timestamp_ms: int) -> dict[Place, int]:
    """Each partition's first offset with a record of that time or later; its end when there is none."""
    ends = ends_of(settings, places)  # asked first: what comes between the two questions must not be passed over
    found = _listed(settings, places, OffsetSpec.for_timestamp(max(0, timestamp_ms)))
    return {place: ends[place] if offset == OFFSET_END else offset for place, offset in found.items()}


def _listed(
    settings: KafkaSettings,
    places: Collection[Place],
    which: OffsetSpec,
    level: IsolationLevel = IsolationLevel.READ_COMMITTED,
) -> dict[Place, int]:
    if not places:
        return {}
    admin = AdminClient(settings.client_config() | {"logger": log})
    asked = admin.list_offsets(
        {TopicPartition(*place): which for place in places},
        isolation_level=level,
        request_timeout=CALL_TIMEOUT_S,
    )
    offsets = {(each.topic, each.partition): future.result(CALL_TIMEOUT_S).offset for each, future in asked.items()}
    return {place: OFFSET_END if offset < 0 else int(offset) for place, offset in offsets.items()}
