import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import cos
from random import Random

import pytest

from endcap.errors import BadConfig, BadMessage
from endcap.fences import Circle, Geofence, GeofenceMonitor, OpeningHours, Rules, Stage
from endcap.geo import LatLon
from endcap.messages import derived_id
from endcap.sim import accuracy_lies, correlated, white
from endcap.sim.walks import stand, visit

SHOP = LatLon(60.17, 24.94)
NINE = datetime(2026, 11, 24, 9, tzinfo=UTC)


def flawed(walk, *flaws, seed):
    random = Random(seed)
    for flaw in flaws:
        walk = flaw(walk, random)
    return walk


def told(monitor, fixes):
    return [event for fix in fixes for event in monitor.observe(fix)]


def kinds(events):
    return [event.kind for event in events]


@pytest.mark.parametrize("noise", [white(15), correlated(15, 60)], ids=["white", "correlated"])
@pytest.mark.parametrize("every_s", [1, 5])
def test_a_noisy_visit_is_one_enter_and_one_exit(noise, every_s, shop):
    for seed in range(10):
        monitor = GeofenceMonitor([shop], install="phone")
        fixes = flawed(visit(SHOP, every_s=every_s), noise, seed=seed)
        assert kinds(told(monitor, fixes)) == ["enter", "exit"]


@pytest.mark.parametrize("honesty", [0.5, 2.0])
def test_a_phone_that_lies_about_its_accuracy_still_makes_one_visit(honesty, shop):
    for seed in range(10):
        monitor = GeofenceMonitor([shop], install="phone")
        fixes = flawed(visit(SHOP, every_s=5), white(15), accuracy_lies(honesty), seed=seed)
        assert kinds(told(monitor, fixes)) == ["enter", "exit"]


def test_standing_sixty_metres_away_is_no_visit(shop):
    for seed in range(10):
        monitor = GeofenceMonitor([shop], install="phone")
        fixes = flawed(stand(SHOP, away_m=60, every_s=5), white(15), seed=seed)
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
    fixes = flawed(visit(SHOP, every_s=5), white(15), seed=7)
    first, second = (told(GeofenceMonitor([shop], install="phone"), fixes) for _ in range(2))
    assert first == second


def test_a_visit_survives_a_restart_at_every_fix(shop):
    fixes = flawed(visit(SHOP, every_s=5), correlated(15), seed=8)
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


def test_a_dwell_is_told_once_at_the_threshold_exactly(shop, fix_at):
    monitor = GeofenceMonitor([replace(shop, dwell_s=60)], install="phone")
    events = told(monitor, [fix_at(s) for s in range(0, 400, 7)])
    assert kinds(events) == ["enter", "dwell"]
    assert events[1].occurred_at == events[0].occurred_at + timedelta(seconds=60)
    assert events[1].visit_id == events[0].visit_id


def test_a_dwell_falls_due_on_waking_without_a_fix(shop, fix_at):
    monitor = GeofenceMonitor([replace(shop, dwell_s=60)], install="phone")
    told(monitor, [fix_at(s) for s in range(0, 50, 5)])
    assert monitor.advance(NINE + timedelta(seconds=59)) == []
    assert kinds(monitor.advance(NINE + timedelta(seconds=61))) == ["dwell"]
    assert monitor.advance(NINE + timedelta(seconds=90)) == []


def test_a_visit_shorter_than_the_threshold_has_no_dwell(shop, fix_at):
    monitor = GeofenceMonitor([replace(shop, dwell_s=100)], install="phone")
    fixes = [fix_at(s) for s in range(0, 60, 5)] + [fix_at(s, 500) for s in range(60, 400, 5)]
    assert kinds(told(monitor, fixes)) == ["enter", "exit"]


def test_a_dwell_that_was_due_before_she_left_comes_before_the_exit(shop, fix_at):
    monitor = GeofenceMonitor([replace(shop, dwell_s=55)], install="phone")
    told(monitor, [fix_at(s) for s in range(0, 50, 5)])
    events = told(monitor, [fix_at(s, 500) for s in range(60, 400, 5)])
    assert kinds(events) == ["dwell", "exit"]
    assert events[0].occurred_at < events[1].occurred_at


def test_an_approach_is_told_once_while_she_lingers(shop, fix_at):
    monitor = GeofenceMonitor([replace(shop, approach_m=100)], install="phone")
    lingering = [fix_at(s, 110 + 20 * (s % 20 > 10)) for s in range(60, 600, 5)]
    events = told(monitor, [fix_at(s, 400 - 5 * s) for s in range(0, 60, 5)] + lingering)
    assert kinds(events) == ["approach"]


