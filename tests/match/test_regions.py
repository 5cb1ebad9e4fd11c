"""Regions: whoever has a fix's region has every shelf within 100 ft of it, wherever on Earth."""

from __future__ import annotations

from math import asin, atan2, cos, degrees, radians, sin

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endcap.geo import FEET_PER_KM, NEAR_FT, NEAR_M, haversine_km
from endcap_backend.match.regions import partition_of, region_of, regions_about

EARTH_M = 6_371_000.0
LATITUDES = st.one_of(st.floats(-90, 90), st.sampled_from([90.0, -90.0, 89.99995, -89.9999, 0.0, 60.17, 60.16999]))
LONGITUDES = st.one_of(st.floats(-180, 180), st.sampled_from([180.0, -180.0, 179.99999, 24.94]))


@given(LATITUDES, LONGITUDES, st.floats(0, 360), st.floats(0, NEAR_M))
@settings(max_examples=500, deadline=None)
def test_a_shelf_is_known_in_every_region_from_which_it_is_near(
    latitude: float, longitude: float, bearing_deg: float, metres: float
) -> None:
    there = moved(latitude, longitude, bearing_deg, metres)
    if haversine_km(latitude, longitude, *there) * FEET_PER_KM <= NEAR_FT:
        assert region_of(*there) in regions_about(latitude, longitude)


@pytest.mark.parametrize("longitude", [-180.0, 180.0])
def test_both_names_of_the_antimeridian_are_one_region(longitude: float) -> None:
    assert region_of(60.0, longitude) == region_of(60.0, 180.0)


def test_most_shelves_are_needed_in_one_region_only() -> None:
    shelves = [(60.1 + n * 0.00137, 24.9 + n * 0.00211) for n in range(500)]
    copies = [len(regions_about(*shelf)) for shelf in shelves]
    assert sum(copies) / len(copies) < 1.2
    assert max(copies) <= 4


def test_the_regions_of_a_town_are_strewn_over_all_partitions() -> None:
    regions = {region_of(60.1 + a * 0.01, 24.8 + b * 0.02) for a in range(20) for b in range(20)}
    shares = [sum(1 for each in regions if partition_of(each, 6) == number) for number in range(6)]
    assert min(shares) > len(regions) / 12


def moved(latitude: float, longitude: float, bearing_deg: float, metres: float) -> tuple[float, float]:
    """The point so far from another, on the sphere."""
    phi, theta, angle = radians(latitude), radians(bearing_deg), metres / EARTH_M
    there = asin(max(-1.0, min(1.0, sin(phi) * cos(angle) + cos(phi) * sin(angle) * cos(theta))))
    east = atan2(sin(theta) * sin(angle) * cos(phi), cos(angle) - sin(phi) * sin(there))
    return degrees(there), (longitude + degrees(east) + 540.0) % 360.0 - 180.0
