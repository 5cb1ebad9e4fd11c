"""Parity mode on Kafka: what ksqlDB emitted for the golden cases, row for row and in order.

Topics keep the order of their own records only. So a case is replayed when its inputs, taken from three topics by
time as Kafka Streams takes them, come in the order in which ksqlDB got them.
"""

import base64
import gzip
import json
import re
from collections import defaultdict, deque
from pathlib import Path

import pytest

from endcap.messages import NEARBY_CUSTOMERS, VALID_PROMOTIONS
from endcap_backend.match.engine import SOURCE_TOPICS
from endcap_backend.pipeline.stages.parity import parity_stage

pytestmark = pytest.mark.kafka
GOLDEN = Path(__file__).parents[2] / "match" / "golden" / "cases.jsonl.gz"
DISTANCE = re.compile(r'(?<="DIST_TO_STORE":)[^}]+(?=}$)')
OUTPUTS = (VALID_PROMOTIONS, NEARBY_CUSTOMERS)
ANY_TIME = {"message.timestamp.after.max.ms": str(2**63 - 1), "retention.ms": "-1"}
REPLAYED = 80  # at least so many of the 126 keep their order on a cluster


def keeps_its_order(inputs):
    """Whether a merge by time of the three topics gives the inputs as they stand, with times a broker takes."""
    if any(not 0 <= each["ts"] < 2**62 for each in inputs):
        return False
    queues = {topic: deque(each for each in inputs if each["topic"] == topic) for topic in SOURCE_TOPICS}
    merged = []
    while waiting := [topic for topic in SOURCE_TOPICS if queues[topic]]:
        earliest = min(waiting, key=lambda topic: queues[topic][0]["ts"])
        merged.append(queues[earliest].popleft())
    return merged == inputs


def cases():
    with gzip.open(GOLDEN, "rt", encoding="utf-8") as lines:
        return [case for case in map(json.loads, lines) if keeps_its_order(case["inputs"])]


def value_of(each):
    if "value_b64" in each:
        return base64.b64decode(each["value_b64"])
    return None if each["value"] is None else each["value"].encode()


def parted(key, value, timestamp_ms):
    """The exact row, and apart from it the distance as a number: maths libraries differ in the last bit."""
    distance = DISTANCE.search(value)
    return key, DISTANCE.sub("", value), 0.0 if distance is None else float(distance[0]), timestamp_ms


def rows_by_partition(cluster, topic):
    rows = defaultdict(list)
    for each in cluster.committed(topic):
        rows[each.partition()].append(parted(each.key().decode(), each.value().decode(), each.timestamp()[1]))
    return rows


def expected(case, topic):
    rows = [parted(row["key"], row["value"], row["ts"]) for row in case["outputs"].get(topic, [])]
    return [(key, text, pytest.approx(distance, rel=1e-9, abs=1e-6), at_ms) for key, text, distance, at_ms in rows]


def test_enough_golden_cases_keep_their_order_on_a_cluster():
    assert len(cases()) >= REPLAYED


def test_golden_cases_give_the_rows_that_ksqldb_gave_each_in_a_partition_of_its_own(cluster, running, until):
    replayed = cases()
    cluster.remake((*SOURCE_TOPICS, *OUTPUTS), len(replayed), **ANY_TIME)
    for number, case in enumerate(replayed):
        for each in case["inputs"]:
            cluster.write(each["topic"], each["key"], value_of(each), each["ts"], partition=number)
    cluster.flush()
    stage = running(parity_stage(cluster.settings))
    until(lambda: stage.stats()["records"] == sum(len(case["inputs"]) for case in replayed))
    stage.stop()
    for topic in OUTPUTS:
        rows = rows_by_partition(cluster, topic)
        for number, case in enumerate(replayed):
            assert rows[number] == expected(case, topic), (case["id"], topic)


def test_a_restart_goes_on_with_what_the_joins_held(cluster, running, until):
    case = next(each for each in cases() if each["id"] == "window-vp-time-is-max")
    half = len(case["inputs"]) // 2
    cluster.remake((*SOURCE_TOPICS, *OUTPUTS), 1, **ANY_TIME)
    for part in (case["inputs"][:half], case["inputs"][half:]):
        for each in part:
            cluster.write(each["topic"], each["key"], value_of(each), each["ts"])
        cluster.flush()
        stage = running(parity_stage(cluster.settings))
        until(lambda stage=stage, part=part: stage.stats()["records"] == len(part))
        stage.stop()
    for topic in OUTPUTS:
        assert rows_by_partition(cluster, topic)[0] == expected(case, topic)


def test_more_records_than_are_read_ahead_do_not_keep_the_other_topics_from_being_read(
    cluster, running, until, monkeypatch
):
    monkeypatch.setattr("endcap_backend.pipeline.stages.stage.MOST_IN_HAND", 5)
    monkeypatch.setattr("endcap_backend.pipeline.stages.stage.READ", 5)
    cluster.remake((*SOURCE_TOPICS, *OUTPUTS), 1, **ANY_TIME)
    for topic in SOURCE_TOPICS:  # the first is read long before the others
        for number in range(200):
            cluster.write(topic, "k", "{}", 1_764_000_000_000 + number)
        cluster.flush()
    stage = running(parity_stage(cluster.settings))
    until(lambda: stage.stats()["records"] == 200 * len(SOURCE_TOPICS))
