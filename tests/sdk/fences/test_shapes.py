from math import cos, pi, radians, sin
from random import Random

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from endcap.errors import BadMessage, OutOfRange
from endcap.fences import Circle, Polygon
from endcap.geo import METRES_PER_DEGREE, LatLon, distance_m, local_m, offset

SHOP = LatLon(60.17, 24.94)


def a_star(random: Random, centre: LatLon, spikes: int) -> Polygon:
    """A polygon with dents, and a hole where it is widest."""
    ring = [
        offset(centre, r * cos(2 * pi * i / spikes), r * sin(2 * pi * i / spikes))
        for i in range(spikes)
        for r in [random.uniform(40, 200)]
    ]
    hole = [offset(centre, 15 * cos(a), 15 * sin(a)) for a in (0.1, 1.5, 3.3, 4.6)]
    return Polygon(tuple(ring), holes=(tuple(hole),))


def as_shapely(polygon: Polygon) -> shapely.Polygon:
    flip = [[(lon, lat) for lat, lon in ring] for ring in (polygon.outer, *polygon.holes)]
    return shapely.Polygon(flip[0], flip[1:])


def test_random_points_lie_in_a_polygon_when_shapely_says_so():
    random = Random(3)
    for _ in range(40):
        polygon = a_star(random, SHOP, random.randint(3, 60))
        points = [offset(SHOP, random.uniform(-210, 210), random.uniform(-210, 210)) for _ in range(500)]
        theirs = shapely.covers(as_shapely(polygon), shapely.points([(lon, lat) for lat, lon in points]))
        assert [polygon.contains(point) for point in points] == theirs.tolist()


def test_the_signed_distance_is_shapelys_on_the_local_plane():
    random = Random(4)
    for _ in range(30):
        polygon = a_star(random, SHOP, random.randint(3, 30))
        point = offset(SHOP, random.uniform(-400, 400), random.uniform(-400, 400))
        rings = [[local_m(point, vertex) for vertex in ring] for ring in (polygon.outer, *polygon.holes)]
        plane = shapely.Polygon(rings[0], rings[1:])
        sign = -1 if polygon.contains(point) else 1
        assert polygon.boundary_m(point) == pytest.approx(
            sign * plane.boundary.distance(shapely.Point(0, 0)), abs=0.01, rel=1e-4
        )


def test_vertices_and_edges_belong_to_the_polygon():
    square = Polygon((LatLon(0, 0), LatLon(0, 2), LatLon(2, 2), LatLon(2, 0)))
    assert all(square.contains(point) for point in [*square.outer, LatLon(0, 1), LatLon(1, 2)])
    assert square.boundary_m(LatLon(0, 1)) == 0


def test_the_rim_of_a_hole_belongs_to_the_polygon_and_its_middle_does_not():
    square = Polygon(
        (LatLon(0, 0), LatLon(0, 4), LatLon(4, 4), LatLon(4, 0)),
        holes=((LatLon(1, 1), LatLon(1, 3), LatLon(3, 3), LatLon(3, 1)),),
    )
    assert square.contains(LatLon(1, 2))
    assert not square.contains(LatLon(2, 2))
    assert square.boundary_m(LatLon(2, 2)) > 0


def test_a_point_a_hair_beside_a_slanting_edge_is_decided_exactly():
    triangle = Polygon((LatLon(0, 0), LatLon(0, 3), LatLon(3, 0)))
    on_it = [LatLon(3 - i / 8, i / 8) for i in range(25)]  # exact in binary
    assert all(triangle.contains(point) for point in on_it)
    assert not any(triangle.contains(LatLon(lat + 5e-16 * max(1, lat), lon)) for lat, lon in on_it if lat > 0)


def test_a_polygon_across_the_antimeridian_holds_points_on_both_sides():
    fiji = Polygon((LatLon(-17, 179.5), LatLon(-17, -179.5), LatLon(-16, -179.5), LatLon(-16, 179.5)))
    assert fiji.contains(LatLon(-16.5, 179.9))
    assert fiji.contains(LatLon(-16.5, -179.9))
    assert fiji.contains(LatLon(-16.5, 180))
    assert not fiji.contains(LatLon(-16.5, 0))
    assert not fiji.contains(LatLon(-16.5, 179.4))
    assert fiji.boundary_m(LatLon(-16.5, -179.6)) == pytest.approx(
        -0.1 * METRES_PER_DEGREE * cos(radians(16.5)), rel=1e-3
    )


def test_a_circle_across_the_antimeridian_is_whole():
    circle = Circle(LatLon(-17, 179.9999), 100)
    assert circle.contains(LatLon(-17, -179.9999))
    assert circle.boundary_m(LatLon(-17, 179.9999)) == -100


@given(st.floats(-80, 80), st.floats(-180, 180), st.floats(1, 5000), st.floats(0, 6.28), st.floats(0, 2))
def test_a_circle_holds_what_is_within_its_radius(latitude, longitude, radius_m, turn, part):
    circle = Circle(LatLon(latitude, longitude), radius_m)
    point = offset(circle.centre, part * radius_m * cos(turn), part * radius_m * sin(turn))
    assert circle.contains(point) == (distance_m(circle.centre, point) <= radius_m)
    assert (circle.boundary_m(point) <= 0) == circle.contains(point)


def test_no_vertex_is_farther_from_the_centre_than_the_extent():
    polygon = a_star(Random(5), SHOP, 20)
    assert all(distance_m(polygon.centre, vertex) <= polygon.extent_m for vertex in polygon.outer)


def test_a_closing_vertex_changes_nothing():
    ring = (LatLon(0, 0), LatLon(0, 1), LatLon(1, 1))
    closed = Polygon((*ring, ring[0]))
    assert closed.area_m2 == Polygon(ring).area_m2
    assert closed.contains(LatLon(0.3, 0.6))


SQUARE = (LatLon(0, 0), LatLon(0, 4), LatLon(4, 4), LatLon(4, 0))


@pytest.mark.parametrize(
    ("outer", "holes", "says"),
    [
        (SQUARE[:2], (), "at least 3"),
        ((SQUARE[0], SQUARE[0], SQUARE[1], SQUARE[0]), (), "at least 3"),
        ((LatLon(0, 0), LatLon(1, 1), LatLon(2, 2)), (), "no area"),
        ((LatLon(0, 0), LatLon(4, 5), LatLon(0, 4), LatLon(4, 0)), (), "crosses itself"),
        (SQUARE, ((LatLon(1, 1), LatLon(1, 5), LatLon(3, 3)),), "crosses itself"),
        (SQUARE, ((LatLon(5, 5), LatLon(5, 6), LatLon(6, 6)),), "outside the outer ring"),
        (tuple(LatLon(80, lon) for lon in (-180, -90, 0, 90)), (), "pole"),
        (tuple(LatLon(i / 20000, (i % 2) / 100) for i in range(10_001)), (), "10001 vertices"),
    ],
)
def test_a_polygon_that_cannot_be_is_refused_with_its_reason(outer, holes, says):
    with pytest.raises(BadMessage, match=says):
        Polygon(outer, holes)


@pytest.mark.parametrize("radius_m", [0, -1, float("nan"), float("inf"), 100_001])
def test_a_radius_that_cannot_be_is_refused(radius_m):
    with pytest.raises(BadMessage, match="radius_m"):
        Circle(SHOP, radius_m)


def test_a_vertex_that_is_not_on_earth_is_refused():
    with pytest.raises(OutOfRange):
        Polygon((LatLon(91, 0), LatLon(0, 1), LatLon(1, 1)))
