"""Made-up stores: shelves that stand inside their walls, aisles that reach them, products and promotions on them."""

from datetime import UTC, datetime
from itertools import pairwise
from random import Random

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from endcap.geo import LatLon, distance_m
from endcap.messages import StoreProduct
from endcap_devkit.demo.city import load_city
from endcap_devkit.simulate.plan import WALK_WALL_M, WALL_M, lay_out
from endcap_devkit.simulate.routes import Net
from endcap_devkit.simulate.shapes import Outline, Spot, spans
from endcap_devkit.simulate.store import Premises, furnish, promote

HALL = Outline(((Spot(0, 0), Spot(60, 0), Spot(60, 40), Spot(0, 40)),))
WITH_COURTYARD = Outline((*HALL.rings, (Spot(20, 15), Spot(40, 15), Spot(40, 25), Spot(20, 25))))
ORIGIN = LatLon(60.17, 24.94)


@pytest.fixture(scope="module")
def city():
    return load_city()


def polygon(outline):
    return shapely.Polygon(outline.rings[0], outline.rings[1:])


@given(st.floats(-10, 70), st.floats(-10, 50))
def test_inside_and_clearance_are_what_shapely_says(east, north):
    spot, shape = Spot(east, north), polygon(WITH_COURTYARD)
    point = shapely.Point(spot)
    if shape.boundary.distance(point) > 1e-6:
        assert WITH_COURTYARD.contains(spot) == shape.contains(point)
    assert WITH_COURTYARD.clearance_m(spot) == pytest.approx(shape.boundary.distance(point), abs=1e-9)


@given(st.floats(0, 1.5))
def test_rooms_lie_along_the_walls_however_the_house_is_turned(radians):
    direction = HALL.turned(radians).main_direction()
    off = (direction - radians) % 3.14159265
    assert min(off, 3.14159265 - off) < 0.02


@pytest.mark.parametrize("outline", [HALL, WITH_COURTYARD], ids=["hall", "with a courtyard"])
def test_no_shelf_stands_in_a_wall(outline):
    walls = polygon(outline).boundary
    plan = lay_out(outline)
    assert len(plan.shelves) > 10
    for shelf in plan.shelves:
        line = shapely.LineString((shelf.start, shelf.end))
        assert polygon(outline).contains(line)
        assert line.distance(walls) >= WALL_M - 0.01


def test_aisles_keep_clear_of_walls_and_reach_each_other():
    plan = lay_out(WITH_COURTYARD)
    walls = polygon(WITH_COURTYARD).boundary
    assert all(shapely.Point(spot).distance(walls) >= WALK_WALL_M - 0.01 for spot in plan.aisles.spots)
    assert len(plan.aisles.largest_part()) == len(plan.aisles)


def test_a_path_goes_round_the_shelves():
    plan = lay_out(HALL)
    shelves = shapely.union_all([shapely.LineString((shelf.start, shelf.end)) for shelf in plan.shelves])
    spots = plan.aisles.spots
    for start, end in zip(spots[:40], reversed(spots[-40:]), strict=True):
        assert not shapely.LineString(plan.aisles.path(start, end)).crosses(shelves)


def test_what_can_not_be_walked_to_is_left_out():
    neck = (Spot(20, 9), Spot(40, 9), Spot(40, 0), Spot(60, 0), Spot(60, 20), Spot(40, 20), Spot(40, 11), Spot(20, 11))
    plan = lay_out(Outline(((Spot(0, 0), Spot(20, 0), *neck, Spot(20, 20), Spot(0, 20)),)))
    assert len(plan.aisles.largest_part()) == len(plan.aisles)
    assert len({spot.east_m < 30 for spot in plan.aisles.spots}) == 1


def test_the_way_that_begins_well_is_not_taken_when_it_is_longer():
    zigzag = [
        Spot(0, 0),
        Spot(0, 9),
        Spot(9, 9),
        Spot(0, 8.5),
        Spot(9, 8),
        Spot(10, 0),
    ]  # each nearer than (0, -10)
    detour = [Spot(0, 0), Spot(0, -10), Spot(10, 0)]
    net = Net([*pairwise(zigzag), *pairwise(detour)])
    assert net.path(Spot(0, 0), Spot(10, 0)) == detour


