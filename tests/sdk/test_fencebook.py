from datetime import UTC, datetime

import pytest

import endcap
from endcap import Purpose
from endcap.fences.geojson import to_feature
from endcap.geo import LatLon, offset
from endcap.testing import SHOP, ManualClock, ScriptedSource, a_fix

COFFEE = endcap.Geofence("s1/coffee", endcap.Circle(LatLon(*SHOP), radius_m=30.48))
TEA = endcap.Geofence("s1/tea", endcap.Circle(offset(LatLon(*SHOP), 100.0, 0.0), radius_m=30.48), tags=("tea",))


def delta(version, *changed, removed=()):
    return {"version": version, "features": [to_feature(fence) for fence in changed], "removed": list(removed)}


class Phone:
    def __init__(self, backend, folder, **settings):
        self.clock, self.source, self.events = ManualClock(datetime.now(UTC)), ScriptedSource(), []
        config = endcap.Config(backend_url=backend.url, storage_dir=folder, remote_config=False, **settings)
        self.client = endcap.Endcap(config, self.source, dispatcher=endcap.inline, clock=self.clock)
        self.client.on_event(self.events.append)
        self.client.consent.grant(Purpose.LOCATION, text_version="1")
        self.client.start()

    def stand(self, seconds=60):
        for _ in range(0, seconds, 5):
            self.clock.advance(5)
            self.source.emit(a_fix(taken_at=self.clock.now(), accuracy_m=5.0))

    def fences(self):
        return self.client.diagnostics()["fixes"]["fences"]

    def until_fences(self, count):
        """Let quarters of an hour go by."""
        for _ in range(100):
            if self.fences() == count:
                return True
            assert self.clock.until_waiting(deadline_within_s=60)
            self.clock.advance(60)
        return False


@pytest.fixture
def phone(backend, tmp_path):
    made = []

    def make(**settings):
        made.append(Phone(backend, tmp_path / "phone", **settings))
        return made[-1]

    yield make
    for each in made:
        each.client.close()


def test_the_shops_fences_come_by_themselves_and_make_visits(phone, backend):
    backend.fences = {"": delta("1", COFFEE, TEA)}
    made = phone()
    assert made.until_fences(2)
    made.stand()
    assert [(event.kind, event.fence_id) for event in made.events] == [("enter", "s1/coffee")]


def test_afterwards_only_what_changed_is_asked_for_and_a_removed_one_ends_its_visit(phone, backend):
    backend.fences = {"": delta("1", COFFEE, TEA)}
    made = phone()
    assert made.until_fences(2)
    made.stand()
    backend.fences = {"1": delta("2", removed=["s1/coffee"])}
    assert made.until_fences(1)
    assert [(event.kind, event.reason) for event in made.events] == [("enter", ""), ("exit", "removed")]


def test_they_are_known_without_a_network_after_a_restart(phone, backend):
    backend.fences = {"": delta("1", COFFEE, TEA)}
    first = phone()
    assert first.until_fences(2)
    first.client.close()
    backend.go_offline()
    second = phone()
    assert second.fences() == 2
    second.stand()
    assert [event.fence_id for event in second.events] == ["s1/coffee"]
    backend.go_online()


def test_a_fence_that_cannot_be_read_is_left_out_and_its_neighbours_are_used(phone, backend, caplog):
    broken = delta("1", COFFEE, TEA)
    broken["features"][0]["properties"]["radius_m"] = -1
    backend.fences = {"": broken}
    with caplog.at_level("ERROR", "endcap"):
        assert phone().until_fences(1)


def test_a_shop_without_fences_is_asked_again_only_after_an_hour(phone, backend):
    made = phone()
    assert backend.until_requests(2)
    for _ in range(30):
        assert made.clock.until_waiting(deadline_within_s=60)
        made.clock.advance(60)
    assert [path for path, _, _ in backend.requests] == ["/v1/sessions", "/v1/geofences?since="]


def test_the_hosts_own_fence_stands_above_the_shops_of_the_same_id(phone, backend):
    backend.fences = {"": delta("1", COFFEE)}
    first = phone()
    assert first.until_fences(1)
    first.client.close()
    second = phone()
    second.client.register(endcap.Geofence("s1/coffee", endcap.Circle(LatLon(10.0, 10.0), radius_m=50)))
    second.stand()
    assert second.events == []


def test_a_host_that_wants_none_asks_for_none(phone, backend):
    backend.fences = {"": delta("1", COFFEE)}
    made = phone(shop_fences=False)
    made.stand()
    assert made.client.flush(20)
    assert "/v1/geofences?since=" not in {path for path, _, _ in backend.requests}
