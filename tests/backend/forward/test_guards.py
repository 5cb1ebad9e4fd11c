"""Each guard of the forwarder, taken away: the checker then finds what it guards against."""

import json
import os
import signal
from collections import Counter

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from endcap.clock import SystemClock
from endcap_backend.log import Appended, Log, LogFull, NewRecord
from endcap_backend.pipeline import forward, poison
from endcap_backend.pipeline.forward import Forwarder
from endcap_backend.pipeline.kafka import KafkaSettings
from endcap_backend.pipeline.marks import read_mark
from endcap_backend.pipeline.stages.reading import ends_of, places_of, read_between
from endcap_backend.pipeline.stages.topics import ensure_topics

pytestmark = pytest.mark.kafka
TOPIC = "customers_locations"
TOPICS = (TOPIC, f"{TOPIC}_dlq")
WAIT_S = 60


@pytest.fixture
def settings(kafka_emptied):
    found = KafkaSettings(kafka_emptied.bootstrap)
    admin = AdminClient(found.client_config())
    made = [NewTopic(topic, 3, config={"max.message.bytes": "20000"}) for topic in TOPICS]
    for future in admin.create_topics(made).values():
        future.result(WAIT_S)
    ensure_topics(found, TOPICS)
    return found


@pytest.fixture
def a_log(tmp_path):
    """Makes logs, which are closed with the test."""
    made = []

    def make(kind=Log, **options):
        made.append(kind(tmp_path / f"{len(made)}.db", **{"min_free_bytes": 0, **options}))
        return made[-1]

    yield make
    for log in made:
        log.close()


@pytest.fixture
def forwarding():
    """Starts forwarders, which stop with the test."""
    started = []

    def start(log, settings, **options):
        started.append(Forwarder(log, settings, **options))
        started[-1].start()
        return started[-1]

    yield start
    for forwarder in started:
        forwarder.stop()


def some(count, first=0):
    return [
        NewRecord(TOPIC, "u1", json.dumps({"n": n}), 1_764_000_000_000 + n, f"i:{n}")
        for n in range(first, first + count)
    ]


def problems(settings, acknowledged):
    """What is wrong with what came of acknowledged records; nothing when each is in Kafka once."""
    spans = {place: (0, end) for place, end in ends_of(settings, places_of(settings, (TOPIC,)), settled=True).items()}
    found = Counter(json.loads(each.value)["n"] for each in read_between(settings, spans))
    return [f"{n} is there {found[n]} times" for n in sorted(acknowledged) if found[n] != 1]


def until(holds):
    clock = SystemClock()
    deadline_s = clock.monotonic() + WAIT_S
    while not holds():
        assert clock.monotonic() < deadline_s, "it did not happen in time"
        signal.sigtimedwait([], 0.02)


def caught_up(forwarder):
    until(lambda: forwarder.stats()["forward lag"] == 0)


def restarted(log, settings, forwarding):
    """Twenty records, a stop, twenty more."""
    for first in (0, 20):
        log.append(some(20, first))
        forwarder = forwarding(log, settings)
        caught_up(forwarder)
        forwarder.stop()
    return problems(settings, range(40))


def test_with_the_mark_a_restart_doubles_nothing(a_log, settings, forwarding):
    assert restarted(a_log(), settings, forwarding) == []


def test_without_the_mark_in_the_transaction_a_restart_doubles(a_log, settings, forwarding, monkeypatch):
    monkeypatch.setattr(forward, "read_mark", lambda *_, **__: None)
    assert restarted(a_log(), settings, forwarding) == [f"{n} is there 2 times" for n in range(20)]


def fresh_beside_old(a_log, settings, forwarding):
    """A log that was forwarded, then another file in its place."""
    for first in (0, 100):
        log = a_log()
        log.append(some(5, first))
        forwarder = forwarding(log, settings)
        caught_up(forwarder)
        forwarder.stop()
    return problems(settings, [*range(5), *range(100, 105)])


def test_a_mark_keyed_by_the_logs_own_uuid_lets_a_fresh_one_begin(a_log, settings, forwarding):
    assert fresh_beside_old(a_log, settings, forwarding) == []


def test_a_mark_keyed_by_anything_else_swallows_a_fresh_log(a_log, settings, forwarding, monkeypatch):
    old = []

    def anyones(settings, uuid, **options):
        old.append(uuid)
        return read_mark(settings, old[0], **options)

    monkeypatch.setattr(forward, "read_mark", anyones)
    assert fresh_beside_old(a_log, settings, forwarding) == [f"{n} is there 0 times" for n in range(100, 105)]


def two_at_once(log, settings, forwarding, *identities):
    older, newer = (forwarding(log, settings, overrides=each) for each in identities)
    until(lambda: older.stats()["forward transactions"] and newer.stats()["forward transactions"])
    for first in range(0, 60, 10):
        log.append(some(10, first))
        until(lambda: max(each.stats()["forward records"] for each in (older, newer)) and any_done(older, newer))
    return problems(settings, range(60))


def any_done(*forwarders):
    return all(each.stats()["forward lag"] == 0 or each.trouble for each in forwarders)


def test_of_two_forwarders_one_is_fenced(a_log, settings, forwarding):
    assert two_at_once(a_log(), settings, forwarding, {}, {}) == []


def test_two_forwarders_that_are_not_fenced_double(a_log, settings, forwarding):
    identities = ({"transactional.id": f"unfenced-{n}"} for n in range(2))
    assert two_at_once(a_log(), settings, forwarding, *identities) == [f"{n} is there 2 times" for n in range(60)]


class ForgivingLog(Log):
    """A log that says yes although the disk is full."""

    def append(self, records):
        try:
            return super().append(records)
        except LogFull:
            return [Appended(0, False) for _ in records]


@pytest.mark.parametrize(("kind", "lost"), [(Log, 0), (ForgivingLog, 10)])
def test_what_a_full_log_refuses_is_not_acknowledged(a_log, settings, forwarding, kind, lost):
    log = a_log(kind, max_records=1000)
    acknowledged = []
    for first in range(0, 1010, 10):
        try:
            log.append(some(10, first))
        except LogFull:
            continue
        acknowledged += range(first, first + 10)
    caught_up(forwarding(log, settings))
    assert len(problems(settings, acknowledged)) == lost


def poisoned():
    records = some(10)
    much = os.urandom(40_000).hex()  # more than the topic takes, also once it is compressed
    records[4] = NewRecord(TOPIC, "u1", json.dumps({"n": 4, "much": much}), records[4].timestamp_ms, "i:4")
    return records


def test_without_dead_letters_a_poisoned_record_holds_up_its_neighbours(a_log, settings, forwarding, monkeypatch):
    monkeypatch.setattr(poison, "POISON", set())
    log = a_log()
    log.append(poisoned())
    forwarder = forwarding(log, settings)
    until(lambda: forwarder.stats()["forward retries"] >= 1)
    forwarder.stop()
    assert len(problems(settings, range(10))) == 10