def test_the_shortest_path_is_taken():
    net = Net([(Spot(0, 0), Spot(0, 10)), (Spot(0, 10), Spot(10, 10)), (Spot(0, 0), Spot(10, 10))])
    assert net.path(Spot(0, 0), Spot(10, 10)) == [Spot(0, 0), Spot(10, 10)]
    assert net.path(Spot(10, 10), Spot(0, 10)) == [Spot(10, 10), Spot(0, 10)]


def test_places_that_nothing_joins_are_walked_to_straight():
    net = Net([(Spot(0, 0), Spot(1, 0)), (Spot(9, 9), Spot(9, 8))])
    assert net.path(Spot(0, 0), Spot(9, 9)) == [Spot(0, 0), Spot(9, 9)]


def test_runs_are_found_up_to_both_ends():
    assert list(spans([True, True, False, True])) == [(0, 1), (3, 3)]
    assert list(spans([False])) == []


def test_every_shelf_belongs_to_the_nearest_shop():
    shops = (
        ("North", "clothes", Spot(30, 39)),
        ("South", "supermarket", Spot(30, 1)),
        ("Salon", "funeral", Spot(3, 3)),
    )
    store = furnish(Premises("s", "Store", HALL, shops), ORIGIN, Spot(30, -5), Random(1))
    sections = {section.name: section for section in store.sections}
    assert set(sections) == {"North", "South"}
    assert sections["North"].segment.name == "fashion"
    assert all(shelf.middle.north_m > 20 for shelf in sections["North"].shelves)


def test_a_store_of_which_the_map_knows_no_shops_has_departments():
    store = furnish(Premises("s", "Store", HALL), ORIGIN, Spot(30, -5), Random(1))
    assert {"Groceries", "Fashion", "Toys"} <= {section.name for section in store.sections}


def test_products_are_messages_that_stand_where_the_plan_says():
    store = furnish(Premises("s", "Store", HALL), ORIGIN, Spot(30, -5), Random(1))
    assert len({product.sku for product, _ in store.products}) == len(store.products) > 30
    for product, spot in store.products:
        assert StoreProduct.from_json(product.to_json()) == product
        assert HALL.contains(spot)
        east_m = distance_m(LatLon(product.latitude_deg, ORIGIN.longitude_deg), product.point)
        assert east_m == pytest.approx(spot.east_m, abs=1.2)


def test_the_door_is_in_the_wall_towards_the_street():
    store = furnish(Premises("s", "Store", HALL), ORIGIN, Spot(30, -50), Random(1))
    assert store.door == Spot(30, 0)


def test_the_citys_stores_are_real_shops_with_something_on_offer(city):
    names = {store.premises.name for store in city.stores}
    assert {"Forum", "Stockmann", "Sokos"} <= names
    promoted = {promotion.sku for promotion in city.promotions()}
    for store in city.stores:
        assert any(product.sku in promoted for product, _ in store.products), store.id


def test_the_same_city_is_stocked_the_same_each_time(city):
    again = load_city()
    assert [s.products for s in again.stores] == [s.products for s in city.stores]
    assert again.promotions() == city.promotions()


def test_promotions_name_products_that_are_on_shelves(city):
    until = datetime(2030, 1, 1, tzinfo=UTC)
    placed = {product.sku for store in city.stores for product, _ in store.products}
    found = promote(city.stores, 0.5, until, Random(3))
    assert len({promotion.pid for promotion in found}) == len(found)
    assert {promotion.sku for promotion in found} <= placed | {None}
    assert all(promotion.ends_at == until for promotion in found)


def test_the_map_names_its_source_and_licence(city):
    assert "OpenStreetMap contributors" in city.attribution
    assert "Open Database License" in city.attribution
