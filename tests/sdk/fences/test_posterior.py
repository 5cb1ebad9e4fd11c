from math import cos, exp, lgamma, log, pi, sin
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.fences import Circle, Polygon
from endcap.fences.posterior import best_p, owens_t, p_in_circle, p_inside, sigma_of
from endcap.geo import LatLon, offset

SHOP = LatLon(60.17, 24.94)
THEIRS = {5: 1.00, 10: 1.00, 15: 0.99, 20: 0.93, 30: 0.69, 50: 0.35, 65: 0.22, 100: 0.10}  # of a 100 ft circle's centre


def rice(distance_m, radius_m, sigma_m):
    """The same probability by the textbook's series: a Poisson mixture of gamma distributions."""
    mean, half = distance_m**2 / sigma_m**2 / 2, radius_m**2 / sigma_m**2 / 2
    total = tail = 0.0
    for n in range(2000):
        tail += exp(n * log(half) - half - lgamma(n + 1))
        weight = exp((n * log(mean) if n else 0) - mean - lgamma(n + 1)) if mean else float(n == 0)
        total += weight * max(0.0, 1 - tail)
    return total


@pytest.mark.parametrize(("accuracy_m", "best"), THEIRS.items())
def test_the_best_a_100_ft_fence_allows_is_the_known_table(accuracy_m, best):
    assert p_in_circle(0, 30.48, sigma_of(accuracy_m)) == pytest.approx(best, abs=0.005)
    assert best_p(Circle(SHOP, 30.48), sigma_of(accuracy_m)) == pytest.approx(best, abs=0.005)


def test_the_circle_agrees_with_the_series():
    random = Random(1)
    for _ in range(200):
        sigma_m, radius_m = 10 ** random.uniform(0, 2), 10 ** random.uniform(0.5, 2.5)
        if radius_m / sigma_m < 40:
            distance_m = max(0.0, radius_m + sigma_m * random.gauss(0, 3))
            assert p_in_circle(distance_m, radius_m, sigma_m) == pytest.approx(
                rice(distance_m, radius_m, sigma_m), abs=1e-4
            )


@pytest.mark.parametrize(("distance_m", "sigma_m"), [(0, 10), (25, 15), (31, 4), (60, 20)])
def test_a_polygon_of_many_sides_agrees_with_its_circle(distance_m, sigma_m):
    ring = tuple(offset(SHOP, 30 * cos(2 * pi * n / 360), 30 * sin(2 * pi * n / 360)) for n in range(360))
    p = p_inside(Polygon(ring), offset(SHOP, distance_m, 0), sigma_m)
    assert p == pytest.approx(p_in_circle(distance_m, 30, sigma_m), abs=2e-4)


@pytest.mark.parametrize("at", [(0, 0), (20, 10), (12, 3), (-30, 0), (0, -10), (20, 30)])
def test_a_polygon_with_a_hole_agrees_with_a_hundred_thousand_draws(at):
    def corners(x, y):
        return tuple(offset(SHOP, e, n) for e, n in ((-x, -y), (x, -y), (x, y), (-x, y)))

    frame, random = Polygon(corners(20, 10), holes=(corners(5, 5),)), Random(2)
    draws = [(random.gauss(at[0], 7), random.gauss(at[1], 7)) for _ in range(100_000)]
    inside = sum(abs(x) < 20 and abs(y) < 10 and not (abs(x) < 5 and abs(y) < 5) for x, y in draws)
    assert p_inside(frame, offset(SHOP, *at), 7.0) == pytest.approx(inside / len(draws), abs=0.006)


def test_a_mean_on_a_vertex_or_an_edge_is_no_cliff():
    square = Polygon(tuple(offset(SHOP, e, n) for e, n in ((0, 0), (40, 0), (40, 40), (0, 40))))
    for corner in square.outer:
        assert p_inside(square, corner, 5.0) == pytest.approx(0.25, abs=0.001)
    assert p_inside(square, offset(SHOP, 20, 0), 5.0) == pytest.approx(0.5, abs=0.001)


@given(st.floats(0, 200), st.floats(1, 200), st.floats(0.5, 200))
def test_it_is_a_probability_and_falls_with_distance(distance_m, radius_m, sigma_m):
    p = p_in_circle(distance_m, radius_m, sigma_m)
    assert 0 <= p_in_circle(distance_m + 5, radius_m, sigma_m) <= p + 2e-4
    assert p <= best_p(Circle(SHOP, radius_m), sigma_m) + 2e-4


def test_owens_t_has_its_known_values():
    assert owens_t(0, 1) == pytest.approx(0.125)
    assert owens_t(1, 1) == pytest.approx(0.0667418821, abs=1e-8)
    assert owens_t(0.5, -2) == pytest.approx(-owens_t(0.5, 2))
