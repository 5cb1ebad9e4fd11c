"""A consumer of the log: it goes on where it stood, and stores what came of a batch together with its position."""

import json
import sqlite3
import threading
from contextlib import closing
from threading import Event

import pytest

from endcap_backend.log import Log, NewRecord
from endcap_backend.pipeline.consumer import FAULTS_IN_A_ROW, LogConsumer, Outcome


@pytest.fixture
def consume(records):
    """Starts a consumer of the topic "in" that writes each value to "out"; what it read is in the list returned."""
    running = []

    def start(log=records, *, fail_on=(), broken=None, after=0, clock=None, size=0):
        seen, faults = [], []

        def handle(batch):
            if any(each.value in fail_on for each in batch):
                faults.append(batch)
                if len(faults) == after:
                    broken.set()
                raise RuntimeError("a fault of our own")
            seen.extend(each.value for each in batch)
            return Outcome(
                [NewRecord("out", None, each.value.ljust(size), 0, each.value) for each in batch], len(batch)
            )

        consumer = LogConsumer(log, "copy", ("in",), handle, clock=clock)
        running.append(consumer)
        consumer.start()
        return consumer, seen

    yield start
    for consumer in running:
        consumer.stop()


def values(log, topic):
    return [each.value for each in log.read(0, 10_000, (topic,))]


def put(log, *names, topic="in"):
    log.append([NewRecord(topic, None, name, 0) for name in names])


def test_every_record_of_its_topics_is_handled_once_in_order(records, consume, until):
    put(records, "a", "b")
    consume()
    put(records, "x", topic="other")
    put(records, "c")
    assert until(records, lambda: values(records, "out") == ["a", "b", "c"])


def test_a_stopped_consumer_goes_on_where_it_stood(records, consume, until):
    first, _ = consume()
    put(records, "a", "b")
    assert until(records, lambda: len(values(records, "out")) == 2)
    first.stop()
    put(records, "c")
    _, seen = consume()
    assert until(records, lambda: len(values(records, "out")) == 3)
    assert seen == ["c"]


def test_a_position_and_what_came_of_it_are_stored_together(records, consume, until):
    put(records, *[str(n) for n in range(1200)])
    consume()
    checked = 0
    while len(values(records, "out")) < 1200:
        position = records.committed("copy")
        assert len(values(records, "out")) >= sum(each.offset <= position for each in records.read(0, 2000, ("in",)))
        checked += 1
        records.wait(records.end(), 0.01)
    assert checked


def test_records_of_other_topics_move_the_position_too(records, consume, until):
    put(records, "a")
    consumer, _ = consume()
    assert until(records, lambda: values(records, "out") == ["a"])
    put(records, *["x"] * 700, topic="other")
    while consumer.stats()["lag"]:
        records.wait(records.end(), 0.01)
    consumer.stop()
    assert records.committed("copy") == records.end()


def test_waiting_for_some_topics_is_not_ended_by_others(records):
    put(records, "x", topic="other")
    put(records, "a")
    end = records.end()
    put(records, "y", topic="other")
    assert not records.wait(end, 0.01, ("in",))
    assert records.wait(end, 0.01)
    waiting = threading.Thread(target=lambda: put(records, "b"))
    waiting.start()
    assert records.wait(end, 10, ("in",))
    waiting.join()


def test_a_record_that_breaks_the_handler_is_put_aside_and_its_neighbours_pass(records, consume, until, caplog):
    put(records, "a", "b", "bad", "c")
    consumer, _ = consume(fail_on=["bad"])
    assert until(records, lambda: values(records, "out") == ["a", "b", "c"])
    (letter,) = records.read(0, topics=["in_dlq"])
    assert json.loads(letter.value)["value"] == "bad"
    assert json.loads(letter.value)["where"] == "copy"
    assert consumer.ready()
    assert "a fault of our own" in caplog.text


def test_when_every_record_breaks_the_handler_it_ends_and_moves_no_further(records, consume):
    put(records, *[f"bad{n}" for n in range(100)])
    broken = Event()
    consumer, _ = consume(fail_on=[f"bad{n}" for n in range(100)], broken=broken, after=FAULTS_IN_A_ROW + 2)
    assert broken.wait(10)
    consumer.stop()
    assert not consumer.ready()
    assert len(records.read(0, topics=["in_dlq"])) == FAULTS_IN_A_ROW
    end = records.end()
    again, seen = consume()
    assert records.wait(end, 30)
    again.stop()
    assert seen[0] == f"bad{FAULTS_IN_A_ROW}"


def test_a_full_disk_makes_it_wait_and_nothing_is_lost(tmp_path, clock, consume, until):
    log = Log(tmp_path / "full.db", clock=clock)
    put(log, "a")
    with closing(sqlite3.connect(tmp_path / "full.db", isolation_level=None)) as other:
        (pages,) = other.execute("PRAGMA page_count").fetchone()
    limit_pages(log, pages)
    consume(log, clock=clock, size=20_000)
    assert clock.until_waiting()
    assert log.committed("copy") == 0
    limit_pages(log, 1_000_000)
    clock.advance(1)
    assert until(log, lambda: len(values(log, "out")) == 1)
    log.close()


def limit_pages(log, pages):
    """Stands for a disk that fills up: SQLite then says what it says there."""
    log.transact(lambda connection: connection.execute(f"PRAGMA max_page_count = {pages}").fetchone())
