import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.errors import BadMessage
from endcap.fences import Circle, Geofence, GeofenceMonitor, OpeningHours, Polygon
from endcap.fences.geojson import FenceDelta, from_feature, to_collection, to_feature
from endcap.geo import LatLon, offset

SHOP = LatLon(60.17, 24.94)
SQUARE = tuple(offset(SHOP, e, n) for e, n in ((-20, -20), (20, -20), (20, 20), (-20, 20)))
FULL = Geofence(
    "s1/coffee",
    Polygon(SQUARE, holes=(tuple(offset(SHOP, e, n) for e, n in ((-5, -5), (5, -5), (5, 5))),)),
    floor=-1,
    hours=OpeningHours("Mo-Sa 08:00-22:00", "Europe/Helsinki"),
    valid_from=datetime(2026, 11, 1, tzinfo=UTC),
    valid_until=datetime(2027, 1, 1, tzinfo=UTC),
    tags=("food",),
    segments=("coffee", "tea"),
    skus=(9001, 9002),
    dwell_s=60.0,
    approach_m=80.0,
    crossing=True,
    enter_hold_s=3.0,
    exit_hold_s=30.0,
)


@pytest.mark.parametrize("fence", [FULL, Geofence("s1", Circle(SHOP, 30.48))], ids=["polygon", "circle"])
def test_a_fence_survives_geojson(fence):
    assert from_feature(json.loads(json.dumps(to_feature(fence)))) == fence


@given(
    st.floats(-89, 89),
    st.floats(-180, 180),
    st.floats(0.1, 100_000),
    st.integers(-5, 90),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20),
)
def test_any_circle_survives_geojson(latitude, longitude, radius_m, floor, tag):
    fence = Geofence("f", Circle(LatLon(latitude, longitude), radius_m), floor=floor, tags=(tag,))
    assert from_feature(json.loads(json.dumps(to_feature(fence)))) == fence


def a_feature(**changes):
    feature = to_feature(Geofence("f", Circle(SHOP, 30)))
    return {**feature, **changes}


@pytest.mark.parametrize(
    ("feature", "field"),
    [
        (None, "type"),
        ({"type": "Point"}, "type"),
        (a_feature(id=None), "id"),
        (a_feature(id="x" * 129), "id"),
        (a_feature(geometry=None), "geometry"),
        (a_feature(geometry={"type": "Point", "coordinates": [24.9]}), "geometry"),
        (a_feature(geometry={"type": "Point", "coordinates": [24.9, "60"]}), "geometry"),
        (a_feature(geometry={"type": "Point", "coordinates": [24.9, 91]}), "geometry"),
        (a_feature(geometry={"type": "Point", "coordinates": [True, False]}), "geometry"),
        (a_feature(geometry={"type": "Point", "coordinates": [24.9, 10**400]}), "geometry"),
        (a_feature(geometry={"type": "Polygon", "coordinates": []}), "geometry"),
        (a_feature(geometry={"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]}), "outer"),
        (a_feature(geometry={"type": "MultiPolygon", "coordinates": []}), "geometry"),
        (a_feature(properties={}), "radius_m"),
        (a_feature(properties={"radius_m": 0}), "radius_m"),
        (a_feature(properties={"radius_m": float("nan")}), "radius_m"),
        (a_feature(properties={"radius_m": 30, "floor": "ground"}), "floor"),
        (a_feature(properties={"radius_m": 30, "hours": "now and then"}), "hours"),
        (a_feature(properties={"radius_m": 30, "hours": "24/7", "zone": "Nowhere"}), "zone"),
        (a_feature(properties={"radius_m": 30, "valid_from": "tomorrow"}), "valid_from"),
        (a_feature(properties={"radius_m": 30, "segments": "coffee"}), "segments"),
        (a_feature(properties={"radius_m": 30, "skus": [1.5]}), "skus"),
        (a_feature(properties={"radius_m": 30, "dwell_s": 0}), "dwell_s"),
        (a_feature(properties=[]), None),
    ],
)
def test_what_is_no_fence_names_its_field(feature, field):
    if field is None:
        field = "radius_m"
    with pytest.raises(BadMessage) as refusal:
        from_feature(feature)
    assert refusal.value.field == field


def test_a_feature_that_can_t_be_read_harms_no_neighbour():
    collection = to_collection([Geofence("a", Circle(SHOP, 30)), FULL])
    collection["features"].insert(1, {"type": "Feature"})
    delta = FenceDelta.from_json(collection)
    assert [fence.id for fence in delta.changed] == ["a", "s1/coffee"]
    assert [(place, fault.field) for place, fault in delta.faults] == [(1, "id")]


def told(monitor, fixes):
    return [event for fix in fixes for event in monitor.observe(fix)]


def test_a_delta_keeps_the_visit_of_a_fence_whose_shape_is_as_before(monitor, shop, fix_at):
    told(monitor, [fix_at(s) for s in range(0, 40, 5)])
    again = to_feature(Geofence("shop", shop.shape, tags=("renamed",)))
    assert FenceDelta.from_json({"version": "2", "features": [again]}).apply(monitor) == []
    assert told(monitor, [fix_at(s) for s in range(40, 300, 5)]) == []
    assert monitor.inside() == ("shop",)


def test_a_delta_that_removes_a_fence_ends_its_visit(monitor, fix_at):
    told(monitor, [fix_at(s) for s in range(0, 40, 5)])
    events = FenceDelta.from_json({"version": "3", "removed": ["shop"]}).apply(monitor)
    assert [(event.kind, event.reason) for event in events] == [("exit", "removed")]


def test_a_fence_that_moves_away_from_her_ends_the_visit_only_after_the_hold(monitor, fix_at):
    told(monitor, [fix_at(s) for s in range(0, 40, 5)])
    moved = to_feature(Geofence("shop", Circle(offset(SHOP, 500, 0), 30.48)))
    assert FenceDelta.from_json({"version": "4", "features": [moved]}).apply(monitor) == []
    events = told(monitor, [fix_at(s) for s in range(40, 300, 5)])
    assert [event.kind for event in events] == ["exit"]
    assert (events[0].decided_at - events[0].occurred_at).total_seconds() == 120


def test_a_fence_that_changes_under_her_but_still_holds_her_says_nothing(monitor, fix_at):
    told(monitor, [fix_at(s) for s in range(0, 40, 5)])
    wider = to_feature(Geofence("shop", Circle(SHOP, 60)))
    FenceDelta.from_json({"version": "5", "features": [wider]}).apply(monitor)
    assert told(monitor, [fix_at(s) for s in range(40, 300, 5)]) == []


def test_a_restart_with_another_shape_begins_the_hold_anew(monitor, shop, fix_at):
    told(monitor, [fix_at(s) for s in range(0, 40, 5)] + [fix_at(s, 300) for s in range(40, 140, 5)])
    elsewhere = Geofence("shop", Circle(offset(SHOP, 900, 0), 30.48))
    again = GeofenceMonitor([elsewhere], monitor.state(), install="phone")
    events = told(again, [fix_at(s, 300) for s in range(140, 400, 5)])
    assert [event.kind for event in events] == ["exit"]
    assert (events[0].decided_at - events[0].occurred_at).total_seconds() == 120
