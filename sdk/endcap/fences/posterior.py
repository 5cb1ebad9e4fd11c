"""How likely a position that is only known to some metres lies inside a shape.

The position is a two-dimensional Gaussian, the same in all directions, with `sigma_m` an axis. For a circle that is the
Rice (non-central chi-square) distribution's CDF, for a polygon a sum over its edges; both to 1e-4 or better.
"""

from __future__ import annotations

from functools import lru_cache
from math import atan2, cos, erf, exp, expm1, hypot, log, pi, sqrt

from endcap.fences.shapes import Circle, Polygon, Shape, equal_radius_m
from endcap.geo import LatLon

ACCURACY_PER_SIGMA = sqrt(-2 * log(1 - 0.68))  # 1.5096: the radius that holds 68 % of a 2-D Gaussian
FAR_SIGMAS = 6.0  # a boundary this far away leaves less than 2e-9 on the other side
WIDE_SIGMAS = 30.0  # a circle this wide is, near its rim, a half-plane that bends a little

# Gauss-Legendre with 8 points on [0, 1]: (node, weight)
_GAUSS = tuple(
    (0.5 + sign * node / 2, weight / 2)
    for node, weight in (
        (0.1834346424956498, 0.3626837833783620),
        (0.5255324099163290, 0.3137066458778873),
        (0.7966664774136267, 0.2223810344533745),
        (0.9602898564975363, 0.1012285362903763),
    )
    for sign in (-1, 1)
)


def sigma_of(accuracy_m: float) -> float:
    """The standard deviation an axis behind an OS accuracy, which is a 68 % radius."""
    return accuracy_m / ACCURACY_PER_SIGMA


def p_inside(shape: Shape, mean: LatLon, sigma_m: float) -> float:
    """The probability, 0 to 1, that a position around `mean` lies in `shape`."""
    boundary_m = shape.boundary_m(mean)
    if abs(boundary_m) > FAR_SIGMAS * sigma_m:
        return 1.0 if boundary_m < 0 else 0.0
    if isinstance(shape, Circle):
        return p_in_circle(boundary_m + shape.radius_m, shape.radius_m, sigma_m)
    return p_in_polygon(shape, mean, sigma_m)


def best_p(shape: Shape, sigma_m: float) -> float:
    """The highest probability that this uncertainty allows: at the centre of the circle of the same area."""
    return -expm1(-((equal_radius_m(shape) / sigma_m) ** 2) / 2)


def p_in_circle(distance_m: float, radius_m: float, sigma_m: float) -> float:
    """P(a Gaussian at `distance_m` from the centre falls within `radius_m`): the Rice CDF, to 1e-4.

    Green's theorem turns it into one integral around the rim, periodic and smooth; equal steps converge geometrically.
    """
    away, wide = distance_m / sigma_m, radius_m / sigma_m
    if abs(away - wide) > FAR_SIGMAS and (away > wide or wide > FAR_SIGMAS):
        return 1.0 if away < wide else 0.0
    if wide > WIDE_SIGMAS:
        return normal_cdf(wide - away - 1 / (2 * wide))
    cosines = _half_turn(8 * (2 + int(wide / 2)))
    squares, product = (away * away + wide * wide) / 2, away * wide
    total = 0.0
    for cosine, weight in cosines:
        half_rho2 = squares + product * cosine
        share = (1.0 - exp(-half_rho2)) / half_rho2 if half_rho2 > 1e-9 else 1.0
        total += weight * share * (wide * wide + product * cosine)
    return min(1.0, max(0.0, total / 2))


@lru_cache(maxsize=64)
def _half_turn(steps: int) -> tuple[tuple[float, float], ...]:
    """Cosines from 0 to pi with the trapezoid rule's weights; they sum to 1."""
    return tuple((cos(pi * step / steps), (0.5 if step in (0, steps) else 1.0) / steps) for step in range(steps + 1))


def p_in_polygon(polygon: Polygon, mean: LatLon, sigma_m: float) -> float:
    """The sum over all edges of the probability in the triangle between the mean and that edge, signed by its turn."""
    rings = polygon.edges_m(mean)
    total = sum(_p_in_triangle(*edge, sigma_m) for edge in next(rings))
    for hole in rings:
        total -= sum(_p_in_triangle(*edge, sigma_m) for edge in hole)
    return min(1.0, max(0.0, total))


def _p_in_triangle(x1: float, y1: float, x2: float, y2: float, sigma_m: float) -> float:
    """Gaussian mass between the origin and one edge: its angle's share, less what lies in the wedge beyond the edge."""
    cross = x1 * y2 - x2 * y1
    length = hypot(x2 - x1, y2 - y1)
    if cross == 0.0 or length == 0.0:
        return 0.0
    share = atan2(cross, x1 * x2 + y1 * y2) / (2 * pi)
    height = abs(cross) / length  # of the origin over the edge's line
    along1 = (x1 * (x2 - x1) + y1 * (y2 - y1)) / length
    along2 = along1 + length
    nearest = height if along1 <= 0 <= along2 else min(hypot(x1, y1), hypot(x2, y2))
    if nearest > FAR_SIGMAS * sigma_m:
        return share
    beyond = owens_t(height / sigma_m, along2 / height) - owens_t(height / sigma_m, along1 / height)
    return share - beyond if cross > 0 else share + beyond


def owens_t(h: float, a: float) -> float:
    """Owen's T: the standard Gaussian's mass in {x > h, 0 < y < a·x}, for h >= 0; odd in `a`. To 1e-7."""
    if a < 0:
        return -owens_t(h, -a)
    if a > 1:
        lower, steep = normal_cdf(h), normal_cdf(a * h)
        return (lower + steep) / 2 - lower * steep - owens_t(a * h, 1 / a)
    total = sum(weight * exp(-h * h * (1 + (a * x) ** 2) / 2) / (1 + (a * x) ** 2) for x, weight in _GAUSS)
    return a * total / (2 * pi)


def normal_cdf(x: float) -> float:
    return (1 + erf(x / sqrt(2))) / 2


def normal_quantile(p: float) -> float:
    """The x under which a share `p` of a standard Gaussian lies, for 0.001 <= p <= 0.999; to 1e-9."""
    low, high = -4.0, 4.0
    while high - low > 1e-9:
        middle = (low + high) / 2
        low, high = (middle, high) if normal_cdf(middle) < p else (low, middle)
    return low
