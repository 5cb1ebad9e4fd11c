"""The demo's stores as floor plans: the same stores, as a shop would load them."""

import itertools
import json

import pytest
import shapely

from endcap.geo import distance_m
from endcap_backend.retail.plan_files import plans_of
from endcap_devkit.demo.city import load_city
from endcap_devkit.demo.plans import plan_of_store, plans_file
from endcap_devkit.simulate.routes import Net


@pytest.fixture(scope="module")
def city():
    return load_city()


@pytest.fixture(scope="module")
def plans(city):
    features = json.loads(plans_file(city))["features"]
    plans, faults = plans_of((f"feature {number}", each) for number, each in enumerate(features, 1))
    assert faults == []
    return {plan.store: plan for plan in plans}


def test_every_store_has_a_plan_with_every_product_within_its_section(city, plans):
    assert plans.keys() == {store.id for store in city.stores}
    for store in city.stores:
        sections = {each.name: shapely.Polygon(each.polygon) for each in plans[store.id].sections}
        for product, _ in store.products:
            assert sections[product.section].contains(shapely.Point(product.latitude_deg, product.longitude_deg))


def test_every_place_in_the_aisles_is_reached_from_the_door(plans):
    for plan in plans.values():
        (door,) = plan.doors
        near = {}
        for start, end in plan.edges:
            near.setdefault(start, set()).add(end)
            near.setdefault(end, set()).add(start)
        here = next(id for id, point in plan.nodes.items() if distance_m(point, door.point) < 0.05)
        seen, waiting = {here}, [here]
        while waiting:
            waiting += [there for there in near[waiting.pop()] if there not in seen and not seen.add(there)]
        assert seen == plan.nodes.keys()


def test_straightened_aisles_lead_as_far_as_the_steps_they_are_made_of(city):
    store = city.stores[0]
    aisles = store.plan.aisles
    short = aisles.straightened(keep=aisles.nearest(store.door))
    assert len(short) < len(aisles) / 5
    ends = list(short.spots)[:8]
    for start, end in itertools.pairwise(ends):
        assert length_m(short.path(start, end)) == pytest.approx(length_m(aisles.path(start, end)), rel=1e-3)


def length_m(path):
    return sum(a.to(b) for a, b in itertools.pairwise(path))


def test_a_square_of_ways_keeps_its_corners_and_what_is_asked_for(city):
    spot = city.stores[0].door
    right, up = type(spot)(spot[0] + 9, spot[1]), type(spot)(spot[0], spot[1] + 9)
    net = Net([(spot, spot.towards(right, 4)), (spot.towards(right, 4), right), (spot, up)])
    assert len(net.straightened(keep=spot)) == 3
    assert len(net.straightened(keep=spot.towards(right, 4))) == 4


def test_a_plan_is_the_same_each_time(city):
    assert plan_of_store(city.point, city.stores[0]) == plan_of_store(city.point, city.stores[0])
