from datetime import UTC, datetime, timedelta

import pytest

from endcap.errors import BadMessage
from endcap.fences import Circle, Evidence, Geofence, GeofenceMonitor, Stage
from endcap.geo import LatLon, offset

SHOP = LatLon(60.17, 24.94)
NINE = datetime(2026, 11, 24, 9, tzinfo=UTC)
COFFEE = Geofence("s1/coffee", Circle(SHOP, 6))  # a section: no GPS can decide it
TEA = Geofence("s1/tea", Circle(offset(SHOP, 60, 0), 6))


def evidence(kind, s, fence_id="shop", **more):
    return Evidence(kind, fence_id, NINE + timedelta(seconds=s), **more)


def told(monitor, things):
    return [event for thing in things for event in monitor.feed(thing)]


def kinds(events):
    return [event.kind for event in events]


@pytest.fixture
def sections():
    return GeofenceMonitor([COFFEE, TEA], install="phone")


def test_a_scanned_sign_enters_at_once_without_any_fix(sections):
    events = sections.feed(evidence("sign", 0, "s1/coffee"))
    assert kinds(events) == ["enter"]
    assert events[0].occurred_at == events[0].decided_at == NINE
    assert events[0].evidence == ("sign",)
    assert events[0].p_inside > 0.99


def test_a_sign_elsewhere_ends_the_visit_after_the_hold(sections):
    told(sections, [evidence("sign", 0, "s1/coffee", point=SHOP)])
    assert kinds(sections.feed(evidence("sign", 300, "s1/tea", point=TEA.shape.centre))) == ["enter"]
    events = sections.advance(NINE + timedelta(seconds=430))
    assert [(event.kind, event.fence_id) for event in events] == [("exit", "s1/coffee")]
    assert events[0].occurred_at == NINE + timedelta(seconds=300)


def test_a_sign_outweighs_fixes_that_say_otherwise(shop, fix_at):
    monitor = GeofenceMonitor([shop], install="phone")
    told(monitor, [fix_at(s, 400) for s in range(0, 60, 5)])
    assert kinds(monitor.feed(evidence("sign", 60, point=SHOP))) == ["enter"]


def test_her_own_word_ends_a_visit_at_once(monitor, fix_at):
    told(monitor, [fix_at(s) for s in range(0, 60, 5)])
    assert kinds(monitor.feed(evidence("manual", 60, inside=False))) == ["exit"]


def test_wifi_decides_what_fixes_of_65_m_can_not(monitor, fix_at):
    vague = [fix_at(s, 5, accuracy_m=65) for s in range(0, 20, 5)]
    assert told(monitor, vague) == []
    events = told(monitor, [evidence("wifi", 20), *(fix_at(s, 5, accuracy_m=65) for s in range(25, 60, 5))])
    assert kinds(events) == ["enter"]
    assert set(events[0].evidence) == {"gps", "wifi"}


def test_wifi_alone_enters_when_it_is_heard_twice_over_the_hold(monitor):
    assert monitor.feed(evidence("wifi", 0)) == []
    assert kinds(monitor.feed(evidence("wifi", 10))) == ["enter"]


def test_wifi_that_is_gone_ends_the_visit_after_the_hold(monitor):
    told(monitor, [evidence("wifi", 0), evidence("wifi", 10), evidence("wifi", 300)])
    assert monitor.feed(evidence("wifi", 310, inside=False)) == []
    assert monitor.advance(NINE + timedelta(seconds=420)) == []
    events = monitor.advance(NINE + timedelta(seconds=431))
    assert [(event.kind, event.occurred_at) for event in events] == [("exit", NINE + timedelta(seconds=310))]


def test_wifi_in_the_street_does_not_outweigh_good_fixes_outside(monitor, fix_at):
    fixes = [thing for s in range(0, 120, 5) for thing in (fix_at(s, 120, accuracy_m=10), evidence("wifi", s + 1))]
    assert told(monitor, fixes) == []


def test_a_beacon_seen_twice_enters(sections):
    assert kinds(told(sections, [evidence("beacon", 0, "s1/coffee"), evidence("beacon", 9, "s1/coffee")])) == ["enter"]


