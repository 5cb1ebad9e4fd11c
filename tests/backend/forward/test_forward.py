"""The forwarder against a real broker: each acknowledged record is in Kafka once, whatever dies."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType

from endcap.clock import SystemClock
from endcap.testing import ManualClock
from endcap.wire import epoch_ms
from endcap_backend.log import Log, LogFull, NewRecord
from endcap_backend.pipeline.forward import NOTE_EVERY_S, POSITION, Forwarder
from endcap_backend.pipeline.kafka import KafkaSettings
from endcap_backend.pipeline.marks import MARKS, read_mark
from endcap_backend.pipeline.sending import DLQ_VALUE_CHARS
from endcap_backend.pipeline.stages.reading import ends_of, places_of
from endcap_backend.pipeline.stages.topics import ensure_topics

pytestmark = pytest.mark.kafka
TOPIC = "customers_locations"
WAIT_S = 60
NOW_MS = epoch_ms(datetime.now(UTC))  # a broker takes away what is a week old


@pytest.fixture
def broker(kafka_broker):
    return kafka_broker


@pytest.fixture
def settings(broker):
    admin = AdminClient(broker.client_config())
    for future in admin.delete_topics([TOPIC, f"{TOPIC}_dlq"]).values():
        future.exception(WAIT_S)
    made = admin.create_topics([NewTopic(TOPIC, 3, config={"max.message.bytes": "20000"}), NewTopic(f"{TOPIC}_dlq", 1)])
    for future in made.values():
        until(lambda future=future: future.exception(WAIT_S) is None)
    return KafkaSettings(broker.bootstrap)


@pytest.fixture
def log(tmp_path):
    with_log = Log(tmp_path / "log.db", min_free_bytes=0)
    yield with_log
    with_log.close()


def until(holds):
    clock, deadline = SystemClock(), SystemClock().monotonic() + WAIT_S
    while not (found := holds()):
        assert clock.monotonic() < deadline, "it did not happen in time"
        signal.sigtimedwait([], 0.02)
    return found


def some(count, first=0):
    return [
        NewRecord(TOPIC, f"u{n % 7}", json.dumps({"n": n}), NOW_MS + n, f"i:{n}") for n in range(first, first + count)
    ]


def in_kafka(settings, topic=TOPIC):
    """All committed records of a topic, partition by partition in order.

    To the very end: a transaction that was committed just now may look open for a moment.
    """
    ends = ends_of(settings, places_of(settings, (topic,)), settled=True)
    consumer = Consumer(
        settings.client_config()
        | {
            "group.id": "checker",
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 20,
        }
    )
    consumer.assign([TopicPartition(*place, OFFSET_BEGINNING) for place in ends])
    found, ended = [], set()
    while len(ended) < len(ends):
        message = consumer.poll(WAIT_S)
        if message.error() is None:
            found.append(message)
        else:
            assert message.error().code() == KafkaError._PARTITION_EOF
            if message.offset() >= ends[topic, message.partition()]:
                ended.add(message.partition())
    consumer.close()
    return found


def numbers(messages):
    return [json.loads(message.value())["n"] for message in messages]


def caught_up(forwarder):
    return until(lambda: forwarder.stats()["forward lag"] == 0)


def test_records_arrive_once_with_key_value_and_time(log, settings):
    log.append(some(50))
    forwarder = Forwarder(log, settings)
    forwarder.start()
    caught_up(forwarder)
    log.append(some(10, first=50))
    caught_up(forwarder)
    forwarder.stop()
    messages = in_kafka(settings)
    assert sorted(numbers(messages)) == list(range(60))
    assert {(m.key().decode(), m.timestamp()[1]) for m in messages} == {(f"u{n % 7}", NOW_MS + n) for n in range(60)}


def test_each_shopper_keeps_her_order(log, settings):
    log.append(some(70))
    forwarder = Forwarder(log, settings)
    forwarder.start()
    caught_up(forwarder)
    forwarder.stop()
    for shopper in range(7):
        hers = [n for n in numbers(in_kafka(settings)) if n % 7 == shopper]
        assert hers == sorted(hers)


def test_a_restart_goes_on_where_the_mark_stands(log, settings):
    for first in (0, 20):
        log.append(some(20, first))
        forwarder = Forwarder(log, settings)
        forwarder.start()
        caught_up(forwarder)
        forwarder.stop()
    assert Counter(numbers(in_kafka(settings))) == Counter(range(40))


def test_a_fresh_log_beside_an_old_mark_loses_nothing(log, settings, tmp_path):
    log.append(some(20))
    first = Forwarder(log, settings)
    first.start()
    caught_up(first)
    first.stop()
    fresh = Log(tmp_path / "fresh.db", min_free_bytes=0)
    fresh.append(some(5, first=100))
    second = Forwarder(fresh, settings)
    second.start()
    caught_up(second)
    second.stop()
    fresh.close()
    assert sorted(numbers(in_kafka(settings))) == [*range(20), *range(100, 105)]


def test_a_broker_that_dies_and_comes_back_gets_every_record_once(log, settings, broker):
    forwarder = Forwarder(log, settings)
    forwarder.start()
    log.append(some(100))
    caught_up(forwarder)
    broker.kill()
    log.append(some(100, first=100))  # taken although nobody is there
    until(lambda: forwarder.trouble)
    assert not forwarder.ready()
    assert forwarder.stats()["forward oldest unsent s"] > 0
    broker.start()
    caught_up(forwarder)
    forwarder.stop()
    assert Counter(numbers(in_kafka(settings))) == Counter(range(200))


def test_a_frozen_broker_doubles_nothing(log, settings, broker):
    forwarder = Forwarder(log, settings, overrides={"transaction.timeout.ms": 3000, "message.timeout.ms": 2500})
    forwarder.start()
    log.append(some(100))
    caught_up(forwarder)
    broker.freeze()
    log.append(some(100, first=100))
    until(lambda: forwarder.stats()["forward retries"] or forwarder.trouble)
    broker.thaw()
    caught_up(forwarder)
    forwarder.stop()
    assert Counter(numbers(in_kafka(settings))) == Counter(range(200))


def test_of_two_forwarders_the_older_stops(log, settings):
    older, newer = Forwarder(log, settings), Forwarder(log, settings)
    older.start()
    log.append(some(10))
    caught_up(older)
    newer.start()
    until(lambda: newer.stats()["forward transactions"])
    log.append(some(10, first=10))
    until(lambda: "another forwarder" in older.trouble)
    caught_up(newer)
    newer.stop()
    assert not older.ready()
    assert Counter(numbers(in_kafka(settings))) == Counter(range(20))


def test_a_record_kafka_refuses_is_dead_lettered_once_and_its_neighbours_pass(log, settings):
    records = some(10)
    poison = os.urandom(75_000).hex()
    records[4] = NewRecord(TOPIC, "u4", poison, records[4].timestamp_ms, "i:poison")
    log.append(records)
    forwarder = Forwarder(log, settings)
    forwarder.start()
    caught_up(forwarder)
    forwarder.stop()
    assert sorted(numbers(in_kafka(settings))) == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    (letter,) = [json.loads(message.value()) for message in in_kafka(settings, f"{TOPIC}_dlq")]
    assert (letter["where"], letter["offset"], letter["value"]) == ("forwarder", 5, poison[:DLQ_VALUE_CHARS])
    assert "large" in letter["reason"].lower()
    assert forwarder.stats()["forward dead lettered"] == 1


def test_what_is_not_for_kafka_counts_as_no_lag(log, settings):
    log.append(some(5))
    log.append([NewRecord("customers_alerts", "u1", "{}", NOW_MS, "a1")])
    forwarder = Forwarder(log, settings)
    forwarder.start()
    caught_up(forwarder)
    forwarder.stop()
    assert sorted(numbers(in_kafka(settings))) == list(range(5))


def test_a_backlog_goes_in_one_transaction(log, settings):
    ensure_topics(settings, ("customers_events",))
    log.append([replace(each, topic="customers_events") for each in some(9000)])
    forwarder = Forwarder(log, settings)
    forwarder.start()
    caught_up(forwarder)
    forwarder.stop()
    assert forwarder.stats()["forward transactions"] == 2  # one says who owns the log
    assert Counter(numbers(in_kafka(settings, "customers_events"))) == Counter(range(9000))


def test_records_that_are_too_many_for_a_topics_request_go_in_fewer(log, settings):
    incompressible = [
        replace(each, value=f'{{"n": {n}, "x": "{os.urandom(60).hex()}"}}') for n, each in enumerate(some(900))
    ]
    log.append(incompressible)
    forwarder = Forwarder(log, settings)
    forwarder.start()
    caught_up(forwarder)
    forwarder.stop()
    assert Counter(numbers(in_kafka(settings))) == Counter(range(900))
    stats = forwarder.stats()
    assert (stats["forward dead lettered"], stats["forward retries"] > 0) == (0, True)
    assert stats["forward transactions"] < 50


def test_the_logs_own_note_is_written_once_a_second_and_at_the_end(log, settings):
    clock = ManualClock()
    forwarder = Forwarder(log, settings, clock=clock)
    forwarder.start()
    log.append(some(10))
    caught_up(forwarder)
    assert log.committed(POSITION) == 0
    clock.advance(NOTE_EVERY_S)
    until(lambda: log.committed(POSITION) == 10)
    log.append(some(10, first=10))
    caught_up(forwarder)
    assert log.committed(POSITION) == 10
    forwarder.stop()
    assert log.committed(POSITION) == 20


class FullLog(Log):
    """The log on a disk that takes no further byte."""

    def commit(self, consumer, offset, records=()):
        raise LogFull("the disk is full")


def test_a_full_disk_does_not_end_the_forwarding(settings, tmp_path):
    log = FullLog(tmp_path / "full.db", min_free_bytes=0)
    log.append(some(5))
    forwarder = Forwarder(log, settings)
    forwarder.start()
    caught_up(forwarder)
    log.append(some(5, first=5))
    caught_up(forwarder)
    assert forwarder.ready()
    forwarder.stop()
    assert log.committed(POSITION) == 0
    log.close()
    assert Counter(numbers(in_kafka(settings))) == Counter(range(10))


CHILD = """
import sys, time
from pathlib import Path
from endcap_backend.log import Log
from endcap_backend.pipeline.forward import Forwarder
from endcap_backend.pipeline.kafka import KafkaSettings
log = Log(Path(sys.argv[1]), min_free_bytes=0)
soon = {"transaction.timeout.ms": 5000, "message.timeout.ms": 4000}
forwarder = Forwarder(log, KafkaSettings(sys.argv[2]), overrides=soon)
forwarder.start()
moved = 0
while True:
    log.wait(log.end(), 0.01)
    if (now := forwarder.stats()["forward transactions"]) != moved:
        moved = now
        print(int(forwarder.stats()["forward lag"]), flush=True)
