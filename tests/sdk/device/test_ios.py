"""The iOS adapter against stand-ins for what pyobjus would hand it: no Apple machine takes part."""

import importlib
import sys
from datetime import UTC, datetime
from types import ModuleType

import pytest

from endcap.device import SleepingSource
from endcap.device.contract import check_source
from endcap.errors import NotPermitted
from endcap.fences import Circle, Geofence
from endcap.geo import LatLon
from endcap.presets import Resolution

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Text(str):
    def UTF8String(self):
        return str(self)


class Stamp:
    def __init__(self, at):
        self._at = at

    def timeIntervalSince1970(self):
        return self._at.timestamp()


class Location:
    def __init__(self, latitude=60.16952, longitude=24.93545, **more):
        self.description = Text(f"<{latitude:+.8f},{longitude:+.8f}> +/- 5.00m (speed -1.00 mps / course -1.00) @ now")
        self.timestamp = Stamp(more.get("at", AT))
        self.horizontalAccuracy = more.get("accuracy", 5.0)
        self.verticalAccuracy = more.get("vertical", -1.0)
        self.altitude, self.speed, self.course = 12.0, more.get("speed", -1.0), more.get("course", -1.0)


class Array(list):
    def count(self):
        return len(self)

    def objectAtIndex_(self, index):
        return self[index]


class Manager:
    """CLLocationManager as the adapter uses it."""

    def __init__(self):
        self.authorizationStatus, self.accuracyAuthorization = 4, 0
        self.calls, self.delegate, self.updating, self.regions = [], None, False, []

    def locationServicesEnabled(self):
        return True

    def startUpdatingLocation(self):
        self.updating = True

    def stopUpdatingLocation(self):
        self.updating = False

    def requestWhenInUseAuthorization(self):
        self.calls.append("when in use")

    def requestAlwaysAuthorization(self):
        self.calls.append("always")

    def startMonitoringForRegion_(self, region):
        self.regions.append(region)

    def stopMonitoringForRegion_(self, region):
        self.regions.remove(region)

    def locate(self, *locations):
        if self.updating:
            self.delegate.locationManager_didUpdateLocations_(self, Array(locations))


class Region:
    def alloc(self):
        return Region()

    def initWithCenter_radius_identifier_(self, centre, radius_m, identifier):
        self.centre, self.radius_m, self.identifier = (centre.latitude, centre.longitude), radius_m, Text(identifier)
        return self


@pytest.fixture
def ios(monkeypatch):
    """The module, with pyobjus' names standing in."""
    pyobjus, dylibs = ModuleType("pyobjus"), ModuleType("pyobjus.dylib_manager")
    pyobjus.autoclass = lambda name: {"CLCircularRegion": Region()}[name]
    pyobjus.protocol = lambda name: lambda method: method
    dylibs.load_framework = lambda path: None
    monkeypatch.setitem(sys.modules, "pyobjus", pyobjus)
    monkeypatch.setitem(sys.modules, "pyobjus.dylib_manager", dylibs)
    monkeypatch.delitem(sys.modules, "endcap.device.ios", raising=False)
    yield importlib.import_module("endcap.device.ios")
    sys.modules.pop("endcap.device.ios", None)


@pytest.fixture
def manager():
    return Manager()


def test_it_keeps_the_contract(ios):
    class Probe:
        def __init__(self):
            self.manager = Manager()
            self.source = ios.IosSource(self.manager)

        def locate(self, latitude_deg, longitude_deg):
            self.manager.locate(Location(latitude_deg, longitude_deg, at=datetime.now(UTC)))

    check_source(Probe)


def test_a_fix_arrives_with_what_ios_says(ios):
    fix = ios.fix_of(Location(accuracy=65.0, speed=1.5, course=90.0, vertical=3.0))
    assert fix.point == (60.16952, 24.93545)
    assert (fix.accuracy_m, fix.speed_m_s, fix.bearing_deg, fix.altitude_m) == (65.0, 1.5, 90.0, 12.0)
    assert fix.taken_at == AT


def test_minus_one_is_what_ios_does_not_know(ios):
    fix = ios.fix_of(Location())
    assert (fix.speed_m_s, fix.bearing_deg, fix.altitude_m) == (None, None, None)
    assert ios.fix_of(Location(accuracy=-1.0)) is None


def test_south_and_west_are_negative(ios):
    assert ios.fix_of(Location(-33.8, -70.6)).point == (-33.8, -70.6)


def test_precision_and_distance_are_what_ios_heeds(ios, manager):
    source = ios.IosSource(manager)
    source.tune(Resolution(30.0, 0.0, "balanced"))
    source.start(lambda fix: None, lambda status: None)
    assert (manager.desiredAccuracy, manager.distanceFilter) == (100.0, -1.0)
    source.sleep_until_moved(100.0)
    assert (manager.desiredAccuracy, manager.distanceFilter) == (1000.0, 100.0)
    assert manager.allowsBackgroundLocationUpdates is False
    assert isinstance(source, SleepingSource)


def test_without_permission_it_says_what_to_ask_for(ios, manager):
    manager.authorizationStatus = 0
    with pytest.raises(NotPermitted, match="foreground"):
        ios.IosSource(manager).start(lambda fix: None, lambda status: None)


def test_a_permission_taken_away_is_told(ios, manager):
    states = []
    source = ios.IosSource(manager)
    source.start(lambda fix: None, states.append)
    manager.authorizationStatus = 2
    manager.delegate.locationManagerDidChangeAuthorization_(manager)
    assert states == ["searching", "denied"]


def test_permissions_are_asked_for_in_two_stages(ios, manager):
    permissions = ios.Permissions(manager)
    manager.authorizationStatus = 0
    with pytest.raises(NotPermitted, match="second step"):
        permissions.request("background")
    assert permissions.request("foreground")
    manager.authorizationStatus = 4
    assert (permissions.state().location, permissions.state().precise) == ("foreground", True)
    assert permissions.request("background")
    manager.authorizationStatus, manager.accuracyAuthorization = 3, 1
    assert (permissions.state().location, permissions.state().capability) == ("background", "coarse")
    assert not permissions.request("background")
    assert manager.calls == ["when in use", "always"]


def test_regions_are_circles_of_100_m_at_least_and_20_at_most(ios, manager):
    heard = []
    regions = ios.IosRegions(heard.append, manager)
    fences = [Geofence(f"f{n}", Circle(LatLon(60.0 + n, 24.0), radius_m=30)) for n in range(21)]
    regions.watch(fences[:20])
    assert (manager.regions[3].centre, manager.regions[3].radius_m) == ((63.0, 24.0), 100.0)
    with pytest.raises(NotPermitted, match="20"):
        regions.watch(fences[20:])
    regions.unwatch(["f0", "never"])
    regions.watch(fences[20:])
    manager.delegate.locationManager_didEnterRegion_(manager, manager.regions[0])
    manager.delegate.locationManager_didExitRegion_(manager, manager.regions[0])
    assert [(each.kind, each.fence_id, each.inside) for each in heard] == [
        ("os_fence", "f1", True),
        ("os_fence", "f1", False),
    ]
