"""The topics between the stages, and how many partitions each needs."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from threading import Event

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from endcap.clock import SystemClock
from endcap.errors import BadConfig, Unreachable
from endcap.messages import CUSTOMERS_LOCATIONS
from endcap_backend.pipeline.cluster.topics import LOCATIONS_BY_CELL as LOCATIONS_BY_CELL
from endcap_backend.pipeline.cluster.topics import OFFERS_WITHHELD as OFFERS_WITHHELD
from endcap_backend.pipeline.cluster.topics import topics as product_topics
from endcap_backend.pipeline.kafka import KafkaSettings
from endcap_backend.pipeline.stages.reading import CALL_TIMEOUT_S, partitions_of

log = logging.getLogger("endcap.stages")

PARTITIONS = 6
LOOK_S = 0.05


def ensure_topics(settings: KafkaSettings, topics: Collection[str]) -> dict[str, int]:
    """Create those that are missing, with as many partitions as the fixes have; the partitions of each.

    They are kept as long as `apply` has them kept: the brokers' own week would be too long for positions, and too short
    for the shop.

    Raises:
        BadConfig: one is missing and this account may not create it.
        KafkaException, Unreachable: no broker answers.
    """
    found = partitions_of(settings, {*topics, CUSTOMERS_LOCATIONS})
    count = found.get(CUSTOMERS_LOCATIONS, PARTITIONS)
    missing = [topic for topic in topics if topic not in found]
    if missing:
        admin = AdminClient(settings.client_config() | {"logger": log})
        configs = {each.name: dict(each.config) for each in product_topics()}
        made = admin.create_topics([NewTopic(topic, count, config=configs.get(topic, {})) for topic in missing])
        for topic, future in made.items():
            _created(topic, count, future.exception(CALL_TIMEOUT_S))
    return _seen(settings, topics)


def check_alike(partitions: Mapping[str, int]) -> None:
    """See to it that topics that are read or written side by side, by partition number, have the same number of them.

    Raises:
        BadConfig: names one that differs.
    """
    (first, count), *others = partitions.items()
    for topic, found in others:
        if found != count:
            raise BadConfig(topic, f"has {found} partitions and {first} {count}; make both with the same number")


def _seen(settings: KafkaSettings, topics: Collection[str]) -> dict[str, int]:
    """Their partitions, once the broker that we ask has heard of all: it may be a moment behind who made them."""
    clock, never = SystemClock(), Event()
    deadline_s = clock.monotonic() + CALL_TIMEOUT_S
    while len(found := partitions_of(settings, topics)) < len(set(topics)):
        if clock.monotonic() >= deadline_s:
            raise Unreachable(f"the brokers do not know of {', '.join(sorted(set(topics) - set(found)))}")
        clock.wait(never, LOOK_S)
    return found


def _created(topic: str, count: int, fault: BaseException | None) -> None:
    if fault is None:
        log.info("made the topic %s with %d partitions", topic, count)
        return
    error = fault.args[0] if isinstance(fault, KafkaException) else None
    if error is None or error.code() not in (KafkaError.TOPIC_ALREADY_EXISTS, KafkaError.TOPIC_AUTHORIZATION_FAILED):
        raise fault
    if error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
        raise BadConfig(topic, "is no topic of this cluster, and this account may not create it: create it first")
