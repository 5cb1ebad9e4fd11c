"""How far behind the cluster's stages are, as their consumer groups say: for the console, and nothing depends on it.

Asked as a consumer that joins nothing: librdkafka's AdminClient ends the whole process when a broker goes away while a
group's coordinator is asked (librdkafka's issue 4605, in 2.16 still).
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from threading import Event, Thread

from confluent_kafka import Consumer, KafkaException, TopicPartition

from endcap.clock import Clock, SystemClock
from endcap.messages import CUSTOMERS_ALERTS, CUSTOMERS_EVENTS, CUSTOMERS_LOCATIONS, NEARBY_CUSTOMERS
from endcap_backend.pipeline.cluster.topics import LOCATIONS_BY_CELL
from endcap_backend.pipeline.kafka import KafkaSettings

log = logging.getLogger("endcap.returns")

GROUPS: Mapping[str, Mapping[str, tuple[str, ...]]] = {  # of each stage the groups, and what they read
    "match": {"endcap-match-route": (CUSTOMERS_LOCATIONS,), "endcap-match": (LOCATIONS_BY_CELL,)},
    "decide": {"endcap-decide": (NEARBY_CUSTOMERS, CUSTOMERS_EVENTS)},
    "delivery": {"endcap-delivery": (CUSTOMERS_ALERTS,)},
}
LOOK_S = 5.0
ANSWER_S = 3.0


class Groups:
    """A `Pipeline` that only looks; one thread, `endcap-groups`. Of a stage that nobody runs, or that this account may
    not see, it tells nothing."""

    def __init__(self, settings: KafkaSettings, clock: Clock | None = None) -> None:
        self._settings = settings
        self._clock = clock or SystemClock()
        self._behind: Mapping[str, float] = {}
        self.looks = 0  # that are through
        self._stopping = Event()
        self._thread: Thread | None = None

    def start(self) -> None:
        self._thread = Thread(target=self._run, name="endcap-groups", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float = 1.0) -> None:
        """What it is looking at need not come to an end. Idempotent."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def ready(self) -> bool:
        """Always: offers reach their channels without it."""
        return True

    def stats(self) -> Mapping[str, float]:
        """`<stage> lag`: records that were not dealt with at the last look, a transaction's end counting as one."""
        return self._behind

    # The rest runs on its thread alone.

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._behind = {
                f"{stage} lag": sum(known)
                for stage, groups in GROUPS.items()
                if (known := [lag for each in groups.items() if (lag := self._lag(*each)) is not None])
            }
            self.looks += 1
            self._clock.wait(self._stopping, LOOK_S)

    def _lag(self, group: str, topics: Collection[str]) -> int | None:
        """None when there is no such group, or none that can be seen."""
        if self._stopping.is_set():
            return None
        asking = Consumer(
            self._settings.client_config()
            | {
                "group.id": group,
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "logger": log,
                "log_level": 0,  # that a broker is away is told by those who need it
            }
        )
        try:
            return _behind(asking, topics)
        except KafkaException as fault:
            log.debug("%s can't be looked at: %s", group, fault)
            return None
        finally:
            asking.close()


def _behind(asking: Consumer, topics: Collection[str]) -> int | None:
    """From what the consumer's group has committed to the ends; None when it has committed nothing."""
    known = asking.list_topics(timeout=ANSWER_S).topics
    places = [TopicPartition(topic, n) for topic in topics if topic in known for n in known[topic].partitions]
    found = [each for each in asking.committed(places, ANSWER_S) if each.error is None and each.offset >= 0]
    if not found:
        return None
    ends: dict[tuple[str, int], int] = {
        (each.topic, each.partition): asking.get_watermark_offsets(each, ANSWER_S)[1] for each in found
    }
    lags = [max(0, ends[each.topic, each.partition] - int(each.offset)) for each in found]
    return sum(lags)
