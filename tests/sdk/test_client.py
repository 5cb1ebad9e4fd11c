import json
import logging
import sqlite3
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

import endcap
from endcap import Purpose
from endcap.errors import NotPermitted, Refused
from endcap.testing import SHOP, ManualClock, RecordingTransport, ScriptedSource, a_fix, an_alert

QUIET = {"remote_config": False, "shop_fences": False}  # nothing asked for in the background

SHOP_FENCE = endcap.Geofence("s1/coffee", endcap.Circle(endcap.LatLon(*SHOP), radius_m=30.48))

HANG_S = 20.0  # of a request; half of it is more than a busy machine takes for anything


class Rig:
    """A client on a real folder, in front of a real server, located by the test, at a time the test moves."""

    def __init__(self, backend, folder):
        self.backend, self.folder = backend, folder
        self.clock = ManualClock(datetime.now(UTC))
        self.source = ScriptedSource()
        self.clients = []

    def client(self, **settings):
        transport = settings.pop("transport", None)
        dispatcher = settings.pop("dispatcher", endcap.inline)
        config = endcap.Config(**{"backend_url": self.backend.url, "storage_dir": self.folder, **QUIET, **settings})
        client = endcap.Endcap(config, self.source, transport=transport, dispatcher=dispatcher, clock=self.clock)
        self.clients.append(client)
        return client

    def started(self, *purposes, **settings):
        client = self.client(**settings)
        client.consent.grant(*purposes or (Purpose.LOCATION,), text_version="1")
        client.start()
        return client

    def fix(self, **changes):
        return a_fix(**{"taken_at": self.clock.now(), **changes})

    def stand(self, seconds, every_s=5, **changes):
        """Stand somewhere for a while."""
        for _ in range(0, seconds, every_s):
            self.clock.advance(every_s)
            self.source.emit(self.fix(**changes))

    def on_disk(self):
        return b"".join(path.read_bytes() for path in self.folder.glob("*")) if self.folder.exists() else b""


@pytest.fixture
def rig(backend, tmp_path):
    rig = Rig(backend, tmp_path / "shopper")
    yield rig
    for client in rig.clients:
        client.close()


def test_before_consent_nothing_is_stored_sent_or_named(rig):
    client = rig.client()
    client.start()
    rig.source.emit(rig.fix())
    assert not client.feed(rig.fix())
    assert not client.report("redeemed", an_alert())
    client.register(SHOP_FENCE)
    assert (rig.source.running, rig.backend.requests, rig.folder.exists()) == (False, [], False)


def test_a_fix_reaches_the_backend_after_consent(rig):
    client = rig.client(country="FIN", store="s1")
    client.start()
    client.consent.grant(Purpose.LOCATION, text_version="2026-11")
    rig.source.emit(rig.fix())
    assert rig.backend.until_count(1)
    (location,) = rig.backend.bodies().values()
    assert (location["latitude"], location["country"], location["store"]) == (SHOP[0], "FIN", "s1")
    assert rig.backend.requests[0][2] == {"consent": {"purposes": ["location"], "text_version": "2026-11"}}


def test_a_visit_is_one_enter_and_one_exit_for_the_host_and_for_the_backend(rig):
    client, heard = rig.started(), []
    client.on_event(heard.append)
    client.register(SHOP_FENCE)
    rig.stand(30, latitude_deg=SHOP[0] + 0.002)
    rig.stand(60)
    rig.stand(240, latitude_deg=SHOP[0] + 0.002)
    assert [event.kind for event in heard] == ["enter", "exit"]
    assert client.flush(20)
    sent = [body for body in rig.backend.bodies().values() if "kind" in body]
    assert [(body["kind"], body["fence"], body["visit"]) for body in sent] == [
        (kind, "s1/coffee", heard[0].visit_id) for kind in ("enter", "exit")
    ]


def test_a_restart_in_the_middle_of_a_visit_does_not_repeat_the_enter(rig):
    first, heard = rig.started(), []
    first.register(SHOP_FENCE)
    rig.stand(60)
    first.close()
    second = rig.started()
    second.register(SHOP_FENCE)
    second.on_event(heard.append)
    rig.stand(60)
    assert heard == []
    assert second.diagnostics()["fixes"]["inside"] == ["s1/coffee"]


def test_an_exit_that_is_under_way_goes_on_over_restarts(rig):
    heard = []
    for latitude_deg in (60.0, 60.0, *[60.01] * 8):  # in it for two lives of the process, away from it for eight
        client = rig.started()
        client.on_event(heard.append)
        client.register(endcap.Geofence("s1", endcap.Circle((60, 25), radius_m=60)))
        rig.stand(20, latitude_deg=latitude_deg, longitude_deg=25.0)
        client.close()
    assert [event.kind for event in heard] == ["enter", "exit"]


