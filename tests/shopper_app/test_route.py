"""Routes: every stop once, never longer than going as the list stands, near the best there is."""

from itertools import pairwise, permutations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.geo import LatLon, distance_m
from endcap_shopper.aisles import Aisles, Reach, Ways
from endcap_shopper.route import Stop, best_order, find_route, length_m

places = st.lists(st.tuples(st.floats(0, 60), st.floats(0, 40)), min_size=1, max_size=9)


def plane(points):
    def metres(one, other):
        return ((points[one][0] - points[other][0]) ** 2 + (points[one][1] - points[other][1]) ** 2) ** 0.5

    return metres


@given(places, st.sets(st.integers(1, 8)))
def test_every_place_is_visited_once_and_the_cold_ones_last(points, cold):
    numbers = range(1, len(points))
    first, last = [n for n in numbers if n not in cold], [n for n in numbers if n in cold]
    order = best_order(plane(points), first, last)
    assert set(order[: len(first)]) == set(first)
    assert set(order[len(first) :]) == set(last)
    assert len(order) == len(points) - 1


@given(places)
def test_a_route_is_never_longer_than_the_nearest_next_one(points):
    metres = plane(points)
    here, left, greedy = 0, set(range(1, len(points))), []
    while left:
        here = min(left, key=lambda place: (metres(here, place), place))
        left.remove(here)
        greedy.append(here)
    order = best_order(metres, list(range(1, len(points))), [])
    assert length_m(metres, order) <= length_m(metres, greedy) + 1e-6


def test_seven_stops_are_on_average_within_five_percent_of_the_best():
    random, ratios = Random(8), []
    for _ in range(40):
        points = [(random.uniform(0, 60), random.uniform(0, 40)) for _ in range(8)]
        metres = plane(points)
        best = min(length_m(metres, order) for order in permutations(range(1, 8)))
        ratios.append(length_m(metres, best_order(metres, list(range(1, 8)), [])) / best)
    assert min(ratios) >= 1 - 1e-9
    assert sum(ratios) / len(ratios) <= 1.05


def test_the_end_is_taken_into_account():
    points = [(0, 0), (10, 0), (-10, 0), (12, 0)]
    assert best_order(plane(points), [1, 2], [], end=3) == [2, 1]


@given(st.floats(-30, 50), st.floats(-30, 50))
def test_the_foot_of_a_shelf_is_nearer_than_any_crossing(build, east_m, north_m):
    aisles, point = build.grid(), build.at(east_m, north_m)
    foot, edge = aisles.foot(point)
    assert edge in aisles.edges
    assert all(distance_m(point, foot) <= distance_m(point, node) + 0.01 for node in aisles.nodes.values())


@given(st.lists(st.tuples(st.floats(0, 20), st.floats(0, 20)), min_size=2, max_size=5))
def test_one_search_for_all_shelves_agrees_with_one_for_each(build, spots):
    aisles, points = build.grid(), [build.at(*spot) for spot in spots]
    ways, reach = Ways(aisles, points), Reach(aisles, points[0])
    for number, point in enumerate(points[1:], 1):
        assert reach.metres(point) == pytest.approx(ways.metres(0, number), abs=0.02)


def test_a_way_goes_along_the_aisles_and_not_through_shelves(build):
    ways = Ways(build.grid(), [build.at(0, 5), build.at(20, 15)])
    assert ways.metres(0, 1) == pytest.approx(30, rel=1e-3)
    path = ways.path(0, 1)
    assert (path[0], path[-1]) == (build.at(0, 5), build.at(20, 15))
    assert sum(distance_m(a, b) for a, b in pairwise(path)) == pytest.approx(30, rel=1e-3)


def test_a_shelf_beside_an_aisle_is_reached_from_its_foot(build):
    ways = Ways(build.grid(), [build.at(5, 2), build.at(15, 2)])
    assert ways.metres(0, 1) == pytest.approx(2 + 10 + 2, rel=1e-3)


def test_two_shelves_at_one_stretch_of_aisle_do_not_lead_around_the_block(build):
    ways = Ways(build.grid(), [build.at(3, 0), build.at(7, 0)])
    assert ways.metres(0, 1) == pytest.approx(4, rel=1e-3)


def test_without_aisles_she_walks_straight(build):
    route = find_route(Aisles(), build.at(0, 0), [Stop("a", build.at(3, 4))])
    assert route.length_m == pytest.approx(5, rel=1e-3)
    assert route.legs[0].path == (build.at(0, 0), build.at(3, 4))


def test_a_part_of_the_store_no_way_leads_to_is_still_shown(build):
    aisles = Aisles({"a": build.at(0, 0), "b": build.at(5, 0), "c": build.at(0, 50), "d": build.at(5, 50)},
                    (("a", "b"), ("c", "d")))  # fmt: skip
    route = find_route(aisles, build.at(0, 0), [Stop("far", build.at(0, 50))])
    assert route.length_m == pytest.approx(50, rel=1e-3)


def test_what_must_stay_cold_comes_last_though_it_is_nearest(build):
    stops = [Stop("ice", build.at(0, 1), last=True), Stop("tea", build.at(0, 20))]
    assert find_route(build.grid(), build.at(0, 0), stops).items == ("tea", "ice")


def test_thirty_stops_in_a_large_store_visit_each_once(build):
    random = Random(3)
    stops = [Stop(str(n), build.at(random.uniform(0, 90), random.uniform(0, 60))) for n in range(30)]
    route = find_route(build.grid(10, 7), build.at(0, 0), stops, end=build.at(0, 0))
    assert sorted(route.items, key=int) == [str(n) for n in range(30)]
    ways = Ways(build.grid(10, 7), [build.at(0, 0), *(stop.point for stop in stops)])
    assert route.length_m < length_m(ways.metres_or_straight, range(1, 31)) / 2


def test_a_plan_with_ways_to_nowhere_is_read_without_them():
    value = {"nodes": [{"id": 1, "latitude": 60, "longitude": 24}], "edges": [[1, 2]]}
    aisles = Aisles.from_json(value)
    assert aisles.edges == ()
    assert aisles.nearest(LatLon(60.1, 24.1)) == (60, 24)
