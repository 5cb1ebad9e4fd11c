"""Made-up shoppers: they keep to aisles and streets, pause at shelves, and their phones err the way phones do."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import hypot
from random import Random

import pytest

from endcap import sim
from endcap.geo import LatLon, offset
from endcap.messages import Fix
from endcap_devkit.demo.city import load_city
from endcap_devkit.simulate.noise import INDOOR, PERFECT, Noise, Receiver
from endcap_devkit.simulate.shapes import Spot
from endcap_devkit.simulate.shoppers import PAUSE_S, WALK_M_S, Leg, Shopper, browse, stroll


@pytest.fixture(scope="module")
def city():
    return load_city()


def a_walk(*spots, speed=1.0, pause=0.0):
    return Leg(tuple(Spot(*spot) for spot in spots), speed, pause)


def test_she_walks_at_her_speed_round_the_corner():
    shopper = Shopper([a_walk((0, 0), (3, 0), (3, 10), speed=2.0)], Random(1))
    shopper.step(2.5)
    assert shopper.spot == Spot(3, 2)


def test_a_pause_is_stood_through_and_the_next_leg_begun_in_time():
    shopper = Shopper([a_walk((0, 0), (1, 0), pause=5.0), a_walk((1, 0), (9, 0))], Random(1))
    shopper.step(3.0)
    assert (shopper.spot, shopper.pausing) == (Spot(1, 0), True)
    shopper.step(4.0)
    assert (shopper.spot, shopper.pausing) == (Spot(2, 0), False)


def test_many_small_steps_lead_as_far_as_one():
    legs = [a_walk((0, 0), (7, 0), pause=2.0), a_walk((7, 0), (7, 30), speed=1.3)]
    once, often = Shopper(legs, Random(1)), Shopper(legs, Random(1))
    once.step(20.0)
    for _ in range(100):
        often.step(0.2)
    assert often.spot == pytest.approx(once.spot)


def test_she_is_gone_after_her_last_leg():
    shopper = Shopper([a_walk((0, 0), (1, 0))], Random(1))
    shopper.step(60.0)
    assert shopper.gone


def test_inside_a_store_she_never_leaves_its_walls(city):
    for store in city.stores[:8]:
        shopper = Shopper(browse(store, Random(4), from_door=False), Random(4))
        while shopper.store is not None:
            assert store.premises.outline.clearance_m(shopper.spot) > 0.5 or shopper.spot.to(store.door) < 8.0
            shopper.step(1.0)


def test_she_pauses_at_promoted_and_other_shelves(city):
    legs = browse(city.stores[0], Random(2))
    pauses = [leg.pause_s for leg in legs if leg.pause_s]
    assert len(pauses) >= 3
    assert all(PAUSE_S[0] <= pause <= PAUSE_S[1] for pause in pauses)


def test_a_trip_hangs_together_and_ends_on_the_street(city):
    for seed in range(20):
        legs = stroll(city.stores, city.streets, Random(seed), inside=False)
        assert all(before.path[-1] == after.path[0] for before, after in pairwise(legs))
        assert legs[0].store is None
        assert legs[-1].store is None
        assert any(leg.store for leg in legs)
        assert all(leg.speed_m_s <= WALK_M_S[1] for leg in legs)


def test_the_same_seed_walks_the_same_way_and_hears_the_same(city):
    def walk(seed):
        rng = Random(seed)
        shopper = Shopper(stroll(city.stores, city.streets, rng, inside=True), rng)
        heard = []
        for _ in range(60):
            shopper.step(1.0)
            heard.append(shopper.hear(1.0))
        return heard

    assert walk(3) == walk(3)
    assert walk(3) != walk(4)


def errors(noise, seconds, dt_s=1.0, seed=1):
    receiver = Receiver(Random(seed))
    return [receiver.read(Spot(0, 0), noise, dt_s)[0] for _ in range(int(seconds / dt_s))]


def test_a_perfect_receiver_is_where_she_is():
    assert set(errors(PERFECT, 50)) == {Spot(0, 0)}


def test_the_error_is_as_large_as_it_says_and_lasts():
    found = [error.east_m for error in errors(Noise(10.0, 30.0), 60_000)]
    mean = sum(found) / len(found)
    variance = sum((each - mean) ** 2 for each in found) / len(found)
    lag_30 = sum((a - mean) * (b - mean) for a, b in zip(found, found[30:], strict=False)) / len(found) / variance
    assert variance**0.5 == pytest.approx(10.0, rel=0.1)
    assert lag_30 == pytest.approx(0.37, abs=0.08)  # e to the minus one after one time constant


def test_about_two_in_three_readings_lie_within_the_accuracy_claimed():
    receiver = Receiver(Random(5))
    noise = Noise(6.0, 5.0)
    readings = [receiver.read(Spot(0, 0), noise, 1.0) for _ in range(20_000)]
    within = sum(hypot(*spot) <= accuracy_m for spot, accuracy_m in readings) / len(readings)
    assert within == pytest.approx(0.68, abs=0.03)


def test_reflections_throw_it_off_for_a_while():
    calm, disturbed = errors(Noise(INDOOR.sigma_m, INDOOR.correlation_s), 5000), errors(INDOOR, 5000)
    assert max(hypot(*error) for error in disturbed) > max(hypot(*error) for error in calm) + 5


def test_a_recorded_walk_and_a_shopper_who_still_walks_err_alike():
    here, began = LatLon(60.17, 24.94), datetime(2026, 11, 24, tzinfo=UTC)
    walk = [Fix(here.latitude_deg, here.longitude_deg, began + timedelta(seconds=second)) for second in range(60)]
    receiver = Receiver(Random(3))
    heard = [receiver.read(Spot(0, 0), Noise(5.0, 20.0), 1.0 if second else 0.0)[0] for second in range(60)]
    flawed = sim.correlated(5.0, tau_s=20.0)(walk, Random(3))
    assert [fix.point for fix in flawed] == [offset(here, *spot) for spot in heard]
