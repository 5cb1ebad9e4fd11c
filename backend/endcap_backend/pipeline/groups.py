"""How far behind the cluster's stages are, as their consumer groups say: for the console, and nothing depends on it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from threading import Event, Thread

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException
from confluent_kafka.admin import AdminClient

from endcap.clock import Clock, SystemClock
from endcap_backend.pipeline.kafka import KafkaSettings
from endcap_backend.pipeline.stages.reading import Place, ends_of

log = logging.getLogger("endcap.returns")

GROUPS = {
    "match": ("endcap-match-route", "endcap-match"),
    "decide": ("endcap-decide",),
    "delivery": ("endcap-delivery",),
}
LOOK_S = 5.0
ANSWER_S = 3.0


class Groups:
    """A `Pipeline` that only looks; one thread, `endcap-groups`. Of a stage that nobody runs, or that this account may
    not see, it tells nothing."""

    def __init__(self, settings: KafkaSettings, clock: Clock | None = None) -> None:
        self._settings = settings
        self._clock = clock or SystemClock()
        self._admin: AdminClient | None = None
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
                if (known := [lag for group in groups if (lag := self._lag(group)) is not None])
            }
            self.looks += 1
            self._clock.wait(self._stopping, LOOK_S)

    def _lag(self, group: str) -> int | None:
        """None when there is no such group, or none that can be seen."""
        if self._stopping.is_set():
            return None
        try:
            positions = self._positions(group)
            ends = ends_of(self._settings, list(positions))
        except (KafkaException, TimeoutError) as fault:
            log.debug("%s can't be looked at: %s", group, fault)
            return None
        return sum(max(0, ends[place] - position) for place, position in positions.items()) if positions else None

    def _positions(self, group: str) -> Mapping[Place, int]:
        self._admin = self._admin or AdminClient(self._settings.client_config() | {"logger": log})
        asked = self._admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)], request_timeout=ANSWER_S)
        found = asked[group].result(2 * ANSWER_S).topic_partitions or ()
        return {(each.topic, each.partition): each.offset for each in found if each.error is None and each.offset >= 0}
