"""Route: in which order to fetch what is on the list, and the way from one shelf to the next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from endcap.geo import LatLon
from endcap_shopper.aisles import Aisles, Ways

Metres = Callable[[int, int], float]

_GAIN_M = 1e-6  # a smaller gain is rounding, and would turn a route round for ever


@dataclass(frozen=True, slots=True)
class Stop:
    """A shelf to stop at. `last`: what must not get warm is fetched after everything else."""

    item: str
    point: LatLon
    last: bool = False


@dataclass(frozen=True, slots=True)
class Leg:
    """The way to one stop, from where she is or from the stop before."""

    stop: Stop
    path: tuple[LatLon, ...]
    length_m: float


@dataclass(frozen=True, slots=True)
class Route:
    """The way through the list, in order."""

    legs: tuple[Leg, ...] = ()

    @property
    def length_m(self) -> float:
        return sum(leg.length_m for leg in self.legs)

    @property
    def items(self) -> tuple[str, ...]:
        return tuple(leg.stop.item for leg in self.legs)


def find_route(aisles: Aisles, start: LatLon, stops: Sequence[Stop], end: LatLon | None = None) -> Route:
    """A short way from `start` past every stop, and on to `end` (the tills, a door) where one is given.

    Nearest neighbour, then 2-opt and moving single stops until neither helps. Not always the shortest; in the tests
    within 5 % of it on average for up to 7 stops. 30 stops take a few hundredths of a second.
    """
    points = [start, *(stop.point for stop in stops), *([] if end is None else [end])]
    ways = Ways(aisles, points)
    order = best_order(
        ways.metres_or_straight,
        [number for number, stop in enumerate(stops, 1) if not stop.last],
        [number for number, stop in enumerate(stops, 1) if stop.last],
        None if end is None else len(points) - 1,
    )
    here = [0, *order]
    return Route(
        tuple(
            Leg(stops[there - 1], ways.path(before, there), ways.metres_or_straight(before, there))
            for before, there in zip(here, order, strict=False)
        )
    )


def best_order(metres: Metres, first: Sequence[int], last: Sequence[int], end: int | None = None) -> list[int]:
    """The order in which to visit places, from place 0: all of `first`, then all of `last`, then `end`."""
    order = _nearest_first(metres, 0, first)
    order += _nearest_first(metres, order[-1] if order else 0, last)
    improving = True
    while improving:
        improving = False
        for low, high in ((0, len(first)), (len(first), len(order))):
            improving |= _untangle(metres, order, low, high, end) or _move_one(metres, order, low, high, end)
    return order


def length_m(metres: Metres, order: Sequence[int], end: int | None = None) -> float:
    """How long it is from place 0 through `order` to `end`."""
    places = [0, *order, *([] if end is None else [end])]
    return sum(metres(one, other) for one, other in pairwise(places))


def _nearest_first(metres: Metres, start: int, places: Sequence[int]) -> list[int]:
    order, left, here = list[int](), set(places), start
    while left:
        here = min(left, key=lambda place: (metres(here, place), place))
        left.remove(here)
        order.append(here)
    return order


def _untangle(metres: Metres, order: list[int], low: int, high: int, end: int | None) -> bool:
    """2-opt: turn a stretch round where that is shorter. True when it did."""
    improved = False
    for i in range(low, high - 1):
        for j in range(i + 1, high):
            before = order[i - 1] if i else 0
            after = order[j + 1] if j + 1 < len(order) else end
            gain = metres(before, order[i]) - metres(before, order[j])
            if after is not None:
                gain += metres(order[j], after) - metres(order[i], after)
            if gain > _GAIN_M:
                order[i : j + 1] = reversed(order[i : j + 1])
                improved = True
    return improved


def _move_one(metres: Metres, order: list[int], low: int, high: int, end: int | None) -> bool:
    """Fetch one thing at another moment where that is shorter. True when it did."""
    for i in range(low, high):
        without = order[:i] + order[i + 1 :]
        spared = length_m(metres, order, end) - length_m(metres, without, end)
        for j in range(low, high):
            before = without[j - 1] if j else 0
            after = without[j] if j < len(without) else end
            extra = metres(before, order[i])
            if after is not None:
                extra += metres(order[i], after) - metres(before, after)
            if spared - extra > _GAIN_M:
                order[:] = [*without[:j], order[i], *without[j:]]
                return True
    return False
