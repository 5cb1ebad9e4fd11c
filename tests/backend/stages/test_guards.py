"""What makes a stage exactly once, and what comes of it without."""

import json
from collections import Counter

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer

from endcap.messages import CUSTOMERS_ALERTS, CUSTOMERS_LOCATIONS, NearbyPromotion
from endcap.testing import a_location
from endcap_backend.decide import Limits
from endcap_backend.pipeline.stages import route
from endcap_backend.pipeline.stages import stage as stages
from endcap_backend.pipeline.stages.decide import decide_stage
from endcap_backend.pipeline.stages.match import match_stage
from endcap_backend.pipeline.stages.route import route_stage
from endcap_backend.pipeline.stages.topics import LOCATIONS_BY_CELL

pytestmark = pytest.mark.kafka


class WithoutPositions(Producer):
    """A producer whose transactions leave the positions out."""

    def send_offsets_to_transaction(self, positions, group, timeout=-1):
        assert positions


def twice_started(cluster, running):
    """Ten fixes, a restart, ten more: how often each came through."""
    for first in (0, 10):
        cluster.put(*(a_location(uid="ann", id=f"ann:{n}") for n in range(first, first + 10)))
        stage = running(route_stage(cluster.settings))
        cluster.until(LOCATIONS_BY_CELL, lambda found, first=first: len(found) >= first + 10)
        stage.stop()
    return Counter(json.loads(each.value())["id"] for each in cluster.committed(LOCATIONS_BY_CELL))


def test_with_the_position_in_the_transaction_a_restart_doubles_nothing(cluster, running):
    assert twice_started(cluster, running) == Counter(f"ann:{n}" for n in range(20))


def test_without_it_a_restart_doubles(cluster, running, monkeypatch):
    monkeypatch.setattr(stages, "Producer", WithoutPositions)
    assert [id for id, count in twice_started(cluster, running).items() if count > 1]


class Undone(Producer):
    """A producer whose first transaction with an alert comes to nothing."""

    undone = 0
    _tells = False

    def produce(self, topic, **facts):
        self._tells = self._tells or topic == CUSTOMERS_ALERTS
        super().produce(topic, **facts)

    def commit_transaction(self, timeout_s):
        if self._tells and not Undone.undone:
            Undone.undone += 1
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        super().commit_transaction(timeout_s)


def test_who_was_told_in_a_transaction_that_came_to_nothing_is_told_by_the_next(cluster, running, monkeypatch):
    monkeypatch.setattr(stages, "Producer", Undone)
    monkeypatch.setattr(Undone, "undone", 0)
    running(decide_stage(cluster.settings, Limits()))
    cluster.put(NearbyPromotion("ann", 60.17, 24.94, "p1", 7, "tea", 40.0, title="Tea week"))
    (told,) = cluster.until(CUSTOMERS_ALERTS, len)
    assert json.loads(told.value())["pid"] == "p1"
    assert Undone.undone == 1


def test_what_was_written_and_undone_is_never_read(cluster, running):
    undone = Producer(cluster.settings.client_config() | {"transactional.id": "undone"})
    undone.init_transactions(30)
    undone.begin_transaction()
    undone.produce(CUSTOMERS_LOCATIONS, key="ann", value=a_location(uid="ann", id="ann:1").to_text())
    undone.flush(30)
    undone.abort_transaction(30)
    cluster.put(a_location(uid="ann", id="ann:2"))
    running(route_stage(cluster.settings))
    (routed,) = cluster.until(LOCATIONS_BY_CELL, len)
    assert json.loads(routed.value())["id"] == "ann:2"


def test_a_record_our_own_code_fails_on_is_put_aside_and_its_neighbours_pass(cluster, running, monkeypatch):
    def region_of(latitude_deg, longitude_deg):
        if latitude_deg == 1.0:
            raise ZeroDivisionError
        return 7

    monkeypatch.setattr(route, "region_of", region_of)
    fixes = [a_location(uid="ann", id=f"ann:{n}", latitude_deg=float(n)) for n in range(4)]
    cluster.put(*fixes)
    running(route_stage(cluster.settings))
    found = cluster.until(LOCATIONS_BY_CELL, lambda found: len(found) >= 3)
    assert [json.loads(each.value())["id"] for each in found] == ["ann:0", "ann:2", "ann:3"]
    (letter,) = cluster.committed(f"{CUSTOMERS_LOCATIONS}_dlq")
    assert json.loads(json.loads(letter.value())["value"])["id"] == "ann:1"


def test_a_partition_that_goes_and_comes_back_keeps_its_state(cluster, running, until):
    first = running(match_stage(cluster.settings))
    second = match_stage(cluster.settings)
    second.start()
    until(lambda: second.stats()["partitions"] == 2)  # the first gave up all of its own, and got two of them back
    second.stop()
    until(lambda: first.stats()["partitions"] == 4)
    assert first.ready()
    until(lambda: first.stats()["rebuilt"] == 4 + 2)
