import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.geo import LatLon, distance_m
from endcap_backend.console.floor import Floor, Spot
from endcap_backend.retail.plans import Plan, Section

STORE = (LatLon(60.1695, 24.9354), LatLon(60.1695, 24.9360), LatLon(60.1698, 24.9360), LatLon(60.1698, 24.9354))
WEST = (STORE[0], LatLon(60.1695, 24.9357), LatLon(60.1698, 24.9357), STORE[3])


@pytest.fixture(scope="module")
def floor():
    return Floor(Plan("s1", "Shop", (Section("w", "West", WEST), Section("all", "Store", STORE)), {}, (), ()))


def test_metres_on_the_screen_are_metres_in_the_store(floor):
    a, b = floor.spot(STORE[0]), floor.spot(STORE[2])
    assert ((a.x - b.x) ** 2 + (a.y - b.y) ** 2) ** 0.5 == pytest.approx(distance_m(STORE[0], STORE[2]), abs=0.05)
    assert a.y > b.y  # north is up


@given(x=st.floats(0, 30), y=st.floats(0, 30))
def test_there_and_back_is_the_same_place_to_a_metre(floor, x, y):
    back = floor.spot(floor.point(Spot(x, y)))
    assert abs(back.x - x) < 1.2
    assert abs(back.y - y) < 1.2


def test_a_click_knows_its_section(floor):
    assert floor.section_at(floor.spot(LatLon(60.1696, 24.9355))) == "West"
    assert floor.section_at(floor.spot(LatLon(60.1696, 24.9359))) == "Store"
    assert floor.section_at(Spot(0.1, 0.1)) == ""
