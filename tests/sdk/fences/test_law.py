"""For each fence the events read E (D)? X, E (D)? X, ... whatever comes in."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from endcap.fences import Circle, Evidence, Geofence, GeofenceMonitor, OpeningHours, Polygon, Rules
from endcap.geo import LatLon, offset
from endcap.messages import Fix

SHOP = LatLon(60.17, 24.94)
NINE = datetime(2026, 11, 24, 9, tzinfo=UTC)
BLOCK = Polygon(tuple(offset(SHOP, e, n) for e, n in ((-40, -15), (40, -15), (40, 15), (-40, 15))))
FENCES = {
    "shop": Geofence("shop", Circle(SHOP, 30.48), dwell_s=40, approach_m=60, crossing=True),
    "mall": Geofence("mall", Circle(SHOP, 120), dwell_s=20, exit_hold_s=30),
    "block": Geofence("block", BLOCK, enter_hold_s=0, crossing=True),
    "early": Geofence(
        "early", Circle(SHOP, 80), hours=OpeningHours("Mo-Su 08:00-09:20,10:00-12:00", "UTC"), dwell_s=60
    ),
    "toys": Geofence("toys", Circle(SHOP, 50), floor=2, exit_hold_s=0),
}
ids = st.sampled_from(sorted(FENCES))
places = st.sampled_from([0.0, 5.0, 25.0, 31.0, 45.0, 70.0, 130.0, 400.0, 5000.0])
NEXT = {"enter": ("dwell", "exit"), "dwell": ("exit",), "exit": ("enter",), None: ("enter",)}


class Life(RuleBasedStateMachine):
    """One phone's life: fixes, other evidence, restarts, syncs, clocks that are set."""

    def __init__(self):
        super().__init__()
        self.monitor = GeofenceMonitor(FENCES.values(), install="phone", rules=Rules(exit_hold_s=60))
        self.now = NINE
        self.last = {}  # fence -> its last event of a visit
        self.event_ids = set()
        self.fixes = []
        self.clock_was_set = False

    def hear(self, events):
        for event in events:
            assert event.id not in self.event_ids
            self.event_ids.add(event.id)
            if event.kind in ("approach", "cross"):
                continue
            before = self.last.get(event.fence_id)
            assert event.kind in NEXT[before.kind if before else None]
            if before and before.kind != "exit":
                assert event.visit_id == before.visit_id
                assert self.clock_was_set or event.occurred_at >= before.occurred_at
            assert self.clock_was_set or event.occurred_at <= event.decided_at
            assert 0 <= event.p_inside <= 1
            self.last[event.fence_id] = event

    def fix(self, east_m, north_m, accuracy_m, **more):
        fix = Fix(*offset(SHOP, east_m, north_m), self.now, accuracy_m, **more)
        self.fixes.append(fix)
        self.hear(self.monitor.observe(fix))

    @rule(east_m=places, accuracy_m=st.sampled_from([None, 3.0, 8.0, 20.0, 65.0, 500.0]), s=st.integers(0, 900))
    def one_fix(self, east_m, accuracy_m, s):
        self.now += timedelta(seconds=s)
        self.fix(east_m, 0.0, accuracy_m)

    @rule(east_m=places, count=st.integers(2, 20), every_s=st.integers(1, 30), floor=st.sampled_from([None, 1, 2]))
    def stay(self, east_m, count, every_s, floor):
        for number in range(count):
            self.now += timedelta(seconds=every_s)
            self.fix(east_m + number % 3, -(number % 2), 8.0, floor=floor)

    @rule(start_m=st.sampled_from([-500.0, -100.0]), step_m=st.sampled_from([2.0, 15.0, 60.0]))
    def walk_through(self, start_m, step_m):
        east_m = start_m
        while east_m < -start_m:
            self.now += timedelta(seconds=3)
            self.fix(east_m, 3.0, 8.0, speed_m_s=step_m / 3)
            east_m += step_m

    @rule(
        kind=st.sampled_from(["sign", "manual", "beacon", "wifi", "os_fence"]),
        fence_id=ids,
        inside=st.booleans(),
        placed=st.booleans(),
        s=st.integers(-30, 120),
    )
    def other_evidence(self, kind, fence_id, inside, placed, s):
        at = self.now + timedelta(seconds=s)
        self.now = max(self.now, at)
        point = FENCES[fence_id].shape.centre if placed else None
        self.hear(self.monitor.feed(Evidence(kind, fence_id, at, inside, point=point)))

    @rule(s=st.sampled_from([1, 30, 130, 700, 5 * 3600]))
    def time_passes(self, s):
        self.now += timedelta(seconds=s)
        self.hear(self.monitor.advance(self.now))

    @rule(back=st.integers(1, 8))
    def a_fix_comes_twice_or_late(self, back):
        for fix in self.fixes[-back:]:
            self.hear(self.monitor.observe(fix))

    @rule(hours=st.sampled_from([-2, 1]))
    def the_clock_is_set(self, hours):
        self.clock_was_set = True
        self.now += timedelta(hours=hours)

    @rule()
    def restart(self):
        state = json.loads(json.dumps(self.monitor.state()))
        registered = list(self.monitor.fences)
        self.monitor = GeofenceMonitor(registered, state, install="phone", rules=self.monitor.rules)

    @rule(fence_id=ids)
    def unregister(self, fence_id):
        self.hear(self.monitor.unregister(fence_id))

    @rule(fence_id=ids, grown_m=st.sampled_from([0.0, 40.0, -25.0]))
    def register(self, fence_id, grown_m):
        fence = FENCES[fence_id]
        if isinstance(fence.shape, Circle):
            fence = replace(fence, shape=Circle(SHOP, fence.shape.radius_m + grown_m))
        self.monitor.register(fence)

    @rule(wanted=st.sets(ids))
    def sync(self, wanted):
        self.hear(self.monitor.sync(FENCES[fence_id] for fence_id in wanted))

    @invariant()
    def what_is_said_is_what_is_held(self):
        for fence_id in FENCES:
            told = self.last.get(fence_id)
            visiting = told is not None and told.kind != "exit"
            assert (fence_id in self.monitor.inside()) == visiting


Life.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
test_events_alternate_through_restarts_syncs_and_clocks_that_are_set = Life.TestCase
