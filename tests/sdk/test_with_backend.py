"""The whole SDK in front of the product's own backend and the local Ably, each a real server."""

import json
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta

import pytest

import endcap
from endcap import Purpose
from endcap.messages import CUSTOMERS_EVENTS, CUSTOMERS_LOCATIONS
from endcap.testing import SHOP, ScriptedSource, a_fix, an_alert
from endcap_backend.log import Log
from endcap_devkit.ably_server import AblyServer

SHOP_FENCE = endcap.Geofence("s1/coffee", endcap.Circle(endcap.LatLon(*SHOP), radius_m=30.48))


class Served:
    """`endcap-backend serve` as a process of its own."""

    def __init__(self, data, ably):
        environment = {
            **os.environ,
            "ENDCAP_ABLY_KEY": ably.key,
            "ENDCAP_ABLY_ENDPOINT": f"http://localhost:{ably.port}",
        }
        command = [sys.executable, "-m", "endcap_backend", "serve", "--port", "0", "--data", str(data)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True)
        self.url = json.loads(self._process.stdout.readline())["http"]
        self.log = Log.open_readonly(data / "log.db")

    def records(self, topic):
        return [json.loads(record.value) for record in self.log.read(0, 5000, topics=[topic])]

    def close(self):
        self.log.close()
        self._process.terminate()
        self._process.wait(20)
        self._process.stdout.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with AblyServer() as ably:
        served = Served(tmp_path_factory.mktemp("backend"), ably)
        yield served
        served.close()


@pytest.fixture
def phone(served, tmp_path):
    source = ScriptedSource()
    config = endcap.Config(backend_url=served.url, storage_dir=tmp_path / "phone", country="FIN")
    with endcap.Endcap(config, source, dispatcher=endcap.inline) as client:
        client.source = source
        yield client


def uid_of(client):
    return client._engine.install.sessions.current().uid


def mine(records, client):
    return [record for record in records if record["uid"] == uid_of(client)]


def test_fixes_and_visits_stand_in_the_backends_log_once(served, phone):
    phone.register(SHOP_FENCE)
    phone.consent.grant(Purpose.LOCATION, text_version="2026-11")
    begin = datetime.now(UTC) - timedelta(seconds=60)
    for second in range(0, 60, 2):
        phone.source.emit(a_fix(taken_at=begin + timedelta(seconds=second), accuracy_m=5.0))
    assert phone.flush(20)
    locations = mine(served.records(CUSTOMERS_LOCATIONS), phone)
    assert len(locations) == phone.diagnostics()["fixes"]["admitted"] - phone.diagnostics()["fixes"]["withheld"].get(
        "thinned", 0
    )
    assert len({record["id"] for record in locations}) == len(locations)
    assert {record["country"] for record in locations} == {"FIN"}
    events = mine(served.records(CUSTOMERS_EVENTS), phone)
    assert [(event["kind"], event["fence"]) for event in events] == [("enter", "s1/coffee")]
    assert phone.diagnostics()["outbox"]["lost"] == {}


def test_what_she_agrees_to_later_is_known_to_the_backend_before_it_is_used(served, phone):
    phone.consent.grant(Purpose.ANALYTICS, text_version="1")
    assert phone.report("shown", an_alert())
    assert phone.flush(20)
    phone.consent.grant(Purpose.LOCATION, text_version="1")
    phone.source.emit(a_fix(taken_at=datetime.now(UTC)))
    assert phone.flush(20)
    assert len(mine(served.records(CUSTOMERS_LOCATIONS), phone)) == 1
    assert phone.state.publisher.reason == ""


def test_a_fix_keeps_the_time_it_was_taken(served, phone):
    phone.consent.grant(Purpose.LOCATION, text_version="1")
    taken_at = datetime.now(UTC) - timedelta(seconds=110)
    phone.source.emit(a_fix(taken_at=taken_at))
    assert phone.flush(20)
    (record,) = mine(served.records(CUSTOMERS_LOCATIONS), phone)
    assert abs(datetime.fromisoformat(record["taken_at"]) - taken_at) < timedelta(milliseconds=1)


def test_the_phone_listens_on_her_own_channel(phone):
    listening = threading.Event()
    phone.on_state(lambda state: state.receiver == "listening" and listening.set())
    phone.consent.grant(Purpose.PROMOTIONS, text_version="1")
    assert phone.state.receiver == "listening" or listening.wait(20)
