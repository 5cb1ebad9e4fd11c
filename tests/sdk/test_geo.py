import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.errors import OutOfRange
from endcap.geo import LatLon, distance_ft, distance_km, distance_m, local_m, offset, round_coordinate

points = st.builds(LatLon, st.floats(-90, 90), st.floats(-180, 180))


def test_the_distance_is_the_one_ksqldb_printed():
    assert distance_ft(LatLon(37.775, -122.4194), LatLon(37.7749, -122.4194)) == 36.48305543069855


@given(points, points)
def test_distance_is_symmetric_and_never_longer_than_half_the_earth(a, b):
    assert distance_km(a, b) == pytest.approx(distance_km(b, a), abs=1e-6)
    assert 0 <= distance_km(a, b) <= 20_015.1


@pytest.mark.parametrize("point", [LatLon(90.00001, 0), LatLon(0, -180.00001), LatLon(float("nan"), 0)])
def test_a_point_that_is_not_on_earth_is_refused(point):
    with pytest.raises(OutOfRange):
        distance_km(point, LatLon(0, 0))


def test_the_poles_and_the_antimeridian_are_on_earth():
    assert distance_km(LatLon(90, 0), LatLon(90, 180)) == pytest.approx(0, abs=1e-9)
    assert distance_km(LatLon(0, 180), LatLon(0, -180)) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("raw", "rounded"), [(37.7749295, 37.77493), (-122.41941, -122.41941), (-1e-9, 0.0)])
def test_a_coordinate_is_rounded_to_five_decimals(raw, rounded):
    assert repr(round_coordinate(raw)) == repr(rounded)


@given(st.floats(-80, 80), st.floats(-180, 179.999999), st.floats(-500, 500, width=32), st.floats(-500, 500, width=32))
def test_local_metres_agree_with_the_sphere(latitude, longitude, east_m, north_m):
    origin = LatLon(latitude, longitude)
    moved = offset(origin, east_m, north_m)
    assert local_m(origin, moved) == pytest.approx((east_m, north_m), abs=0.01)
    assert distance_m(origin, moved) == pytest.approx((east_m**2 + north_m**2) ** 0.5, abs=0.05)
