"""What privacy promises, looked for where it would show: on the wire and on the disk."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

import endcap
from endcap import PrivacyZone, Purpose
from endcap.geo import LatLon, distance_m, offset
from endcap.privacy import GRID_ACCURACY_M, Zones, coarse
from endcap.testing import SHOP, ManualClock, ScriptedSource, a_fix

SHOP_FENCE = endcap.Geofence("s1/coffee", endcap.Circle(LatLon(*SHOP), radius_m=30.48))
HOME = endcap.Circle(LatLon(60.2, 24.9), radius_m=150.0)
NUMBER = re.compile(r"-?\d+\.\d+")


class Phone:
    def __init__(self, backend, folder, **settings):
        self.clock, self.source = ManualClock(), ScriptedSource()
        self.backend, self.folder = backend, folder
        zones = settings.pop("zones", ())
        config = endcap.Config(backend_url=backend.url, storage_dir=folder, **settings)
        self.client = endcap.Endcap(config, self.source, zones=zones, dispatcher=endcap.inline, clock=self.clock)
        self.events = []
        self.client.on_event(self.events.append)
        self.client.register(SHOP_FENCE)
        self.client.consent.grant(Purpose.LOCATION, text_version="1")
        self.client.start()

    def walk(self, *points, every_s=10):
        for point in points:
            self.clock.advance(every_s)
            place = {"latitude_deg": point[0], "longitude_deg": point[1]}
            self.source.emit(a_fix(taken_at=self.clock.now(), accuracy_m=5.0, **place))

    def visit(self):
        """Five minutes: to the shop, in it, and away again."""
        away = offset(LatLon(*SHOP), 0.0, 200.0)
        self.walk(*[away] * 6, *[SHOP] * 12, *[away] * 15)

    def on_disk(self):
        return b"".join(path.read_bytes() for path in self.folder.glob("*"))


@pytest.fixture
def phone(backend, tmp_path):
    made = []

    def make(**settings):
        made.append(Phone(backend, tmp_path / "phone", **settings))
        return made[-1]

    yield make
    for each in made:
        each.client.close()


def everything_sent(backend):
    return json.dumps([[path, headers, body] for path, headers, body in backend.requests])


def test_zones_only_tells_of_visits_and_not_one_coordinate(phone, backend):
    made = phone(privacy="zones_only")
    made.visit()
    assert made.client.flush(20)
    sent = list(backend.bodies().values())
    assert [body["kind"] for body in sent] == ["enter", "exit"]
    wire = everything_sent(backend)
    assert "latitude" not in wire
    numbers = [float(found) for found in NUMBER.findall(wire)]
    assert [found for found in numbers if min(abs(found - place) for place in SHOP) < 0.5] == []
    assert made.client.diagnostics()["fixes"]["withheld"]["zones_only"] > 20


def test_coarse_tells_the_cell_of_500_m_and_no_finer(phone, backend):
    made = phone(privacy="coarse")
    made.visit()
    assert made.client.flush(20)
    places = {(b["latitude"], b["longitude"], b["accuracy_m"]) for b in backend.bodies().values() if "latitude" in b}
    assert len(places) == 1
    ((latitude, longitude, accuracy_m),) = places
    assert accuracy_m == GRID_ACCURACY_M
    assert distance_m(LatLon(latitude, longitude), LatLon(*SHOP)) < 560
    assert str(SHOP[0]) not in everything_sent(backend)
    assert [event.kind for event in made.events] == ["enter", "exit"]


def test_off_takes_nothing_and_keeps_nothing(phone, backend):
    made = phone(privacy="off")
    made.visit()
    assert not made.source.running
    assert not made.client.feed(a_fix(taken_at=made.clock.now()))
    assert (backend.count(), made.events) == (0, [])
    assert b"latitude" not in made.on_disk()


def test_turning_to_a_stricter_mode_throws_away_what_was_waiting(phone, backend):
    backend.go_offline()
    made = phone()
    made.visit()
    assert made.client.diagnostics()["outbox"]["fixes"] > 0
    made.client.privacy = "zones_only"
    outbox = made.client.diagnostics()["outbox"]
    assert (outbox["fixes"], outbox["events"]) == (0, 2)
    assert outbox["lost"]["privacy"] > 0
    made.client.privacy = "off"
    assert made.client.diagnostics()["outbox"]["events"] == 0
    assert not made.source.running
    made.client.privacy = "exact"
    assert made.source.running
    backend.go_online()


def test_a_mode_that_is_none_is_refused(phone):
    with pytest.raises(endcap.BadConfig, match="zones_only"):
        phone().client.privacy = "some"


def test_within_an_excluded_zone_nothing_reaches_the_disk(phone, backend):
    backend.go_offline()
    made = phone(zones=[PrivacyZone("home", HOME)])
    made.walk(*[offset(HOME.centre, 10.0 * step, 0.0) for step in range(10)])
    assert b"60.2" not in made.on_disk()
    assert b"60.1999" not in made.on_disk()
    assert made.client.diagnostics()["fixes"]["withheld"] == {"excluded zone": 10}
    made.walk(SHOP)
    assert made.client.diagnostics()["outbox"]["fixes"] == 1
    backend.go_online()


def test_a_blurred_zone_is_told_as_one_point_that_no_average_undoes(phone, backend):
    made = phone(zones=[PrivacyZone("home", HOME, "blur")])
    made.walk(*[offset(HOME.centre, 10.0 * step, -10.0 * step) for step in range(10)])
    assert made.client.flush(20)
    places = {(body["latitude"], body["longitude"]) for body in backend.bodies().values()}
    assert len(places) == 1
    away_m = distance_m(LatLon(*places.pop()), HOME.centre)
    assert 99 < away_m < 301
    assert b"60.2" not in made.on_disk().replace(b"60.20", b"")


def test_a_zone_may_be_changed_while_she_walks(phone):
    made = phone()
    made.walk(tuple(HOME.centre))
    made.client.zones = [PrivacyZone("home", HOME)]
    made.walk(tuple(HOME.centre))
    assert made.client.diagnostics()["fixes"]["withheld"] == {"excluded zone": 1}
    assert [zone.id for zone in made.client.zones] == ["home"]


def test_visits_go_on_over_a_restart_in_every_mode_that_has_them(phone):
    made = phone(privacy="zones_only")
    made.walk(*[SHOP] * 12)
    made.client.close()
    again = phone(privacy="zones_only")
    again.walk(*[SHOP] * 12)
    assert ([event.kind for event in made.events], again.events) == (["enter"], [])


@pytest.mark.parametrize("arguments", [("home", HOME, "hide"), ("home", "a circle")])
def test_a_zone_that_is_none_is_refused(arguments):
    with pytest.raises(endcap.BadConfig):
        PrivacyZone(*arguments)


fixes = st.builds(lambda lat, lon: a_fix(latitude_deg=lat, longitude_deg=lon), st.floats(-90, 90), st.floats(-180, 180))


@given(fixes)
def test_a_coarse_fix_is_within_its_accuracy_and_the_same_all_over_its_cell(fix):
    told = coarse(fix)
    if abs(fix.latitude_deg) < 89:
        assert distance_m(fix.point, told.point) <= GRID_ACCURACY_M * 1.01
        assert distance_m(coarse(told).point, told.point) < 1
    assert (told.speed_m_s, told.bearing_deg, told.altitude_m) == (None, None, None)


def test_neighbours_in_a_cell_can_not_be_told_apart():
    middle = coarse(a_fix()).point
    moved = [offset(middle, east, north) for east in (-200, 0, 200) for north in (-200, 0, 200)]
    assert {coarse(a_fix(latitude_deg=p.latitude_deg, longitude_deg=p.longitude_deg)).point for p in moved} == {middle}


def test_an_excluding_zone_is_stronger_than_a_blurring_one():
    zones = Zones([PrivacyZone("a", HOME, "blur"), PrivacyZone("b", HOME)], "secret")
    assert zones.of(a_fix(latitude_deg=60.2, longitude_deg=24.9)).id == "b"


def test_the_point_that_stands_for_a_zone_depends_on_the_installs_secret():
    zone, fix = PrivacyZone("home", HOME, "blur"), a_fix(latitude_deg=60.2, longitude_deg=24.9)
    points = {Zones([zone], secret).blurred(fix, zone).point for secret in ("a", "a", "b", "c")}
    assert len(points) == 3