"""


def forwarder_process(path, settings):
    order = [sys.executable, "-c", CHILD, str(path), settings.kafka_bootstrap_servers]
    return subprocess.Popen(order, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def test_a_forwarder_killed_in_mid_burst_loses_and_doubles_nothing(log, settings, tmp_path):
    log.append([record for first in range(0, 8000, 500) for record in some(500, first)])
    path = log.path
    log.close()
    for left in (8000, 6000, 3000):  # killed as soon as so few are left
        child = forwarder_process(path, settings)
        while int(child.stdout.readline()) > left:
            pass
        os.kill(child.pid, signal.SIGKILL)
        child.wait(WAIT_S)
        child.stdout.close()
    reopened = Log(path, min_free_bytes=0)
    forwarder = Forwarder(reopened, settings)
    forwarder.start()
    caught_up(forwarder)
    forwarder.stop()
    assert read_mark(settings, reopened.uuid).offset == reopened.end()
    reopened.close()
    assert Counter(numbers(in_kafka(settings))) == Counter(range(8000))


def test_the_marks_topic_is_compacted(log, settings):
    forwarder = Forwarder(log, settings)
    forwarder.start()
    until(lambda: forwarder.stats()["forward transactions"])
    forwarder.stop()
    admin = AdminClient(settings.client_config())
    (future,) = admin.describe_configs([ConfigResource(ResourceType.TOPIC, MARKS)]).values()
    assert future.result(WAIT_S)["cleanup.policy"].value == "compact"
