"""What the log promises when its process dies or its disk is full."""

import json
import random
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from endcap_backend.log import Log, LogFull, NewRecord

HERE = Path(__file__).parent
KILLS = 8
THREADS = 8


def started(script, *arguments):
    command = [sys.executable, str(HERE / script), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def acked_until_killed(path, run, lines):
    """The ids a process saw acknowledged before it was killed in the middle of its work."""
    with started("produce.py", path, run, THREADS) as process:
        acked = [process.stdout.readline() for _ in range(lines)]
        process.kill()
        acked += process.stdout.readlines()
    return [id for line in acked if line.endswith("\n") for id in line.split()]


def record_like(record):
    return NewRecord(record.topic, record.key, record.value, record.timestamp_ms, record.id)


def test_killed_again_and_again_it_loses_and_doubles_nothing_it_acknowledged(path, open_log):
    chance = random.Random(9)
    acked = []
    for run in range(KILLS):
        acked += acked_until_killed(path, run, chance.randrange(1, 400))
    log = open_log()
    records = log.read(0, limit=1_000_000)
    stored = Counter(record.id for record in records)
    assert len(acked) > KILLS
    assert all(each.duplicate for each in log.append([record_like(each) for each in records]))
    assert [id for id in acked if stored[id] != 1] == []
    assert set(stored.values()) == {1}


def test_a_log_left_by_a_killed_process_goes_on_in_order(path, open_log, a_record):
    acked_until_killed(path, 0, 50)
    log = open_log()
    before = log.end()
    (appended,) = log.append([a_record()])
    assert appended.offset > before
    offsets = [record.offset for record in log.read(0, limit=100_000)]
    assert offsets == sorted(set(offsets))


def test_another_process_tails_the_log_while_it_grows(path):
    with started("produce.py", path, 0, THREADS) as process:
        acked = process.stdout.readline().split()
        reader = Log.open_readonly(path)
        seen = []
        while len(seen) < 500:
            after = seen[-1].offset if seen else 0
            assert reader.wait(after, timeout_s=20)
            seen += reader.read(after)
        reader.close()
        process.kill()
        process.stdout.read()
    assert set(acked) <= {record.id for record in seen}
    assert [record.offset for record in seen] == sorted({record.offset for record in seen})


def test_a_full_disk_refuses_without_a_false_word_and_recovers_by_itself(path, open_log):
    with started("fill.py", path, 1_500_000) as process:
        told = json.loads(process.stdout.read())
    assert (process.returncode, told["room"]) == (0, 0)
    assert told["full"] > 0
    assert told["again"] > 0
    log = open_log()
    assert [record.id for record in log.read(0, limit=10_000)] == told["acked"]
    assert log.committed("match") == log.end()
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_below_the_free_space_that_is_kept_it_refuses(open_log, a_record):
    log = open_log(min_free_bytes=2**60)
    with pytest.raises(LogFull, match=r"the disk has \d+ bytes left") as full:
        log.append([a_record()])
    assert full.value.retry_after_s > 0
    assert log.stats().refused == 1


def test_at_its_bound_of_records_it_refuses_until_some_are_gone(open_log, a_record):
    log = open_log(max_records=2)
    appended = log.append([a_record(), a_record()])
    with pytest.raises(LogFull, match="the log holds 2 records"):
        log.append([a_record()])
    log.discard([appended[0].offset])
    log.append([a_record()])


def test_when_it_is_full_consumers_still_get_on(open_log, a_record):
    log = open_log(max_records=1)
    (read,) = log.append([a_record()])
    log.commit("match", read.offset, [a_record(topic="customers_alerts")])
    assert log.committed("match") == read.offset