def test_what_happens_offline_arrives_once_there_is_a_network(rig):
    rig.backend.go_offline()
    client = rig.started()
    client.register(SHOP_FENCE)
    rig.stand(60)
    client.close()
    rig.backend.go_online()
    rig.started().flush(20)
    bodies = rig.backend.bodies()
    assert len(bodies) == 13  # twelve fixes and an enter
    assert {body["uid"] for body in bodies.values()} == {"u1"}


def test_revoking_empties_the_queue_and_the_folder_before_it_returns(rig):
    rig.backend.go_offline()
    client = rig.started()
    rig.stand(60)
    assert client.diagnostics()["outbox"]["fixes"] == 12
    client.consent.revoke()
    assert [path.name for path in rig.folder.iterdir() if path.stat().st_size] == ["consent.json"]
    assert not rig.source.running
    rig.backend.go_online()
    rig.source.emit(rig.fix())
    client.resume()
    assert not rig.backend.until_requests(1, timeout_s=0.1)


def test_revoking_does_not_wait_for_a_request_that_hangs(rig):
    release = threading.Event()

    def hang(handler):
        handler.close_connection = release.wait(HANG_S)

    rig.backend.faults = [hang]
    client = rig.started(request_timeout_s=2 * HANG_S)
    rig.stand(5)
    assert rig.backend.until_requests(1)
    began = time.monotonic()
    client.consent.revoke()
    assert time.monotonic() - began < HANG_S / 2
    release.set()
    assert (client.state.publisher.doing, rig.backend.count()) == ("stopped", 0)


def test_revoking_location_alone_forgets_places_and_keeps_the_rest(rig):
    rig.backend.go_offline()
    client = rig.started(Purpose.LOCATION, Purpose.ANALYTICS)
    client.register(SHOP_FENCE)
    rig.stand(60)
    client.report("shown", an_alert())
    client.consent.revoke(Purpose.LOCATION)
    outbox = client.diagnostics()["outbox"]
    assert (outbox["fixes"], outbox["events"], outbox["lost"]) == (0, 1, {"consent revoked": 13})
    assert b"latitude" not in rig.on_disk()
    assert not client.feed(rig.fix())
    rig.backend.go_online()
    client.resume()
    assert rig.backend.until_count(1)
    assert [body["kind"] for body in rig.backend.bodies().values()] == ["shown"]


def test_a_disk_that_lets_nothing_be_deleted_costs_the_whole_file(rig, monkeypatch, caplog):
    rig.backend.go_offline()
    client = rig.started(Purpose.LOCATION, Purpose.ANALYTICS)
    rig.stand(60)
    install = client._engine.install.outbox.install

    def full(*purposes, **more):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(client._engine.install.outbox, "purge", full)
    with caplog.at_level("ERROR", "endcap"):
        client.consent.revoke(Purpose.LOCATION)
    assert b"latitude" not in rig.on_disk()
    assert client._engine.install.outbox.install != install
    assert client.report("shown", an_alert())
    rig.backend.go_online()


def test_a_revocation_while_the_sdk_is_not_running_empties_the_folder_too(rig):
    rig.backend.go_offline()
    client = rig.started(Purpose.LOCATION, Purpose.ANALYTICS)
    rig.stand(30)
    client.close()
    client.consent.revoke(Purpose.LOCATION)
    assert b"latitude" not in rig.on_disk()
    client.consent.revoke()
    assert not (rig.folder / "outbox.db").exists()
    rig.backend.go_online()


def test_a_kill_between_revoking_and_erasing_is_made_good_at_the_next_start(rig):
    rig.backend.go_offline()
    client = rig.started()
    rig.stand(30)
    client.close()
    record = json.loads((rig.folder / "consent.json").read_text())
    record["log"].append({**record["log"][0], "action": "revoke"})
    (rig.folder / "consent.json").write_text(json.dumps(record))
    rig.client().start()
    assert not (rig.folder / "outbox.db").exists()
    rig.backend.go_online()


def test_consent_given_anew_begins_with_another_name(rig):
    client = rig.started()
    rig.stand(5)
    assert rig.backend.until_count(1)
    client.consent.revoke()
    client.consent.grant(Purpose.LOCATION, text_version="2")
    rig.stand(5)
    assert rig.backend.until_count(2)
    ids = [id.split(":") for id in rig.backend.bodies()]
    assert ids[0][0] != ids[1][0]
    assert {body["uid"] for body in rig.backend.bodies().values()} == {"u1", "u2"}


def test_what_became_of_an_offer_is_reported_once_and_only_with_leave(rig):
    client = rig.started(Purpose.LOCATION, Purpose.ANALYTICS)
    assert client.report("shown", an_alert())
    assert client.report("shown", an_alert())
    assert not client.report("redeemed", an_alert())  # part of the service, and promotions were not granted
    assert client.flush(20)
    ((body),) = rig.backend.bodies().values()
    assert (body["kind"], body["alert"], body["SKU"]) == ("shown", "alert-1", 9001)
    with pytest.raises(endcap.BadMessage, match="shown, opened"):
        client.report("enter")


def test_starting_and_closing_twice_is_the_same_as_once(rig):
    client = rig.started()
    client.start()
    client.close()
    client.close()
    client.start()
    rig.stand(5)
    assert rig.backend.until_count(1)


