"""A real broker and a real Flink, one of each for all tests, and a match of one's own on them."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import confluent_kafka
import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from endcap_backend.match.flink.gateway import SqlGateway
from endcap_backend.match.flink.job import submit
from endcap_backend.match.flink.settings import FlinkSettings
from endcap_backend.match.flink.statements import flink_statements
from endcap_devkit.flink.cluster import FlinkCluster
from endcap_devkit.kafka.broker import KafkaBroker

# a stage of its own, `make test-flink`: it needs a folder of 828 MB that the default run does without
collect_ignore_glob = [] if os.environ.get("ENDCAP_FLINK_HOME") else ["test_*.py"]

TOPICS = ("stores_products", "products_promotions", "customers_locations", "VALID_PROMOTIONS", "NEARBY_CUSTOMERS")
WAIT_S = 180.0  # for what takes ten seconds on a quiet machine
# golden records are of other years, and some are a hundred years ahead
KEEP = {"retention.ms": "-1", "message.timestamp.after.max.ms": str(2**63 - 1)}

Sent = tuple[str, str | None, bytes | None, int]


@dataclass(frozen=True)
class Row:
    """A record of an output topic; its value parsed, decimals exact."""

    key: str | None
    value: dict[str, Any]
    timestamp_ms: int


@dataclass
class Match:
    """One match with topics of its own, of one partition each."""

    broker: KafkaBroker
    prefix: str
    job: str = ""

    def make_topics(self) -> None:
        admin = AdminClient(self.broker.client_config())
        made = admin.create_topics([NewTopic(self.prefix + topic, 1, 1, config=KEEP) for topic in TOPICS])
        for each in made.values():
            each.result(30)

    def send(self, records: Iterable[Sent]) -> None:
        """Records as (topic, key, value, timestamp in ms); each is acknowledged when this returns."""
        producer = confluent_kafka.Producer(self.broker.client_config() | {"enable.idempotence": True})
        for topic, key, value, timestamp_ms in records:
            producer.produce(self.prefix + topic, value, key, timestamp=timestamp_ms)
            producer.poll(0)
        assert producer.flush(60) == 0

    def rows(
        self, until: Callable[[list[Row]], bool], topic: str = "NEARBY_CUSTOMERS", isolation: str = "read_committed"
    ) -> list[Row]:
        """The rows of a topic from its beginning, once `until` says that they are all there."""
        group = {"group.id": "not-used", "isolation.level": isolation}
        consumer = confluent_kafka.Consumer(self.broker.client_config() | group)
        consumer.assign([confluent_kafka.TopicPartition(self.prefix + topic, 0, confluent_kafka.OFFSET_BEGINNING)])
        found: list[Row] = []
        deadline = time.monotonic() + WAIT_S
        while not until(found):
            assert time.monotonic() < deadline, f"{topic}: {len(found)} rows came, the last of them {found[-1:]}"
            found += [as_row(each) for each in consumer.consume(1000, 0.5)]
        consumer.close()
        return found


def as_row(message: confluent_kafka.Message) -> Row:
    assert message.error() is None, message.error()
    key = message.key()
    value = json.loads(message.value(), parse_float=Decimal)
    return Row(None if key is None else key.decode(), value, message.timestamp()[1])


@pytest.fixture(scope="session")
def cluster() -> Iterator[FlinkCluster]:
    with FlinkCluster() as running:
        yield running


@pytest.fixture(scope="session")
def topics_on() -> Callable[[KafkaBroker, str], Match]:
    """The topics of a match that is yet to be submitted, by their prefix."""

    def made(broker: KafkaBroker, prefix: str) -> Match:
        match = Match(broker, prefix)
        match.make_topics()
        return match

    return made


@pytest.fixture(scope="session")
def own_topics(kafka_broker: KafkaBroker, topics_on: Callable[[KafkaBroker, str], Match]) -> Callable[[str], Match]:
    """The same on the broker that all tests share, by the match's name."""
    return lambda name: topics_on(kafka_broker, f"{name}-")


@pytest.fixture(scope="session")
def start(cluster: FlinkCluster, own_topics: Callable[[str], Match]) -> Callable[..., Match]:
    """Start a match: `start("name", flink_form="seed", ...)`."""

    def started(name: str, **settings: Any) -> Match:
        match = own_topics(name)
        given = FlinkSettings(flink_name=name, flink_topic_prefix=match.prefix, **settings)
        statements = flink_statements(match.broker.client_config(), given)
        with SqlGateway(cluster.gateway_url, given.job_options()) as gateway:
            match.job = submit(gateway, statements, name)
        return match

    return started


@pytest.fixture(scope="session")
def cancel(cluster: FlinkCluster) -> Callable[[Match], None]:
    """End a match, so that it takes no time from the next."""

    def cancelled(match: Match) -> None:
        with SqlGateway(cluster.gateway_url, {}) as gateway:
            gateway.execute(f"STOP JOB '{match.job}'")

    return cancelled
