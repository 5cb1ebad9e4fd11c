from random import Random

import pytest

from endcap.fences import ANDROID_SLOTS, IOS_SLOTS, Circle, FenceIndex, Geofence, GeofenceMonitor, rotate
from endcap.geo import LatLon, distance_m, offset

HELSINKI = LatLon(60.17, 24.94)


def strewn(random, count, spread_m=20_000):
    def place():
        return offset(HELSINKI, random.uniform(-spread_m, spread_m), random.uniform(-spread_m, spread_m))

    return [Geofence(f"f{n}", Circle(place(), random.uniform(50, 200))) for n in range(count)]


@pytest.mark.parametrize("slots", [IOS_SLOTS, ANDROID_SLOTS])
def test_one_slot_is_the_bubble_s_and_the_rest_are_the_nearest(slots):
    index = FenceIndex(strewn(Random(1), 500))
    rotation = rotate(index, HELSINKI, slots=slots)
    assert [fence.id for fence in rotation.fences] == [fence.id for _, fence in index.nearest(HELSINKI, slots - 1)]


def test_a_large_fence_she_is_in_is_kept_though_many_are_nearer():
    around = [Geofence(f"f{n}", Circle(offset(HELSINKI, n, 0), 5)) for n in range(40)]
    mall = Geofence("mall", Circle(HELSINKI, 3000))
    rotation = rotate(FenceIndex([mall, *around]), HELSINKI, occupied=("mall",))
    assert "mall" in rotation.ids()
    assert len(rotation.fences) == IOS_SLOTS - 1


def test_within_the_bubble_no_unwatched_fence_can_be_reached():
    random = Random(2)
    fences = strewn(random, 2000)
    index = FenceIndex(fences)
    for _ in range(50):
        point = offset(HELSINKI, random.uniform(-9000, 9000), random.uniform(-9000, 9000))
        rotation = rotate(index, point)
        unwatched = [fence for fence in fences if fence.id not in rotation.ids()]
        nearest_m = min(fence.shape.boundary_m(point) for fence in unwatched)
        assert rotation.crowded or nearest_m >= rotation.bubble.radius_m


def test_an_empty_neighbourhood_keeps_the_bubble():
    rotation = rotate(FenceIndex(), HELSINKI)
    assert rotation.fences == ()
    assert rotation.bubble == Circle(HELSINKI, 1000)
    assert not rotation.due(offset(HELSINKI, 900, 0))
    assert rotation.due(offset(HELSINKI, 1100, 0))


def test_changes_tell_what_to_add_and_what_to_remove():
    a, b, c = (Geofence(id, Circle(offset(HELSINKI, n * 100, 0), 20)) for n, id in enumerate("abc"))
    before = rotate(FenceIndex([a, b]), HELSINKI)
    wider = Geofence("b", Circle(b.shape.centre, 25))
    add, remove = rotate(FenceIndex([wider, c]), HELSINKI).changes(before)
    assert ({fence.id for fence in add}, set(remove)) == ({"b", "c"}, {"a", "b"})
    assert rotate(FenceIndex([a]), HELSINKI).changes(None)[0] == (a,)


def test_a_drive_of_50_km_past_5000_fences_misses_none():
    random = Random(3)
    fences = strewn(random, 5000, spread_m=12_000)
    index = FenceIndex(fences)
    heading = [(1, 0), (0, 1), (-1, 0), (0, -1)]
    east_m = north_m = -6250.0
    rotation = rotate(index, offset(HELSINKI, east_m, north_m))
    passed, missed, rotations = set(), set(), 0
    for step in range(50_000 // 20):  # 20 m a second for 50 km, around a square
        east_m += heading[step // 625][0] * 20
        north_m += heading[step // 625][1] * 20
        here = offset(HELSINKI, east_m, north_m)
        for _, fence in ((m, fence) for m, fence in index.nearest(here, 5) if m == 0):
            passed.add(fence.id)
            if fence.id not in rotation.ids():
                missed.add(fence.id)
        if rotation.due(here):
            rotation, rotations = rotate(index, here), rotations + 1
    assert missed == set()
    assert len(passed) > 80
    assert rotations < 400


def test_what_the_monitor_is_in_is_what_rotation_keeps(fix_at):
    shop = Geofence("shop", Circle(HELSINKI, 300))
    monitor = GeofenceMonitor([shop, *strewn(Random(4), 300, spread_m=500)], install="phone")
    for s in range(0, 40, 5):
        monitor.observe(fix_at(s))
    assert "shop" in rotate(monitor.fences, HELSINKI, monitor.inside()).ids()


def test_fewer_than_two_slots_is_refused():
    with pytest.raises(ValueError, match="slots"):
        rotate(FenceIndex(), HELSINKI, slots=1)


def test_distance_is_to_the_rim():
    far_but_wide = Geofence("wide", Circle(offset(HELSINKI, 900, 0), 850))
    near_but_small = Geofence("small", Circle(offset(HELSINKI, 100, 0), 10))
    assert [fence.id for fence in rotate(FenceIndex([near_but_small, far_but_wide]), HELSINKI).fences] == [
        "wide",
        "small",
    ]
    assert distance_m(HELSINKI, far_but_wide.shape.centre) > 800
