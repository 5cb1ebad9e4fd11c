"""A consumer group whose results and position are written in one transaction: each record counts once, whoever dies.

Workers share a stage's partitions. One that dies is missed after six seconds; its open transaction is undone, and who
takes over goes on from the last position that was committed, with the state rebuilt from the topics. After any error
of a transaction a worker does the same to itself: producer, consumer and state are thrown away and made anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from random import Random
from threading import Event, Thread
from typing import Any
from uuid import uuid4

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from endcap.clock import Clock, SystemClock
from endcap.errors import EndcapError, Unreachable
from endcap_backend.pipeline.clientlog import client_log
from endcap_backend.pipeline.kafka import PARTITIONER, KafkaSettings
from endcap_backend.pipeline.stages.flow import Flow
from endcap_backend.pipeline.stages.records import Inflow, Outflow, Start, Work, dead_letter, inflow

log = client_log("endcap.stages")

BATCH = 500
READ = 5000  # records at once
MOST_IN_HAND = 2000  # records of a partition read ahead; then reading it pauses, and only it: others may be waited for
IDLE_S = 0.1
COMMIT_EVERY_S = 1.0  # of positions that nothing was written for
TELL_EVERY_S = 0.1  # of what the work says of itself
SESSION_TIMEOUT_MS = 6000  # how soon a dead worker is missed; brokers allow no less
TRANSACTION_TIMEOUT_MS = 10_000  # how long a dead worker's transaction may keep readers waiting
CALL_TIMEOUT_S = 30.0
ABORT_TIMEOUT_S = 2.0
RETRY_FIRST_S = 0.5
RETRY_MOST_S = 15.0
FAULTS_IN_A_ROW = 20  # dead letters after which it is no poisoned record but ourselves

MakeWork = Callable[[], Work]


class Stage:
    """One worker's part in a stage: reads `topics` as a member of `group`, on a thread of its own, `endcap-<name>`.

    `make_work` gives the state, anew after every error. A record that can't be handled goes to `<topic>_dlq`. Of
    several topics `Flow` gives the order; `hold_s` is how long it holds those that follow the first.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        name: str,
        topics: Collection[str],
        make_work: MakeWork,
        *,
        clock: Clock | None = None,
        commit_every_s: float = COMMIT_EVERY_S,
        hold_s: float | None = None,
        overrides: Mapping[str, Any] | None = None,
    ) -> None:
        self.name = name
        self._settings = settings
        self._group = f"endcap-{name}"
        self._topics = tuple(topics)
        self._make_work = make_work
        self._clock = clock or SystemClock()
        self._commit_every_s = commit_every_s
        self._hold_s = hold_s
        self._overrides = dict(overrides or {})
        self._consumer: Consumer | None = None
        self._producer: Producer | None = None
        self._work: Work | None = None
        self._flows: dict[int, Flow] = {}
        self._let_go: dict[int, Flow] = {}  # of the last assignment; some come back
        self._committed: dict[int, tuple[dict[str, int | None], str]] = {}
        self._committed_at_s = 0.0
        self._paused: set[tuple[str, int]] = set()
        self._trouble = "not connected yet"
        self._counts: Counter[str] = Counter(records=0, written=0, transactions=0, reconnects=0, faults=0, rebuilt=0)
        self._lag = 0
        self._told: Mapping[str, float] = {}  # what the work told of itself last, on its own thread
        self._told_at_s = 0.0
        self._faults_in_a_row = 0
        self.stopping = Event()  # set by `stop`; work that waits looks at it
        self._thread: Thread | None = None

    def start(self) -> None:
        self._thread = Thread(target=self._run, name=f"endcap-{self.name}", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float = 15.0) -> None:
        """Finish the transaction in hand and leave the group, so that others take over at once. Idempotent."""
        self.stopping.set()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def alive(self) -> bool:
        """False when it has given up, or was never started."""
        return self._thread is not None and self._thread.is_alive()

    def ready(self) -> bool:
        """True while it has its part of the partitions, none perhaps, and Kafka takes what it writes."""
        return self.alive() and not self._trouble

    @property
    def trouble(self) -> str:
        """Why it does not get on, in words; "" while it does."""
        return self._trouble

    def stats(self) -> Mapping[str, float]:
        """Its own counters, `lag` in records over its partitions, and what its work tells."""
        return {
            "up": float(self.ready()),
            "lag": float(self._lag),
            "partitions": float(len(self._flows)),
            **self._counts,
            **self._told,
        }

    # The rest runs on the stage's thread alone.

    def _run(self) -> None:
        backoff_s = 0.0
        luck = Random()
        while not self.stopping.is_set():
            try:
                if self._consumer is None:
                    self._connect()
                self._turn()
                if not self._trouble:
                    backoff_s = 0.0
            except (KafkaException, Unreachable) as fault:
                self._counts["reconnects"] += 1
                self._drop()
                self._complain(_words(fault))
                backoff_s = min(RETRY_MOST_S, max(RETRY_FIRST_S, backoff_s * 2))
                self._clock.wait(self.stopping, backoff_s * luck.uniform(0.5, 1.0))
            except EndcapError as fault:
                self._trouble = str(fault)
                log.error("%s stopped: %s", self.name, fault)
                break
            except Exception:
                self._trouble = "a fault of ours; the worker's log has it"
                log.exception("%s stopped", self.name)
                break
        if self._consumer is not None:
            with suppress(KafkaException):
                self._commit(())
        self._drop()

    def _connect(self) -> None:
        common = self._settings.client_config() | {"logger": log, "error_cb": self._heard}
        reading = {
            "group.id": self._group,
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "partition.assignment.strategy": "range",  # partition n of every topic goes to one worker
            "session.timeout.ms": SESSION_TIMEOUT_MS,
            "max.poll.interval.ms": 900_000,  # a share may pause for half a minute, each of them in turn
            "heartbeat.interval.ms": SESSION_TIMEOUT_MS // 3,
            "fetch.wait.max.ms": 100,
            "topic.metadata.refresh.interval.ms": 10_000,  # a topic made while we joined is not missed for minutes
        }
        writing = {
            "transactional.id": f"{self._group}-{uuid4()}",  # a dead worker is fenced by the group, not by its name
            "transaction.timeout.ms": TRANSACTION_TIMEOUT_MS,
            "message.timeout.ms": TRANSACTION_TIMEOUT_MS,
            "linger.ms": 5,  # a commit does not wait for it
            "retry.backoff.ms": 2,  # a transaction meets the end of the one before it: 100 ms are lost otherwise
            "compression.type": "lz4",
            "partitioner": PARTITIONER,
        }
        self._work = self._make_work()
        self._producer = Producer(common | writing | self._overrides)
        self._producer.init_transactions(CALL_TIMEOUT_S)
        self._consumer = Consumer(common | reading)
        self._consumer.subscribe(
            list(self._topics), on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost
        )
        self._trouble = ""

    def _turn(self) -> None:
        """Read what has come, have it handled, write what came of it."""
        self._read()
        self._build()
        assert self._work is not None
        shares = {number: flow.share for number, flow in self._flows.items() if flow.share is not None}
        self._work.look(shares)
        produced: list[Outflow] = []
        for flow in list(self._flows.values()):
            if self._clock.monotonic() >= flow.not_before_s:
                produced += self._handle(flow)
        spoiled = any(flow.share is None for flow in self._flows.values())
        if produced or spoiled or self._clock.monotonic() - self._committed_at_s >= self._commit_every_s:
            self._commit(produced)
        if self._clock.monotonic() - self._told_at_s >= TELL_EVERY_S:
            self._told, self._told_at_s = self._work.stats(), self._clock.monotonic()

    def _read(self) -> None:
        assert self._consumer is not None
        now_s = self._clock.monotonic()
        self._pause()
        waits = [flow.not_before_s - now_s for flow in self._flows.values() if flow.is_busy()]
        busy = any(each <= 0 for each in waits)
        message = self._consumer.poll(0.0 if busy else max(0.0, min([IDLE_S, *waits])))
        if message is None:
            return
        self._take(message)
        for each in self._consumer.consume(READ, 0.0):
            self._take(each)

    def _take(self, message: Message) -> None:
        error = message.error()
        flow = self._flows.get(message.partition())
        if error is None:
            if flow is not None:
                flow.put(inflow(message))
        elif error.code() != KafkaError._PARTITION_EOF:
            raise KafkaException(error)
        elif flow is not None:
            flow.end(message.topic())

    def _pause(self) -> None:
        """Read no further in partitions of which enough is in hand, and go on with those of which it is not."""
        assert self._consumer is not None
        full = {
            (topic, number)
            for number, flow in self._flows.items()
            for topic in self._topics
            if flow.waiting(topic) >= MOST_IN_HAND
        }
        if stop := full - self._paused:
            self._consumer.pause([TopicPartition(*place) for place in stop])
        if go_on := self._paused - full:
            self._consumer.resume([TopicPartition(*place) for place in go_on])
        self._paused = full

    def _build(self) -> None:
        """Give each new partition its state."""
        missing = {number: flow for number, flow in self._flows.items() if flow.share is None}
        if not missing:
            return
        assert self._consumer is not None
        assert self._work is not None
        asked = [TopicPartition(topic, number) for number in missing for topic in self._topics]
        committed = {number: Start({}, "") for number in missing}
        for each in self._consumer.committed(asked, CALL_TIMEOUT_S):
            if each.error is not None:
                raise KafkaException(each.error)
            start = committed[each.partition]
            position = None if each.offset < 0 else each.offset
            note = each.metadata if position is not None and each.metadata else start.note
            committed[each.partition] = Start({**start.positions, each.topic: position}, note)
        fresh: dict[int, Start] = {}
        for number, start in committed.items():
            kept = self._let_go.get(number)
            if kept is not None and kept.share is not None and kept.positions == dict(start.positions):
                missing[number].share = kept.share
            else:
                fresh[number] = start
            missing[number].positions = dict(start.positions)
            self._committed[number] = (dict(start.positions), start.note)
        self._let_go.clear()
        for number, share in self._work.take_on(fresh).items() if fresh else ():
            missing[number].share = share
            self._counts["rebuilt"] += 1

    def _handle(self, flow: Flow) -> Sequence[Outflow]:
        assert flow.share is not None
        records = flow.first(1 if flow.singly else BATCH)
        try:
            outcome = flow.share.handle(records)
        except (KafkaException, EndcapError):
            raise
        except Exception:
            return self._after_fault(flow, records)
        self._faults_in_a_row = 0
        flow.done(outcome.done)
        flow.not_before_s = self._clock.monotonic() + outcome.wait_s if outcome.wait_s else 0.0
        self._counts["records"] += outcome.done
        return outcome.produced

    def _after_fault(self, flow: Flow, records: Sequence[Inflow]) -> Sequence[Outflow]:
        """In an exception handler: look for the record at fault, or put it aside once it is alone.

        What it did to the state before it failed is undone: the state is rebuilt.
        """
        self._faults_in_a_row += 1
        if self._faults_in_a_row > FAULTS_IN_A_ROW or not records:
            raise
        flow.share = None
        if len(records) > 1:
            flow.singly = len(records)
            return ()
        log.exception("%s can't handle a record and puts it aside", self.name)
        self._counts["faults"] += 1
        flow.done(1)
        return (dead_letter(records[0], "a fault of ours; the worker's log has it", self.name),)

    def _commit(self, produced: Sequence[Outflow]) -> None:
        """Write what came of it together with the positions, or nothing of it."""
        self._committed_at_s = self._clock.monotonic()
        moved = {}
        for number, flow in self._flows.items():
            note = flow.share.note() if flow.share is not None else self._committed.get(number, ({}, ""))[1]
            if self._committed.get(number) != (flow.positions, note):
                moved[number] = (dict(flow.positions), note)
        self._lag = self._behind()
        assert self._producer is not None
        assert self._consumer is not None
        if not produced and not moved:
            if self._trouble:
                self._consumer.list_topics(self._topics[0], CALL_TIMEOUT_S)  # raises while nobody answers
                self._trouble = ""
            return
        self._producer.begin_transaction()
        for record in produced:
            self._produce(record)
        offsets = [
            TopicPartition(topic, number, offset, note)
            for number, (positions, note) in moved.items()
            for topic, offset in positions.items()
            if offset is not None
        ]
        if offsets:
            self._producer.send_offsets_to_transaction(
                offsets, self._consumer.consumer_group_metadata(), CALL_TIMEOUT_S
            )
        self._producer.commit_transaction(CALL_TIMEOUT_S)
        self._trouble = ""
        self._committed |= moved
        self._counts["transactions"] += 1
        self._counts["written"] += len(produced)

    def _produce(self, record: Outflow) -> None:
        assert self._producer is not None
        facts: dict[str, Any] = {"value": record.value, "key": record.key, "timestamp": record.timestamp_ms}
        if record.partition >= 0:
            facts["partition"] = record.partition
        if record.headers:
            facts["headers"] = dict(record.headers)
        while True:
            try:
                self._producer.produce(record.topic, **facts)
                return
            except BufferError:
                self._producer.poll(0.05)  # librdkafka's queue is full: let it send

    def _behind(self) -> int:
        """Records in hand, and those the brokers still have: offsets, so a transaction's end counts as one."""
        assert self._consumer is not None
        lag = sum(map(len, self._flows.values()))
        for number, flow in self._flows.items():
            for topic in self._topics:
                _, high = self._consumer.get_watermark_offsets(TopicPartition(topic, number), cached=True)
                if high >= 0 and not flow.at_end(topic):
                    lag += max(0, high - (flow.positions.get(topic) or 0) - len(flow))
        return lag

    def _assigned(self, _: Consumer, partitions: Sequence[TopicPartition]) -> None:
        numbers = {each.partition for each in partitions}
        self._flows = {
            number: Flow(self._topics, dict.fromkeys(self._topics), self._hold_s, self._clock.monotonic)
            for number in numbers
        }
        self._paused = set()
        log.info("%s has partitions %s", self.name, sorted(numbers))

    def _revoked(self, _: Consumer, __: Sequence[TopicPartition]) -> None:
        if self._flows:
            self._commit(())  # others may have them next
        self._lost(_, __)

    def _lost(self, _: Consumer, __: Sequence[TopicPartition]) -> None:
        self._let_go, self._flows = self._flows, {}
        self._committed.clear()

    def _drop(self) -> None:
        """Throw away what talks to Kafka and all state."""
        if self._producer is not None:
            with suppress(KafkaException):  # nothing is open, or the broker is away and will time it out
                self._producer.abort_transaction(ABORT_TIMEOUT_S)
        self._flows = {}
        if self._consumer is not None:
            with suppress(KafkaException):
                self._consumer.close()
        if self._work is not None:
            self._work.close()
        self._consumer = self._producer = self._work = None
        self._flows, self._let_go = {}, {}
        self._committed.clear()

    def _heard(self, error: KafkaError) -> None:
        self._complain(error.str())

    def _complain(self, trouble: str) -> None:
        if trouble != self._trouble:
            log.warning("%s does not get on: %s; what it has not done stays in its topics", self.name, trouble)
        self._trouble = trouble


def _words(fault: Exception) -> str:
    error = fault.args[0]
    return error.str() if isinstance(error, KafkaError) else str(fault)
