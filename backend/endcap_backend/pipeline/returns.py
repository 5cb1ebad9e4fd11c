"""From Kafka back into the backend's log: what the cluster tells shoppers, so that this backend knows of it too.

Her export, her erasure, the console's funnel and Web Push go by the log, wherever the decision is made.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from random import Random
from threading import Event, Thread

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from endcap.clock import Clock, SystemClock
from endcap.errors import EndcapError, Unreachable
from endcap.messages import CUSTOMERS_ALERTS
from endcap_backend.log import Log, LogError, LogFull
from endcap_backend.pipeline.kafka import KafkaSettings
from endcap_backend.pipeline.returned import Known, Returned, Spot, as_record
from endcap_backend.pipeline.stages.reading import Place, Reading
from endcap_backend.pipeline.stages.records import Inflow
from endcap_backend.pipeline.stages.topics import OFFERS_WITHHELD

log = logging.getLogger("endcap.returns")

TOPICS = (CUSTOMERS_ALERTS, OFFERS_WITHHELD)
GROUP = "endcap-forwarder-returns"  # never joined: each backend reads all, and keeps its own shoppers'
BATCH = 400  # records a transaction of the log, which others wait behind
IDLE_S = 0.25  # how soon it notices `stop` while nothing comes
LOOK_S = 15.0  # how soon it notices that a topic has more partitions, or was made anew
ANSWER_S = 5.0  # for an answer to what topics there are; `stop` may have to wait for it
RETRY_FIRST_S = 0.5
RETRY_MOST_S = 15.0


class Returns:
    """A `Pipeline` that brings alerts back; one thread, `endcap-return`.

    While Kafka is away, or the log is full, it tries again; alerts reach their shoppers without it.
    """

    def __init__(self, records: Log, settings: KafkaSettings, known: Known, *, clock: Clock | None = None) -> None:
        self._settings = settings
        self._clock = clock or SystemClock()
        self._returned = Returned(records, known)
        self._reading: Reading | None = None
        self._topics: Mapping[str, tuple[str, int]] = {}  # by name: the id, and how many partitions
        self._look_at_s = 0.0
        self._counts: Counter[str] = Counter(records=0, unreadable=0, retries=0)
        self._lag = 0
        self._trouble = "not connected yet"
        self._stopping = Event()
        self._thread: Thread | None = None

    def start(self) -> None:
        self._thread = Thread(target=self._run, name="endcap-return", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Finish the transaction in hand. Idempotent."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def ready(self) -> bool:
        """True while the thread lives; Kafka may be away, nothing is lost by that."""
        return self._thread is not None and self._thread.is_alive()

    def stats(self) -> Mapping[str, float]:
        """`lag` in records of all shoppers, `records` those that were new here."""
        return {"up": float(self.ready() and not self._trouble), "lag": float(self._lag), **self._counts}

    # The rest runs on its thread alone.

    def _run(self) -> None:
        backoff_s = 0.0
        luck = Random()
        while not self._stopping.is_set():
            try:
                self._turn()
                backoff_s = 0.0
            except (KafkaException, Unreachable, TimeoutError, LogFull) as fault:
                self._counts["retries"] += 1
                self._drop()
                self._complain(str(fault) or "Kafka does not answer")
                backoff_s = min(RETRY_MOST_S, max(RETRY_FIRST_S, backoff_s * 2))
                self._clock.wait(self._stopping, backoff_s * luck.uniform(0.5, 1.0))
            except (LogError, EndcapError) as fault:
                self._complain(str(fault))
                break
            except Exception:
                log.exception("what the cluster tells does not come back any more")
                break
        self._drop()

    def _turn(self) -> None:
        if self._clock.monotonic() >= self._look_at_s:
            self._look()
        assert self._reading is not None
        before = dict(self._reading.positions)
        records = self._reading.take(IDLE_S)
        for start in range(0, len(records), BATCH):
            self._put(records[start : start + BATCH], before)
        self._lag = self._reading.behind()
        self._trouble = ""

    def _put(self, records: Sequence[Inflow], positions: dict[Place, int]) -> None:
        """Store some records, and that what was read goes so far."""
        for each in records:
            positions[each.topic, each.partition] = each.offset + 1
        made = [as_record(each) for each in records]
        ours = [each for each in made if each is not None]
        self._counts["unreadable"] += len(made) - len(ours)
        self._counts["records"] += self._returned.put(ours, {self._spot(place): at for place, at in positions.items()})

    def _spot(self, place: Place) -> Spot:
        return self._topics[place[0]][0], place[1]

    def _look(self) -> None:
        """Find the topics as they are; when they are other than they were, go on where the log says.

        Raises:
            Unreachable: there are none.
        """
        found = self._found()
        if found != self._topics or self._reading is None:
            self._drop()
            known = self._returned.positions()
            starts = {
                (name, number): known.get((topic_id, number), 0)
                for name, (topic_id, partitions) in found.items()
                for number in range(partitions)
            }
            self._reading, self._topics = Reading(self._settings, starts, GROUP), found
        self._look_at_s = self._clock.monotonic() + LOOK_S

    def _found(self) -> Mapping[str, tuple[str, int]]:
        """Each topic's id and number of partitions."""
        admin = AdminClient(self._settings.client_config() | {"logger": log})
        asked = admin.describe_topics(TopicCollection(list(TOPICS)), request_timeout=ANSWER_S)
        found = {}
        for name, future in asked.items():
            try:
                topic = future.result(2 * ANSWER_S)
            except KafkaException as fault:
                if fault.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                    raise
            else:
                found[name] = (str(topic.topic_id), len(topic.partitions))
        if not found:
            raise Unreachable(f"{' and '.join(TOPICS)} are not there yet")
        return found

    def _drop(self) -> None:
        self._look_at_s = 0.0
        if self._reading is not None:
            self._reading.close()
            self._reading = None

    def _complain(self, trouble: str) -> None:
        if trouble != self._trouble:
            log.warning("what the cluster tells does not come back: %s; it waits in Kafka", trouble)
        self._trouble = trouble
