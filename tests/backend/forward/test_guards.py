"""Each guard of the forwarder, taken away: the checker then finds what it guards against."""

import json
import os
import signal
from collections import Counter
from datetime import UTC, datetime

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from endcap.clock import SystemClock
from endcap.wire import epoch_ms
from endcap_backend.log import Appended, Log, LogFull, NewRecord
from endcap_backend.pipeline import forward, poison, sending
from endcap_backend.pipeline.forward import Forwarder
from endcap_backend.pipeline.kafka import KafkaSettings
from endcap_backend.pipeline.marks import MARKS, make_marks_topic, read_mark
from endcap_backend.pipeline.sending import Sending
from endcap_backend.pipeline.stages import reading
from endcap_backend.pipeline.stages.reading import ends_of, places_of, read_between
from endcap_backend.pipeline.stages.topics import ensure_topics

pytestmark = pytest.mark.kafka
TOPIC = "customers_locations"
TOPICS = (TOPIC, f"{TOPIC}_dlq")
WAIT_S = 180
NOW_MS = epoch_ms(datetime.now(UTC))  # a broker takes away what is a week old


@pytest.fixture
def settings(kafka_emptied):
    found = KafkaSettings(kafka_emptied.bootstrap)
    make_marks_topic(found)  # not last: in the newest topic a broker killed at once has left a transaction without end
    admin = AdminClient(found.client_config())
    for topic in TOPICS:
        admin.create_topics([NewTopic(topic, 3, config={"max.message.bytes": "20000"})])[topic].result(WAIT_S)
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

    def start(log, settings, kind=Forwarder, **options):
        started.append(kind(log, settings, **options))
        started[-1].start()
        return started[-1]

    yield start
    for forwarder in started:
        forwarder.stop()


def some(count, first=0):
    return [NewRecord(TOPIC, "u1", json.dumps({"n": n}), NOW_MS + n, f"i:{n}") for n in range(first, first + count)]


def problems(settings, acknowledged):
    """What is wrong with what came of acknowledged records; nothing when each is in Kafka once."""
    spans = {place: (0, end) for place, end in ends_of(settings, places_of(settings, (TOPIC,)), settled=True).items()}
    found = Counter(json.loads(each.value)["n"] for each in read_between(settings, spans))
    return [f"{n} is there {found[n]} times" for n in sorted(acknowledged) if found[n] != 1]


def there(numbers, times):
    return [f"{n} is there {times} times" for n in numbers]


def until(holds):
    clock = SystemClock()
    deadline_s = clock.monotonic() + WAIT_S
    while not holds():
        assert clock.monotonic() < deadline_s, "it did not happen in time"
        signal.sigtimedwait([], 0.02)


def caught_up(forwarder):
    until(lambda: forwarder.stats()["forward lag"] == 0)


def settled(settings):
    """Whether the broker has closed every transaction; one that it has not is left open when it is killed."""
    places = places_of(settings, [TOPIC, MARKS])
    return ends_of(settings, places) == ends_of(settings, places, settled=True)


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
    monkeypatch.setattr(sending, "read_mark", lambda *_, **__: None)
    assert restarted(a_log(), settings, forwarding) == there(range(20), 2)


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

    monkeypatch.setattr(sending, "read_mark", anyones)
    assert fresh_beside_old(a_log, settings, forwarding) == there(range(100, 105), 0)


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
    assert two_at_once(a_log(), settings, forwarding, *identities) == there(range(60), 2)


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


SOON = {"message.timeout.ms": 2500, "transaction.timeout.ms": 3000}


class Hopeful(Forwarder):
    """Takes for sent what it has handed over, whatever became of it, once it is told to hope."""

    hopes = False
    _over = 0

    def _forward(self, block):
        try:
            super()._forward(block)
        except KafkaException:
            self._over = block.end if self.hopes else self._over
            raise

    def _connect(self):
        super()._connect()
        self._position = max(self._position, self._over)


@pytest.mark.parametrize(("kind", "lost"), [(Forwarder, []), (Hopeful, range(10, 20))])
def test_what_an_outage_meets_half_way_is_sent_again(a_log, settings, forwarding, kafka_emptied, kind, lost):
    log = a_log()
    log.append(some(10))
    forwarder = forwarding(log, settings, kind, overrides=SOON)
    caught_up(forwarder)
    until(lambda: settled(settings))
    forwarder.hopes = True  # not before: a slow machine may time out what comes first
    kafka_emptied.kill()
    log.append(some(10, first=10))
    until(lambda: forwarder.stats()["forward retries"])
    kafka_emptied.start()
    caught_up(forwarder)
    assert problems(settings, range(20)) == there(lost, 0)


class Untransacted(Producer):
    """A producer that numbers nothing and ties nothing together: Kafka takes what comes, as often as it comes."""

    def __init__(self, config):
        mine = {name: value for name, value in config.items() if not name.startswith("transaction")}
        super().__init__(mine | {"enable.idempotence": False, "message.timeout.ms": 60_000})

    def init_transactions(self, timeout_s):
        self.list_topics(timeout=timeout_s)

    def begin_transaction(self):
        """There is none."""

    def commit_transaction(self, timeout_s):
        assert self.flush(WAIT_S) == 0

    def abort_transaction(self, timeout_s):
        self.purge()


@pytest.mark.parametrize("kind", [Producer, Untransacted])
def test_what_a_frozen_broker_takes_late_is_there_once(a_log, settings, forwarding, kafka_emptied, monkeypatch, kind):
    """The broker finds in its socket what timed out long ago, and besides what was sent again."""
    monkeypatch.setattr(sending, "Producer", kind)
    log = a_log()
    log.append(some(10))
    forwarder = forwarding(log, settings, overrides={"socket.timeout.ms": 1000})
    caught_up(forwarder)
    kafka_emptied.freeze()
    log.append(some(10, first=10))
    until(lambda: forwarder.trouble)
    kafka_emptied.thaw()
    caught_up(forwarder)
    found = problems(settings, range(20))
    assert bool(found) == (kind is Untransacted), found


class Interrupted(Sending):
    """Its first records have arrived when something comes between them and the commit."""

    _interrupted = False

    def commit(self, offset):
        if offset and not self._interrupted:
            self._interrupted = True
            assert self._now().flush(WAIT_S) == 0
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        super().commit(offset)


class ReadsAll(Consumer):
    def __init__(self, config):
        super().__init__(config | {"isolation.level": "read_uncommitted"})


@pytest.mark.parametrize(("kind", "doubled"), [(Consumer, []), (ReadsAll, range(10))])
def test_who_reads_only_what_is_committed_sees_nothing_twice(a_log, settings, forwarding, monkeypatch, kind, doubled):
    log = a_log()
    log.append(some(10))
    monkeypatch.setattr(forward, "Sending", Interrupted)
    caught_up(forwarding(log, settings))
    monkeypatch.setattr(reading, "Consumer", kind)
    assert problems(settings, range(10)) == there(doubled, 2)
