"""The tiled index: nothing within 100 ft is missed, wherever on Earth."""

from __future__ import annotations

from math import cos, radians, sin
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endcap.geo import FEET_PER_KM, NEAR_FT, NEAR_M, LatLon, haversine_km
from endcap_backend.match.index import SpatialIndex
from endcap_backend.match.tile import slots_of
from endcap_backend.match.tiling import ROWS, TILE_M, cell_of, cells_about, centre_of, columns_of

PLACES = [
    (60.17, 24.94), (0.0, 0.0), (0.0, 180.0), (37.0, -180.0), (79.9999, 10.0), (80.0001, 3.0), (-85.0, 180.0),
    (89.9995, 12.0), (-89.9999, 100.0), (90.0, 0.0), (-90.0, 0.0),
]  # fmt: skip


def within_100_ft(a: LatLon, b: LatLon) -> bool:
    return haversine_km(*a, *b) * FEET_PER_KM <= NEAR_FT


def some_points(dice: Random, place: tuple[float, float], count: int) -> list[LatLon]:
    points = []
    for _ in range(count):
        latitude = max(-90.0, min(90.0, place[0] + dice.randint(-60, 60) / 1e5))
        spread = min(18_000_000, int(60 / max(1e-6, cos(radians(latitude)))))
        longitude = (place[1] + dice.randint(-spread, spread) / 1e5 + 180.0) % 360.0 - 180.0
        points.append(LatLon(round(latitude, 5), round(longitude, 5)))
    return points


@pytest.mark.parametrize("vectorised", [True, False])
@pytest.mark.parametrize("place", PLACES)
@given(st.integers(0, 2**32))
@settings(max_examples=12, deadline=None)
def test_all_within_100_ft_are_found_and_little_else(vectorised: bool, place: tuple[float, float], seed: int) -> None:
    dice, index = Random(seed), SpatialIndex(vectorised)
    points = some_points(dice, place, 60)
    for id, point in enumerate(points):
        index.put(id, point)
    for fix in some_points(dice, place, 10):
        found = index.within_reach(fix)
        assert len(found) == len(set(found))
        assert {id for id, point in enumerate(points) if within_100_ft(fix, point)} <= set(found)
        assert all(haversine_km(*fix, *points[id]) * 1000 < NEAR_M + 0.04 for id in found)


@pytest.mark.parametrize("vectorised", [True, False])
@given(st.integers(0, 2**32), st.integers(1, 20))
@settings(max_examples=40, deadline=None)
def test_the_nearest_few_of_many_are_among_those_picked(vectorised: bool, seed: int, count: int) -> None:
    dice, index = Random(seed), SpatialIndex(vectorised)
    here = LatLon(60.17, 24.94)
    for id, point in enumerate(some_points(dice, here, 300)):
        index.put(id, point)
    tile = max(index.tiles, key=lambda each: each.occupied.bit_count())
    distances = {slot: haversine_km(*here, *tile.point(slot)) * FEET_PER_KM for slot in slots_of(tile.occupied)}
    near = sorted(slot for slot, distance in distances.items() if distance <= NEAR_FT)
    picked = tile.pick(*tile.offset(60_17000, 24_94000), tile.occupied, count)
    nearest = sorted(distances[slot] for slot in near)[:count]
    assert sorted(distances[slot] for slot in picked)[:count] == nearest
    assert len(picked) <= len(nearest) + 30  # and not all of them


@pytest.mark.parametrize("vectorised", [True, False])
def test_100_ft_is_held_to_the_last_unit_on_both_sides(vectorised: bool) -> None:
    """27.41 units of 1e-5 degrees of latitude: 27 are inside, 28 outside; along 60 degrees it is 54 and 55."""
    for fix, step, inside in [((0.0, 0.0), (1, 0), 27), ((60.0, 179.9999), (0, 1), 54), ((-60.0, 0.0), (0, -1), 54)]:
        index = SpatialIndex(vectorised)
        for units in (inside, inside + 1):
            longitude = (fix[1] + step[1] * units / 1e5 + 180) % 360 - 180
            index.put(units, LatLon(round(fix[0] + step[0] * units / 1e5, 5), round(longitude, 5)))
        assert index.within_reach(LatLon(*fix)) == [inside]


def test_a_point_taken_is_found_no_more_and_its_tile_goes() -> None:
    index = SpatialIndex()
    here = LatLon(60.17, 24.94)
    tile, slot = index.put(1, here)
    index.put(2, here)
    index.take(tile.number, slot)
    assert index.within_reach(here) == [2]
    index.take(tile.number, 1)
    assert index.within_reach(here) == []
    for number in range(50):  # tiles are numbered anew, not without end
        tile, slot = index.put(number, LatLon(number / 10, 0.0))
        index.take(tile.number, slot)
    assert len(index.tiles) == 1


def test_a_slot_that_was_freed_is_used_again() -> None:
    index = SpatialIndex()
    tile, slot = index.put(1, LatLon(60.17, 24.94))
    index.put(2, LatLon(60.17, 24.94))
    tile.take(slot)
    assert index.put(3, LatLon(60.17001, 24.94)) == (tile, slot)
    assert tile.point(slot) == LatLon(60.17001, 24.94)
    assert sorted(index.within_reach(LatLon(60.17, 24.94))) == [2, 3]


@given(st.integers(-90_00000, 90_00000), st.integers(-180_00000, 179_99999))
def test_a_tile_gives_a_point_back_as_it_was_put(latitude_e5: int, longitude_e5: int) -> None:
    point = LatLon(latitude_e5 / 1e5, longitude_e5 / 1e5)
    tile, slot = SpatialIndex().put(1, point)
    assert tile.point(slot) == point


@given(st.integers(0, ROWS - 1))
def test_a_tile_is_never_narrower_than_its_height(row: int) -> None:
    edge_deg = max(abs(row * 180 / ROWS - 90), abs((row + 1) * 180 / ROWS - 90))
    around_m = 2 * 3.141592653589793 * 6_371_000 * cos(radians(edge_deg))
    assert columns_of(row) == 1 or around_m / columns_of(row) >= TILE_M


def test_the_poles_and_the_antimeridian_have_their_cells() -> None:
    assert cell_of(0.0, 180.0) == cell_of(0.0, -180.0)
    assert centre_of(cell_of(-90.0, 55.0)) == centre_of(cell_of(-89.9999, -55.0))
    assert centre_of(cell_of(90.0, 55.0)) == centre_of(cell_of(89.9999, -55.0))


@given(st.integers(-90_00000, 90_00000), st.integers(-180_00000, 180_00000), st.floats(0, 6.29))
def test_what_lies_within_100_ft_is_in_a_cell_about(latitude_e5: int, longitude_e5: int, bearing: float) -> None:
    here = LatLon(latitude_e5 / 1e5, longitude_e5 / 1e5)
    north_deg, reach_deg = here.latitude_deg + NEAR_M / 111_195 * cos(bearing), NEAR_M / 111_195 * sin(bearing)
    if abs(north_deg) > 90:
        return
    east_deg = reach_deg / max(1e-9, cos(radians(north_deg)))
    there = LatLon(north_deg, (here.longitude_deg + east_deg + 180) % 360 - 180)
    if within_100_ft(here, there):
        assert cell_of(*there) in cells_about(cell_of(*here))
