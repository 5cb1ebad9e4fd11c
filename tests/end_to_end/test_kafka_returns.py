"""A real backend before a real broker holds each alert that comes back to it once; what she sought is among them."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from contextlib import closing
from datetime import timedelta

import httpx
import pytest
from confluent_kafka import Producer

from endcap.clock import SystemClock
from endcap.messages import CUSTOMERS_ALERTS
from endcap.testing import an_alert
from endcap.wire import write_instant
from endcap_backend.__main__ import main
from endcap_backend.log import LogReader
from endcap_backend.pipeline.cluster.topics import topics
from endcap_backend.pipeline.kafka import KafkaSettings
from endcap_backend.pipeline.stages.topics import ensure_topics

pytestmark = pytest.mark.kafka
WAIT_S = 60.0
KILLS, EACH = 5, 400
KEYS = 3


@pytest.fixture
def kafka(kafka_emptied):
    settings = KafkaSettings(kafka_emptied.bootstrap)
    ensure_topics(settings, [topic.name for topic in topics()])
    return settings


@pytest.fixture
def backend(kafka, serve_with):
    return serve_with(pipeline="kafka", kafka_bootstrap_servers=kafka.kafka_bootstrap_servers, min_free_mb=0)


class Cluster:
    """Whatever decides: it writes alerts, in transactions, of which some come to nothing."""

    def __init__(self, kafka):
        self._producer = Producer(kafka.client_config() | {"transactional.id": "decider"})
        self._producer.init_transactions(WAIT_S)
        self._number = 0

    def tell(self, uids, count):
        """So many alerts, each shopper's in turn; their ids in order."""
        alerts = [self._next(uids) for _ in range(count)]
        for alerts_of, ends in ((alerts[: count // 2], self._producer.abort_transaction), (alerts, self._commit)):
            self._producer.begin_transaction()
            for each in alerts_of:
                self._producer.produce(CUSTOMERS_ALERTS, each.to_text(), each.uid)
            ends(WAIT_S)
        return [each.id for each in alerts]

    def _commit(self, timeout_s):
        self._producer.commit_transaction(timeout_s)

    def _next(self, uids):
        self._number += 1
        uid, expires_at = uids[self._number % len(uids)], SystemClock().now() + timedelta(minutes=15)
        return an_alert(id=f"a{self._number:05}", uid=uid, sku=self._number, expires_at=expires_at)


def alerts_of(backend):
    with closing(LogReader(backend.data / "log.db")) as log:
        return log.read(0, 100_000, (CUSTOMERS_ALERTS,))


def until(backend, satisfied):
    clock = SystemClock()
    deadline_s = clock.monotonic() + WAIT_S
    with closing(LogReader(backend.data / "log.db")) as log:
        while not satisfied(found := log.read(0, 100_000, (CUSTOMERS_ALERTS,))):
            assert clock.monotonic() < deadline_s, len(found)
            log.wait(log.end(), 0.02)
    return found


def test_each_alert_comes_back_once_over_five_kills_is_exported_and_goes_with_her(backend, kafka, a_shopper):
    shoppers = [a_shopper(backend) for _ in range(KEYS)]
    cluster, told = Cluster(kafka), []
    for _ in range(KILLS):
        before = len(alerts_of(backend))
        told += cluster.tell([each.uid for each in shoppers], EACH)
        until(backend, lambda found: len(found) > before)  # noqa: B023
        backend.kill()  # amid them
        backend.start()
    found = until(backend, lambda found: len(found) >= len(told))
    assert Counter(each.id for each in found) == Counter(told)
    for shopper in shoppers:
        hers = [each.id for each in found if each.key == shopper.uid]
        assert hers == sorted(hers)

    her, url = shoppers[0], f"{backend.url}/v1/me"
    export = httpx.get(f"{url}/export", headers=her.bearer, timeout=WAIT_S).raise_for_status().json()
    exported = [each["value"]["id"] for each in export["records"] if each["topic"] == CUSTOMERS_ALERTS]
    assert exported == [each.id for each in found if each.key == her.uid]
    httpx.delete(url, headers=her.bearer, timeout=WAIT_S).raise_for_status()
    late = cluster.tell([each.uid for each in shoppers], 60)
    until(backend, lambda found: len({each.id for each in found} & set(late)) == 40)
    assert her.uid not in {each.key for each in alerts_of(backend)}


@pytest.fixture
def worker(kafka, tmp_path):
    """`endcap-backend worker match decide` with the shop's database, ready; it is ended with the test."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("ENDCAP_")}
    env["ENDCAP_KAFKA_BOOTSTRAP_SERVERS"] = kafka.kafka_bootstrap_servers
    command = [sys.executable, "-m", "endcap_backend", "worker", "match", "decide", "--data", str(tmp_path / "data")]
    with (tmp_path / "worker.err").open("wb") as errors:
        process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=errors, text=True)
    line = process.stdout.readline()
    assert line, (tmp_path / "worker.err").read_text()[-3000:]
    assert "decide" in json.loads(line)["stages"]
    yield process
    process.send_signal(signal.SIGTERM)
    process.wait(WAIT_S)
    process.stdout.close()


@pytest.fixture
def loaded(tmp_path, a_shop):
    assert main(["load", *a_shop(1), "--data", str(tmp_path / "data")]) == 0


def test_what_she_put_on_her_list_is_told_by_the_cluster_and_stands_in_her_export(loaded, backend, worker, a_shopper):
    her = a_shopper(backend)
    item = {"id": "w1", "text": "Tea", "sku": 0, "quantity": 1, "position": 1.0, "done": False, "removed": False}
    said = {"items": [{**item, "changed_at": write_instant(SystemClock().now())}]}
    url = f"{backend.url}/v1/wishlist"
    httpx.put(url, json=said, headers=her.bearer, timeout=WAIT_S).raise_for_status()
    assert her.post(her.fix(1)).status_code == 202
    record, *_ = until(backend, lambda found: found)
    export = httpx.get(f"{backend.url}/v1/me/export", headers=her.bearer, timeout=WAIT_S).raise_for_status().json()
    alert, *_ = (each["value"] for each in export["records"] if each["topic"] == CUSTOMERS_ALERTS)
    assert (record.key, alert["uid"], alert["kind"]) == (her.uid, her.uid, "wanted")
    assert "On your list, " in alert["why"]