def test_closing_ends_every_thread(rig):
    before = set(threading.enumerate())
    client = rig.client(dispatcher=None)
    client.consent.grant(Purpose.LOCATION, text_version="1")
    client.on_state(lambda state: None)
    with client:
        rig.stand(5)
        assert {thread.name for thread in threading.enumerate()} >= {"endcap-publisher", "endcap-callbacks"}
        assert rig.backend.until_count(1)
    ours = [thread for thread in threading.enumerate() if thread.name.startswith("endcap")]
    assert [thread for thread in ours if thread not in before] == []


def test_a_folder_in_use_is_said_at_start_and_free_after_close(rig):
    first = rig.started()
    second = rig.client()
    with pytest.raises(endcap.BadConfig, match="in use by another Endcap"):
        second.start()
    first.close()
    second.start()
    assert second.state.running


def test_an_os_that_refuses_is_told_to_the_host_and_the_rest_goes_on(rig):
    class Refusing(ScriptedSource):
        def start(self, on_fix, on_status):
            raise NotPermitted("location is off for this app; ask for it in the settings")

    rig.source = Refusing()
    client = rig.client()
    client.consent.grant(Purpose.LOCATION, text_version="1")
    with pytest.raises(NotPermitted, match="settings"):
        client.start()
    assert client.state.source == "denied"
    assert client.feed(rig.fix())
    assert rig.backend.until_count(1)


def test_a_host_whose_callbacks_fail_hurts_nobody(rig, caplog):
    client = rig.started()
    client.register(SHOP_FENCE)

    @client.on_event
    def broken(event):
        raise RuntimeError("the host's own")

    with caplog.at_level(logging.CRITICAL, "endcap"):
        rig.stand(60)
    assert client.flush(20)
    assert rig.backend.count() == 13


def test_a_fault_of_ours_in_a_fix_is_counted_and_not_raised(rig, monkeypatch, caplog):
    client = rig.started()
    with caplog.at_level(logging.CRITICAL, "endcap"):
        monkeypatch.setattr(client._engine.install.tracker.monitor, "observe", lambda fix: 1 / 0)
        rig.stand(10)
    assert client.diagnostics()["faults"] == 2


def test_callbacks_run_on_the_dispatcher_of_the_hosts_choice(rig):
    queue, heard = [], []
    client = rig.started(dispatcher=queue.append)
    client.on_event(heard.append)
    client.register(SHOP_FENCE)
    rig.stand(60)
    assert heard == []
    for call in queue:
        call()
    assert [event.kind for event in heard] == ["enter"]


def test_a_paused_state_is_told_and_resumed(rig):
    transport, paused = RecordingTransport([Refused("gone", 410)]), threading.Event()
    client = rig.client(transport=transport)
    client.on_state(lambda state: state.publisher.doing == "paused" and paused.set())
    client.consent.grant(Purpose.LOCATION, text_version="1")
    client.start()
    rig.stand(5)
    assert paused.wait(20)
    assert "gone" in client.state.publisher.reason
    client.resume()
    assert transport.until_sent(1)


def test_the_source_tells_when_permission_is_taken_away(rig):
    client = rig.started()
    rig.source.report("denied")
    assert client.state.source == "denied"


def test_a_fence_no_longer_wanted_ends_its_visit(rig):
    client, heard = rig.started(), []
    client.on_event(heard.append)
    client.register(SHOP_FENCE)
    rig.stand(60)
    client.unregister("s1/coffee")
    assert [(event.kind, event.reason) for event in heard] == [("enter", ""), ("exit", "removed")]


def test_diagnostics_hold_no_coordinate_token_or_pseudonym(rig):
    client = rig.started()
    client.register(SHOP_FENCE)
    rig.stand(60)
    client.feed(rig.fix(accuracy_m=900.0, taken_at=rig.clock.now() + timedelta(seconds=1)))
    assert client.flush(20)
    found = client.diagnostics()
    text = json.dumps(found)
    assert (found["fixes"]["admitted"], found["fixes"]["dropped"]) == (12, {"accuracy": 1})
    assert (found["publisher"]["sent"], found["outbox"]["fixes"], found["granted"]) == (13, 0, ["location"])
    for secret in ("60.1", "24.9", "token", 'u1"', str(rig.folder)):
        assert secret not in text


def test_importing_endcap_loads_no_client_library_and_no_event_loop():
    code = "import sys, endcap; print([name for name in ('ably', 'httpx', 'asyncio', 'email') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_the_public_names_are_these_and_each_is_documented():
    public = {name for name in vars(endcap) if not name.startswith("_")}
    submodules = {name for name in public if f"endcap.{name}" in sys.modules} - set(endcap.__all__)
    assert public - submodules == set(endcap.__all__)
    undocumented = [name for name in endcap.__all__ if not getattr(endcap, name).__doc__]
    assert [name for name in undocumented if isinstance(getattr(endcap, name), type)] == []
