import pytest
from plyer.facades import GPS

from endcap.device.contract import check_source
from endcap.device.plyer import PlyerSource
from endcap.errors import NotPermitted
from endcap.presets import Resolution
from endcap.testing import NOON, ManualClock


class Receiver(GPS):
    """plyer's own facade, on a device that the test plays."""

    def __init__(self):
        self.running, self.asked, self.fault = False, [], None

    def _configure(self):
        pass

    def _start(self, **kwargs):
        if self.fault:
            raise self.fault
        self.asked.append((kwargs["minTime"], kwargs["minDistance"]))
        self.running = True

    def _stop(self):
        self.running = False

    def locate(self, **found):
        if self.running:
            self.on_location(**found)


class Probe:
    def __init__(self):
        self.gps = Receiver()
        self.source = PlyerSource(self.gps)

    def locate(self, latitude_deg, longitude_deg):
        self.gps.locate(lat=latitude_deg, lon=longitude_deg, accuracy=5.0, speed=1.0, bearing=0.0, altitude=3.0)


@pytest.fixture
def gps():
    return Receiver()


@pytest.fixture
def told(gps):
    """A started source's fixes and states."""
    fixes, states = [], []
    source = PlyerSource(gps, ManualClock())
    source.start(fixes.append, states.append)
    yield fixes, states
    source.stop()


def test_it_keeps_the_contract():
    check_source(Probe)


def test_a_fix_is_stamped_when_it_comes_in(gps, told):
    gps.locate(lat=60.1, lon=24.9, accuracy=5.5, speed=1.5, bearing=90.0, altitude=3.0)
    ((fix,), _) = told
    assert (fix.taken_at, fix.accuracy_m, fix.speed_m_s, fix.bearing_deg, fix.altitude_m) == (NOON, 5.5, 1.5, 90.0, 3.0)


@pytest.mark.parametrize("unknown", [None, 0, -1, float("nan")])
def test_what_plyer_does_not_know_is_none(gps, told, unknown):
    gps.locate(lat=60.1, lon=24.9, accuracy=unknown, speed=unknown, bearing=unknown, altitude=float("nan"))
    ((fix,), _) = told
    assert (fix.accuracy_m, fix.speed_m_s, fix.bearing_deg, fix.altitude_m) == (None, None, None, None)


@pytest.mark.parametrize(
    "found", [{}, {"lat": 60.1}, {"lat": "north", "lon": 1}, {"lat": 91, "lon": 1}, {"lat": None, "lon": 1}]
)
def test_a_fix_that_is_none_is_left_out(gps, told, found, caplog):
    with caplog.at_level("ERROR", "endcap"):
        gps.locate(**found)
    assert told[0] == []


def test_tuning_asks_anew_in_plyers_units(gps, told):
    source = PlyerSource(gps)
    source.tune(Resolution(30.0, 5.0))
    source.start(lambda fix: None, lambda status: None)
    source.tune(Resolution(30.0, 5.0))
    source.tune(Resolution(5.0))
    assert gps.asked[1:] == [(30000, 5), (5000, 0)]


def test_services_switched_off_are_told(gps, told):
    gps.on_status("provider-disabled", "gps")
    gps.on_status("provider-enabled", "gps")
    assert told[1] == ["searching", "off", "running"]


def test_a_machine_without_gps_is_said_at_start(gps):
    gps.fault = NotImplementedError()
    with pytest.raises(NotPermitted, match="replay"):
        PlyerSource(gps).start(lambda fix: None, lambda status: None)


def test_a_missing_permission_is_said_at_start(gps):
    gps.fault = RuntimeError("JVM exception occurred: java.lang.SecurityException: gps requires ACCESS_FINE_LOCATION")
    with pytest.raises(NotPermitted, match="ACCESS_FINE_LOCATION"):
        PlyerSource(gps).start(lambda fix: None, lambda status: None)


def test_another_fault_is_the_hosts_to_see(gps):
    gps.fault = RuntimeError("something else")
    with pytest.raises(RuntimeError, match="something else"):
        PlyerSource(gps).start(lambda fix: None, lambda status: None)
