from datetime import UTC, datetime

import pytest

import endcap
from endcap import Evidence, Purpose
from endcap.fences.rotation import BUBBLE_ID
from endcap.geo import LatLon, distance_m, offset
from endcap.presets import ASLEEP, RESPONSIVE
from endcap.testing import SHOP, ManualClock, RecordingRegistrar, RecordingTransport, ScriptedSource, a_fix

HERE = LatLon(*SHOP)


def street(count, every_m=200.0):
    """Fences east of the shop, one after the other."""
    return [
        endcap.Geofence(f"f{number}", endcap.Circle(offset(HERE, number * every_m, 0.0), radius_m=40))
        for number in range(count)
    ]


class Phone:
    def __init__(self, folder, *fences, slots=20, **settings):
        self.clock, self.source = ManualClock(datetime.now(UTC)), ScriptedSource()
        self.registrar = RecordingRegistrar(slots)
        config = endcap.Config(
            backend_url="https://shop.example", storage_dir=folder, remote_config=False, shop_fences=False, **settings
        )
        self.client = endcap.Endcap(
            config,
            self.source,
            registrar=self.registrar,
            transport=RecordingTransport(),
            dispatcher=endcap.inline,
            clock=self.clock,
        )
        self.client.register(*fences)
        self.client.consent.grant(Purpose.LOCATION, text_version="1")
        self.client.start()

    def at(self, east_m, seconds=60):
        point = offset(HERE, east_m, 0.0)
        self.clock.advance(seconds)
        place = {"latitude_deg": point.latitude_deg, "longitude_deg": point.longitude_deg}
        self.source.emit(a_fix(taken_at=self.clock.now(), accuracy_m=5.0, **place))

    def watched(self):
        return sorted(self.registrar.watched, key=lambda name: (len(name), name))


@pytest.fixture
def phone(tmp_path):
    made = []

    def make(*fences, **settings):
        made.append(Phone(tmp_path, *fences, **settings))
        return made[-1]

    yield make
    for each in made:
        each.client.close()


def test_the_os_watches_the_nearest_and_a_bubble_half_way_to_the_next(phone):
    made = phone(*street(50), slots=5)
    made.at(0)
    assert made.watched() == ["f0", "f1", "f2", "f3", BUBBLE_ID]
    bubble = made.registrar.watched[BUBBLE_ID].shape
    assert distance_m(bubble.centre, HERE) < 1
    assert bubble.radius_m == pytest.approx((4 * 200 - 40) / 2, rel=0.01)


def test_within_the_bubble_nothing_is_handed_over_and_beyond_it_the_next_ones_are(phone):
    made = phone(*street(50), slots=5)
    for east_m in (0, 100, 300):
        made.at(east_m)
    assert made.registrar.asked == 1
    made.at(2000, seconds=600)
    assert made.registrar.asked == 2
    assert {"f9", "f10", "f11", BUBBLE_ID} <= set(made.watched())
    assert len(made.watched()) == 5


def test_what_is_registered_later_is_handed_over_at_the_next_fix(phone):
    made = phone(*street(2))
    made.at(0)
    made.client.register(endcap.Geofence("new", endcap.Circle(offset(HERE, 0.0, 100.0), radius_m=30)))
    made.at(1)
    assert "new" in made.watched()
    made.client.unregister("new")
    made.at(2)
    assert "new" not in made.watched()


def test_an_os_that_refuses_is_asked_no_more_and_fixes_still_decide(phone, caplog):
    made, heard = phone(*street(1)), []
    made.client.on_event(heard.append)
    made.registrar.refuse = True
    with caplog.at_level("ERROR", "endcap"):
        for _ in range(20):
            made.at(0, seconds=5)
    assert made.registrar.asked == 1
    assert [event.kind for event in heard] == ["enter"]


def test_leaving_the_bubble_wakes_a_source_that_rests(phone):
    made = phone(*street(1), preset="responsive")
    for _ in range(4):
        made.at(500, seconds=60)
    assert made.source.resolutions[-1] == ASLEEP
    evidence = Evidence("os_fence", BUBBLE_ID, made.clock.now(), inside=False)
    assert made.client.feed(evidence)
    made.at(900, seconds=300)
    assert made.source.resolutions[-1] == RESPONSIVE.moving
