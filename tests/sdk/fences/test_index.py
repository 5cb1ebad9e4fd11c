from random import Random

import pytest

from endcap.fences import Circle, FenceIndex, Geofence, Polygon
from endcap.geo import LatLon, distance_m, offset


def a_town(random, centre, count):
    """Circles, circles with something to say, and squares, in clusters."""
    fences = []
    for number in range(count):
        place = offset(centre, random.gauss(0, 2000), random.gauss(0, 2000))
        kind = number % 4
        if kind == 3:
            half = random.uniform(5, 200)
            corners = tuple(offset(place, e * half, n * half) for e, n in ((-1, -1), (1, -1), (1, 1), (-1, 1)))
            fences.append(Geofence(f"f{number}", Polygon(corners)))
        else:
            fences.append(
                Geofence(f"f{number}", Circle(place, random.uniform(5, 400)), tags=("x",) if kind == 2 else ())
            )
    return fences


@pytest.fixture(params=[LatLon(60.17, 24.94), LatLon(-17, 179.999), LatLon(78, -179.999), LatLon(0, 0)], ids=str)
def town(request):
    return request.param


def nearest_by_hand(fences, point, count):
    return sorted((max(0.0, fence.shape.boundary_m(point)), fence.id) for fence in fences)[:count]


def test_near_finds_what_looking_at_each_finds(town):
    random = Random(1)
    fences = a_town(random, town, 600)
    index = FenceIndex(fences)
    for _ in range(60):
        point, reach_m = offset(town, random.gauss(0, 2500), random.gauss(0, 2500)), random.uniform(0, 300)
        assert {fence.id for fence in index.near(point, reach_m)} == {
            fence.id for fence in fences if fence.shape.boundary_m(point) <= reach_m
        }


def test_nearest_is_by_distance_to_the_boundary(town):
    random = Random(2)
    fences = a_town(random, town, 600)
    index = FenceIndex(fences)
    for _ in range(40):
        point = offset(town, random.gauss(0, 4000), random.gauss(0, 4000))
        found = index.nearest(point, 19)
        expected = nearest_by_hand(fences, point, 19)
        assert [outside_m for outside_m, _ in found] == pytest.approx(
            [outside_m for outside_m, _ in expected], abs=1e-6
        )


def test_fences_that_come_and_go_are_as_good_as_those_that_were_there(town):
    random = Random(3)
    fences = {fence.id: fence for fence in a_town(random, town, 400)}
    index = FenceIndex(list(fences.values())[:100])
    for fence in list(fences.values())[100:]:
        index.put(fence)
    for fence_id in random.sample(sorted(fences), 300):
        index.discard(fence_id)
        del fences[fence_id]
    moved = random.sample(sorted(fences), 20)
    for fence_id in moved:
        fences[fence_id] = Geofence(fence_id, Circle(offset(town, random.gauss(0, 2000), 0), 33))
        index.put(fences[fence_id])
    assert len(index) == len(fences) == 100
    assert {fence.id: fence for fence in index} == fences
    for _ in range(30):
        point = offset(town, random.gauss(0, 2500), random.gauss(0, 2500))
        assert {fence.id for fence in index.near(point, 100)} == {
            fence.id for fence in fences.values() if fence.shape.boundary_m(point) <= 100
        }
        assert index.nearest(point, 150)[-1][0] == pytest.approx(nearest_by_hand(fences.values(), point, 150)[-1][0])


def test_a_fence_comes_back_as_it_was_put():
    fence = Geofence("f", Circle(LatLon(60, 24), 30.5), floor=2, tags=("a",))
    plain = Geofence("p", Circle(LatLon(60, 24), 30.5))
    index = FenceIndex([fence, plain])
    assert (index.get("f"), index.get("p"), index.get("x")) == (fence, plain, None)


def test_a_fence_s_own_approach_widens_the_reach():
    centre = LatLon(60.17, 24.94)
    index = FenceIndex([Geofence("a", Circle(centre, 30), approach_m=100), Geofence("b", Circle(centre, 30))])
    assert [fence.id for fence in index.near(offset(centre, 120, 0), 0)] == ["a"]


def test_an_empty_index_knows_nothing():
    index = FenceIndex()
    assert index.near(LatLon(0, 0), 1000) == []
    assert index.nearest(LatLon(0, 0), 19) == []


def test_fences_all_in_one_place_are_all_found():
    centre = LatLon(60.17, 24.94)
    index = FenceIndex(Geofence(f"f{n}", Circle(centre, 10)) for n in range(300))
    assert len(index.near(centre, 0)) == 300
    assert len(index.nearest(centre, 99)) == 99


def test_the_nearest_of_a_whole_country_is_found_from_afar():
    random = Random(5)
    fences = [
        Geofence(f"f{n}", Circle(LatLon(random.uniform(45, 65), random.uniform(5, 30)), 100)) for n in range(3000)
    ]
    index = FenceIndex(fences)
    for point in (LatLon(50, 10), LatLon(70, 20), LatLon(47, 40), LatLon(40, 15)):
        by_hand = min(distance_m(point, fence.shape.centre) for fence in fences) - 100
        assert index.nearest(point, 1)[0][0] == pytest.approx(by_hand)
