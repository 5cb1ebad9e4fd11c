import json
from datetime import UTC, datetime, timedelta

import pytest

from endcap.fences import Circle, Geofence, GeofenceMonitor, Stage
from endcap.fences.sim import correlated, honest_accuracy_m, noisy, stand, visit, white
from endcap.geo import LatLon
from endcap.messages import derived_id

SHOP = LatLon(60.17, 24.94)
NINE = datetime(2026, 11, 24, 9, tzinfo=UTC)


def told(monitor, fixes):
    return [event for fix in fixes for event in monitor.observe(fix)]


def kinds(events):
    return [event.kind for event in events]


@pytest.mark.parametrize("noise", [white(15), correlated(15, 60)], ids=["white", "correlated"])
@pytest.mark.parametrize("every_s", [1, 5])
def test_a_noisy_visit_is_one_enter_and_one_exit(noise, every_s, shop):
    for seed in range(10):
        monitor = GeofenceMonitor([shop], install="phone")
        fixes = noisy(visit(every_s=every_s), SHOP, noise, accuracy_m=honest_accuracy_m(15), seed=seed)
        assert kinds(told(monitor, fixes)) == ["enter", "exit"]


@pytest.mark.parametrize("honesty", [0.5, 2.0])
def test_a_phone_that_lies_about_its_accuracy_still_makes_one_visit(honesty, shop):
    for seed in range(10):
        monitor = GeofenceMonitor([shop], install="phone")
        fixes = noisy(visit(every_s=5), SHOP, white(15), accuracy_m=honest_accuracy_m(15) * honesty, seed=seed)
        assert kinds(told(monitor, fixes)) == ["enter", "exit"]


def test_standing_sixty_metres_away_is_no_visit(shop):
    for seed in range(10):
        monitor = GeofenceMonitor([shop], install="phone")
        fixes = noisy(stand(away_m=60, every_s=5), SHOP, white(15), accuracy_m=honest_accuracy_m(15), seed=seed)
        assert told(monitor, fixes) == []


def test_an_enter_is_dated_back_to_the_first_fix_that_said_so(monitor, fix_at):
    events = told(monitor, [fix_at(0, 500), fix_at(60), fix_at(64), fix_at(68), fix_at(72)])
    assert kinds(events) == ["enter"]
    assert events[0].occurred_at < events[0].decided_at
    assert events[0].decided_at - events[0].occurred_at >= timedelta(seconds=8)


def test_an_exit_is_dated_back_to_the_first_fix_outside(monitor, fix_at):
    told(monitor, [fix_at(s) for s in range(0, 60, 5)])
    events = told(monitor, [fix_at(s, 500) for s in range(60, 300, 5)])
    assert kinds(events) == ["exit"]
    assert events[0].decided_at - events[0].occurred_at == timedelta(seconds=120)


def test_one_fix_alone_never_enters(monitor, fix_at):
    assert told(monitor, [fix_at(0, 500), fix_at(60, accuracy_m=3)]) == []
    assert monitor.stage("shop") is not Stage.INSIDE


def test_a_first_look_from_inside_enters_as_initial(monitor, fix_at):
    events = told(monitor, [fix_at(s) for s in range(0, 20, 2)])
    assert [(event.kind, event.initial) for event in events] == [("enter", True)]


def test_a_walk_in_is_not_initial(monitor, fix_at):
    events = told(monitor, [fix_at(s, max(0, 200 - 2 * s)) for s in range(0, 200, 2)])
    assert [(event.kind, event.initial) for event in events] == [("enter", False)]


def test_vague_fixes_never_end_a_visit(monitor, fix_at):
    told(monitor, [fix_at(s) for s in range(0, 60, 5)])
    assert told(monitor, [fix_at(s, 10, accuracy_m=150) for s in range(60, 900, 5)]) == []
    assert monitor.inside() == ("shop",)


def test_enter_and_exit_carry_ids_that_derive_from_install_fence_and_visit(monitor, fix_at):
    events = told(monitor, [fix_at(s) for s in range(0, 60, 5)] + [fix_at(s, 500) for s in range(60, 300, 5)])
    assert [event.id for event in events] == [
        derived_id("phone", "shop", 1, "enter"),
        derived_id("phone", "shop", 1, "exit"),
    ]
    assert len({event.visit_id for event in events}) == 1


def test_the_same_walk_gives_the_same_events(shop):
    fixes = noisy(visit(every_s=5), SHOP, white(15), accuracy_m=honest_accuracy_m(15), seed=7)
    first, second = (told(GeofenceMonitor([shop], install="phone"), fixes) for _ in range(2))
    assert first == second


def test_a_visit_survives_a_restart_at_every_fix(shop):
    fixes = noisy(visit(every_s=5), SHOP, correlated(15), accuracy_m=honest_accuracy_m(15), seed=8)
    unbroken = told(GeofenceMonitor([shop], install="phone"), fixes)
    events, state = [], None
    for fix in fixes:
        monitor = GeofenceMonitor([shop], state, install="phone")
        events += monitor.observe(fix)
        state = json.loads(json.dumps(monitor.state()))
    assert events == unbroken


def test_fixes_out_of_order_change_nothing(shop, fix_at):
    in_order = [fix_at(s, max(0, 200 - 2 * s)) for s in range(0, 200, 2)]
    late = [fix for pair in zip(in_order, [in_order[0], *in_order], strict=False) for fix in pair]
    assert told(GeofenceMonitor([shop], install="p"), late) == told(GeofenceMonitor([shop], install="p"), in_order)


def test_a_single_wild_fix_does_not_move_her(monitor, fix_at):
    told(monitor, [fix_at(s) for s in range(0, 60, 5)])
    assert told(monitor, [fix_at(60, 5000), *(fix_at(s) for s in range(65, 400, 5))]) == []


def test_a_removed_fence_ends_its_visit_with_that_reason(monitor, fix_at):
    told(monitor, [fix_at(s) for s in range(0, 60, 5)])
    events = monitor.unregister("shop")
    assert [(event.kind, event.reason) for event in events] == [("exit", "removed")]
    assert monitor.unregister("shop") == []


def test_hours_of_silence_end_a_visit_when_it_was_last_seen(monitor, fix_at):
    told(monitor, [fix_at(s) for s in range(0, 61, 5)])
    events = monitor.observe(fix_at(5 * 3600))
    assert [(event.kind, event.reason, event.occurred_at) for event in events] == [
        ("exit", "timeout", NINE + timedelta(seconds=60))
    ]


def test_all_fences_that_hold_her_fire(fix_at):
    fences = [Geofence(f"ring {r}", Circle(SHOP, r)) for r in (30, 60, 200)] + [
        Geofence("elsewhere", Circle(LatLon(61, 24), 100))
    ]
    events = told(GeofenceMonitor(fences, install="phone"), [fix_at(s) for s in range(0, 30, 2)])
    assert {event.fence_id for event in events} == {"ring 30", "ring 60", "ring 200"}
