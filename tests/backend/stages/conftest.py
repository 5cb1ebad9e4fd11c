"""What the tests of the stages share: an empty cluster, and hands to write to it and read from it."""

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime

import httpx
import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from endcap.clock import SystemClock
from endcap.messages import (
    CUSTOMERS_ALERTS,
    CUSTOMERS_LOCATIONS,
    NEARBY_CUSTOMERS,
    PRODUCTS_PROMOTIONS,
    STORES_PRODUCTS,
)
from endcap.wire import epoch_ms
from endcap_backend.pipeline.kafka import PARTITIONER, KafkaSettings
from endcap_backend.pipeline.stages.reading import ends_of
from endcap_backend.pipeline.stages.topics import LOCATIONS_BY_CELL
from endcap_backend.retail.database import Database

WAIT_S = 180.0  # a loaded machine takes its time, and a killed worker is missed late
PARTITIONS = 4
TOPICS = (
    CUSTOMERS_LOCATIONS, STORES_PRODUCTS, PRODUCTS_PROMOTIONS, LOCATIONS_BY_CELL, NEARBY_CUSTOMERS, CUSTOMERS_ALERTS,
)  # fmt: skip
KEYS = {"uid": "uid", "SKU": "sku", "segment": "segment"}


class Cluster:
    """An empty cluster with the product's topics."""

    def __init__(self, broker):
        self.settings = KafkaSettings(broker.bootstrap)
        self._producer = Producer(self.settings.client_config() | {"linger.ms": 0, "partitioner": PARTITIONER})
        self.make(TOPICS)

    def make(self, topics, partitions=PARTITIONS, **config):
        admin = AdminClient(self.settings.client_config())
        for future in admin.create_topics([NewTopic(name, partitions, config=config) for name in topics]).values():
            future.result(WAIT_S)
        until(lambda: set(topics) <= set(admin.list_topics(timeout=WAIT_S).topics))

    def remake(self, topics, partitions=PARTITIONS, **config):
        """The same topics anew, without a record and without what any group had read of them."""
        admin = AdminClient(self.settings.client_config())
        for future in admin.delete_topics(list(topics)).values():
            future.exception(WAIT_S)
        until(lambda: not set(topics) & set(admin.list_topics(timeout=WAIT_S).topics))
        self.make(topics, partitions, **config)

    def put(self, *messages, at_ms=None):
        """Write messages, all of one time: now, unless told otherwise."""
        for message in messages:
            key = str(getattr(message, KEYS[type(message).KEY]))
            self.write(type(message).TOPIC, key, message.to_text(), at_ms)
        self.flush()

    def write(self, topic, key, value, at_ms=None, **options):
        time_ms = epoch_ms(datetime.now(UTC)) if at_ms is None else at_ms
        while True:
            try:
                self._producer.produce(topic, key=key, value=value, timestamp=time_ms, **options)
                return
            except BufferError:
                self._producer.poll(0.1)

    def flush(self):
        assert self._producer.flush(WAIT_S) == 0

    def committed(self, topic):
        """All committed records of a topic, partition by partition in order."""
        return list(self._read(topic))

    def until(self, topic, satisfied):
        """Read a topic until what was read by a moment when nothing more came satisfies a condition; all of it."""
        found, clock = [], SystemClock()
        deadline_s = clock.monotonic() + WAIT_S
        for message in self._read(topic, to_end=False):
            if message is not None:
                found.append(message)
            elif satisfied(found):
                return found
            assert clock.monotonic() < deadline_s, f"{len(found)} records of {topic}"
        raise AssertionError

    def _read(self, topic, to_end=True):
        consumer = Consumer(
            self.settings.client_config()
            | {
                "group.id": "checker",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 20,
            }
        )
        try:
            partitions = consumer.list_topics(topic, WAIT_S).topics[topic].partitions
            consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in partitions])
            # a transaction's marks are written one after the other: its records may show a moment after its end
            ends = ends_of(self.settings, [(topic, number) for number in partitions], settled=True)
            ended = set()
            while not to_end or len(ended) < len(partitions):
                message = consumer.poll(0.02)
                if message is not None and message.error() is None:
                    yield message
                elif message is not None:
                    assert message.error().code() == KafkaError._PARTITION_EOF, message.error()
                    if message.offset() >= ends[topic, message.partition()]:
                        ended.add(message.partition())
                elif not to_end:
                    yield None
        finally:
            consumer.close()


class WorkerProcess:
    """`endcap-backend worker` as a process of its own."""

    def __init__(self, cluster, folder, *words, **settings):
        env = {name: value for name, value in os.environ.items() if not name.startswith("ENDCAP_")}
        env["ENDCAP_KAFKA_BOOTSTRAP_SERVERS"] = cluster.settings.kafka_bootstrap_servers
        env["ENDCAP_DATA"] = str(folder / "shop")  # none, unless a test makes one there
        env |= {f"ENDCAP_{name.upper()}": str(value) for name, value in settings.items()}
        self.errors = folder / f"worker-{id(self)}.err"
        with self.errors.open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "endcap_backend", "worker", *words],
                env=env, stdout=subprocess.PIPE, stderr=errors, text=True,
            )  # fmt: skip

    def ready(self):
        """Returns once it reads its topics."""
        line = self.process.stdout.readline()
        assert line, self.errors.read_text()[-3000:]
        self._metrics = json.loads(line)["metrics"]
        return self

    def figures(self):
        """What it says of itself at /metrics, by name."""
        try:
            text = httpx.get(self._metrics, timeout=WAIT_S).text
        except httpx.TransportError as fault:
            raise AssertionError(self.errors.read_text()[-4000:]) from fault
        return {name: float(value) for name, value in re.findall(r'endcap_pipeline{stat="([^"]+)"} (\S+)', text)}

    def kill(self):
        self.process.kill()
        self.end()

    def stop(self):
        """SIGTERM; its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.end()

    def end(self):
        status = self.process.wait(WAIT_S)
        self.process.stdout.close()
        return status


@pytest.fixture
def cluster(kafka_emptied):
    return Cluster(kafka_emptied)


@pytest.fixture
def database(tmp_path):
    """The shop's, which holds the days' secrets."""
    with closing(Database(f"sqlite:///{tmp_path}/retail.db")) as database:
        yield database


@pytest.fixture
def worker(cluster, tmp_path):
    """Starts worker processes, which end with the test."""
    started = []

    def start(*words, **settings):
        started.append(WorkerProcess(cluster, tmp_path, *words, **settings))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
            each.end()


@pytest.fixture
def running():
    """Runs stages in this process until the test ends; they are ready when this returns."""
    started = []

    def run(*stages):
        for stage in stages:
            started.append(stage)
            stage.start()
        until(lambda: all(stage.ready() and stage.stats()["partitions"] for stage in stages))
        return stages[0] if len(stages) == 1 else stages

    yield run
    for stage in started:
        stage.stop()


def until(holds):
    """Wait, bounded, until something in another thread holds."""
    clock = SystemClock()
    deadline_s = clock.monotonic() + WAIT_S
    while not (found := holds()):
        assert clock.monotonic() < deadline_s, "it did not happen in time"
        signal.sigtimedwait([], 0.02)
    return found


@pytest.fixture(name="until")
def until_():
    return until