def test_the_os_s_geofence_is_refused_when_a_fresh_fix_contradicts_it(monitor, fix_at):
    told(monitor, [fix_at(s, 7800, accuracy_m=10) for s in range(0, 30, 5)])
    assert monitor.feed(evidence("os_fence", 31)) == []
    assert monitor.dropped == {"contradicted": 1}


def test_the_os_s_geofence_alone_enters_when_it_says_so_twice(monitor):
    assert monitor.feed(evidence("os_fence", 0)) == []
    assert kinds(monitor.feed(evidence("os_fence", 30))) == ["enter"]


def test_late_evidence_and_unknown_fences_are_counted(monitor, fix_at):
    told(monitor, [fix_at(0, 500), fix_at(60, 500)])
    monitor.feed(evidence("wifi", 40))
    monitor.feed(evidence("wifi", 60, "nowhere"))
    assert monitor.dropped == {"late": 1, "unknown fence": 1}


def test_evidence_that_comes_too_late_leaves_nothing_behind(monitor, fix_at):
    told(monitor, [fix_at(s, 900) for s in range(0, 60, 5)])
    before = monitor.state()
    monitor.feed(evidence("wifi", 5))
    assert monitor.dropped == {"late": 1}
    assert monitor.state() == before


def test_evidence_survives_a_restart(monitor, shop):
    monitor.feed(evidence("wifi", 0))
    again = GeofenceMonitor([shop], monitor.state(), install="phone")
    assert kinds(again.feed(evidence("wifi", 10))) == ["enter"]


def test_a_fence_on_a_floor_stays_silent_until_the_floor_is_known(fix_at):
    upstairs = Geofence("toys", Circle(SHOP, 30.48), floor=2)
    monitor = GeofenceMonitor([upstairs], install="phone")
    assert told(monitor, [fix_at(s) for s in range(0, 60, 5)]) == []
    assert told(monitor, [fix_at(s, floor=1) for s in range(60, 120, 5)]) == []
    assert kinds(told(monitor, [fix_at(s, floor=2) for s in range(120, 150, 5)])) == ["enter"]


def test_taking_the_stairs_ends_the_visit(fix_at):
    monitor = GeofenceMonitor([Geofence("toys", Circle(SHOP, 30.48), floor=2)], install="phone")
    told(monitor, [fix_at(s, floor=2) for s in range(0, 60, 5)])
    assert told(monitor, [fix_at(s) for s in range(60, 300, 5)]) == []  # a floor once known is believed
    assert kinds(told(monitor, [fix_at(s, floor=1) for s in range(300, 450, 5)])) == ["exit"]


def test_a_sign_tells_the_floor_of_its_fence(fix_at):
    toys = Geofence("toys", Circle(SHOP, 30.48), floor=2)
    sign = Geofence("escalator", Circle(SHOP, 5), floor=2)
    monitor = GeofenceMonitor([toys, sign], install="phone")
    told(monitor, [fix_at(0), evidence("sign", 1, "escalator")])
    assert "enter" in kinds(told(monitor, [fix_at(s) for s in range(2, 20, 2)]))


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"kind": "hunch"}, "kind"),
        ({"at": datetime(2026, 1, 1)}, "at"),
        ({"accuracy_m": 0}, "accuracy_m"),
        ({"accuracy_m": float("nan")}, "accuracy_m"),
    ],
)
def test_evidence_that_cannot_be_is_refused(fields, says):
    with pytest.raises(BadMessage, match=says):
        Evidence(**{"kind": "wifi", "fence_id": "shop", "at": NINE, **fields})


def test_a_visit_on_a_sign_alone_is_stale_after_five_minutes_and_over_after_four_hours(sections):
    sections.feed(evidence("sign", 0, "s1/coffee"))
    assert sections.advance(NINE + timedelta(minutes=6)) == []
    assert sections.stage("s1/coffee") is Stage.STALE
    events = sections.advance(NINE + timedelta(hours=4))
    assert [(event.kind, event.reason, event.occurred_at) for event in events] == [("exit", "timeout", NINE)]