def test_an_approach_is_told_again_when_she_has_been_away(shop, fix_at):
    monitor = GeofenceMonitor([replace(shop, approach_m=100)], install="phone")
    fixes = [fix_at(s, 250 + 150 * cos(s / 40)) for s in range(0, 800, 5)]
    events = told(monitor, fixes)
    assert kinds(events) == ["approach"] * 3
    assert len({event.id for event in events}) == 3


def test_walking_out_is_no_approach(shop, fix_at):
    monitor = GeofenceMonitor([replace(shop, approach_m=100)], install="phone")
    fixes = [fix_at(s) for s in range(0, 60, 5)] + [fix_at(s, s - 60) for s in range(60, 400, 5)]
    assert kinds(told(monitor, fixes)) == ["enter", "exit"]


def test_a_fast_pass_is_a_crossing_and_never_an_enter(shop, fix_at):
    monitor = GeofenceMonitor([replace(shop, crossing=True)], install="phone")
    fixes = [fix_at(s, -610 + 20 * s, speed_m_s=20.0) for s in range(0, 65, 5)]
    events = told(monitor, fixes)
    assert kinds(events) == ["cross"]
    assert abs(events[0].occurred_at - (NINE + timedelta(seconds=30.5))) < timedelta(seconds=2)


def test_a_pass_beside_the_fence_is_no_crossing(shop, fix_at):
    monitor = GeofenceMonitor([replace(shop, crossing=True)], install="phone")
    assert told(monitor, [fix_at(s, -610 + 20 * s, 45, speed_m_s=20.0) for s in range(0, 65, 5)]) == []


def test_a_fence_that_does_not_ask_hears_of_no_crossing(monitor, fix_at):
    assert told(monitor, [fix_at(s, -610 + 20 * s, speed_m_s=20.0) for s in range(0, 65, 5)]) == []


def test_a_store_that_opens_around_her_enters_with_that_reason(shop, fix_at):
    opens_at_ten = replace(shop, hours=OpeningHours("Mo-Su 10:00-20:00", "UTC"))
    monitor = GeofenceMonitor([opens_at_ten], install="phone")
    assert told(monitor, [fix_at(s) for s in range(0, 3600, 30)]) == []
    events = told(monitor, [fix_at(s) for s in range(3600, 3700, 5)])
    assert [(event.kind, event.reason, event.occurred_at) for event in events] == [
        ("enter", "opened", NINE + timedelta(hours=1))
    ]


def test_a_store_that_closes_ends_the_visit_at_that_minute(shop, fix_at):
    closes = replace(shop, hours=OpeningHours("Mo-Su 08:00-09:10", "UTC"))
    monitor = GeofenceMonitor([closes], install="phone")
    assert kinds(told(monitor, [fix_at(s) for s in range(0, 600, 30)])) == ["enter"]
    events = monitor.observe(fix_at(630))
    assert [(event.kind, event.reason, event.occurred_at) for event in events] == [
        ("exit", "closed", NINE + timedelta(minutes=10))
    ]


def test_an_offer_that_expires_ends_the_visit(shop, fix_at):
    expiring = replace(shop, valid_until=NINE + timedelta(seconds=100))
    monitor = GeofenceMonitor([expiring], install="phone")
    events = told(monitor, [fix_at(s) for s in range(0, 300, 7)])
    assert [(event.kind, event.reason) for event in events] == [("enter", ""), ("exit", "expired")]
    assert events[1].occurred_at == NINE + timedelta(seconds=100)


def test_silence_is_stale_and_no_exit_and_she_is_still_there_afterwards(monitor, fix_at):
    told(monitor, [fix_at(s) for s in range(0, 60, 5)])
    assert monitor.advance(NINE + timedelta(minutes=10)) == []
    assert monitor.stage("shop") is Stage.STALE
    assert told(monitor, [fix_at(s) for s in range(3600, 3700, 5)]) == []
    assert monitor.stage("shop") is Stage.INSIDE


def test_a_clock_set_back_by_an_hour_does_not_blind_the_monitor(monitor, fix_at):
    told(monitor, [fix_at(s) for s in range(0, 60, 5)])
    events = told(monitor, [fix_at(s - 3600, 500) for s in range(60, 400, 5)])
    assert kinds(events) == ["exit"]
    assert events[0].occurred_at < NINE


def test_a_jump_out_of_a_tunnel_is_believed_at_the_second_fix(monitor, fix_at):
    told(monitor, [fix_at(s) for s in range(0, 60, 5)])
    events = told(monitor, [fix_at(s, 2000) for s in range(90, 300, 5)])
    assert kinds(events) == ["exit"]
    assert events[0].occurred_at == NINE + timedelta(seconds=95)


def test_sync_watches_what_is_named_and_nothing_else(shop, monitor, fix_at):
    told(monitor, [fix_at(s) for s in range(0, 60, 5)])
    other = Geofence("other", Circle(SHOP, 50))
    assert [(event.kind, event.reason) for event in monitor.sync([other])] == [("exit", "removed")]
    assert kinds(told(monitor, [fix_at(s) for s in range(60, 90, 5)])) == ["enter"]
    assert monitor.sync([other]) == []
    assert monitor.inside() == ("other",)


def test_numbers_of_visits_go_on_when_a_fence_comes_back(shop, monitor, fix_at):
    first = told(monitor, [fix_at(s) for s in range(0, 60, 5)])
    monitor.unregister("shop")
    monitor.register(shop)
    second = told(monitor, [fix_at(s) for s in range(60, 90, 5)])
    assert kinds(first) == kinds(second) == ["enter"]
    assert first[0].id != second[0].id


def test_the_smallest_fence_she_is_in_comes_first(fix_at):
    monitor = GeofenceMonitor([Geofence("mall", Circle(SHOP, 200)), Geofence("shop", Circle(SHOP, 30))], install="p")
    told(monitor, [fix_at(s) for s in range(0, 60, 5)])
    assert monitor.inside() == ("shop", "mall")


def test_explain_says_why_a_vague_fix_did_not_fire(monitor, fix_at):
    told(monitor, [fix_at(s, accuracy_m=65) for s in range(0, 60, 20)])
    explanation = monitor.explain("shop")
    assert explanation.p_inside < 0.6
    assert "can't decide a fence of this size" in str(explanation)


def test_explain_says_how_far_off_she_was_and_what_fixes_were_not_used(monitor, fix_at):
    told(monitor, [fix_at(s, 80) for s in range(0, 60, 5)] + [fix_at(61, 9000)])
    text = str(monitor.explain("shop"))
    assert "m outside the boundary" in text
    assert "too fast" in text
    assert "60.17" not in text


def test_explain_tells_what_fired_then(monitor, fix_at):
    told(monitor, [fix_at(s) for s in range(0, 60, 5)])
    assert kinds(monitor.explain("shop", NINE + timedelta(seconds=30)).events) == ["enter"]


@pytest.mark.parametrize(
    ("fence_id", "at", "says"),
    [
        ("nowhere", NINE, "no fence of this id"),
        ("shop", NINE - timedelta(hours=1), "nobody knew where she was"),
        ("late", NINE + timedelta(seconds=50), "its store was closed"),
    ],
)
def test_explain_knows_other_reasons(fence_id, at, says, shop, fix_at):
    late = replace(shop, id="late", hours=OpeningHours("Mo-Su 12:00-20:00", "UTC"))
    monitor = GeofenceMonitor([shop, late], install="phone")
    told(monitor, [fix_at(s) for s in range(0, 60, 5)])
    assert says in str(monitor.explain(fence_id, at))


@pytest.mark.parametrize("state", [{}, {"version": 99}, {"version": 1}, {"version": 1, "where": 3, "tracks": {}}])
def test_a_state_that_is_none_is_refused(state, shop):
    with pytest.raises(BadMessage):
        GeofenceMonitor([shop], state, install="phone")


def test_a_state_that_breaks_off_leaves_the_monitor_as_it_was(monitor, fix_at):
    for s in range(0, 60, 5):
        monitor.observe(fix_at(s))
    before = monitor.state()
    with pytest.raises(BadMessage, match="state"):
        monitor.restore({**GeofenceMonitor(install="phone").state(), "now_ms": None})
    assert monitor.state() == before


@pytest.mark.parametrize("rules", [{"p_in": 0.4}, {"p_out": 0.9}, {"exit_hold_s": -1}, {"timeout_s": 1}])
def test_rules_that_cannot_work_are_refused(rules):
    with pytest.raises(BadConfig, match=next(iter(rules))):
        Rules(**rules)


def test_an_event_travels_as_a_customer_event(monitor, fix_at):
    event = told(monitor, [fix_at(s) for s in range(0, 60, 5)])[0]
    message = event.to_message("u1", store="s1")
    assert (message.kind, message.fence, message.id, message.visit) == ("enter", "shop", event.id, event.visit_id)
    assert event.confidence == "high"
