"""Labels: where a name goes in its room, so that it meets nothing that is there already."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

Box = tuple[float, float, float, float]  # left, low, right, high
ACROSS, UP = 9, 5  # so many places are tried; odd, so that the middle is one of them


def placed(wide: float, high: float, room: Box, taken: Iterable[Box]) -> Box | None:
    """Room for something of that size, as near to the middle of `room` as nothing taken is met; None: there is none."""
    left, low, right, top = room
    spare = right - left - wide, top - low - high
    if min(spare) < 0:
        return None
    taken = tuple(taken)
    for across, up in _PLACES:
        x, y = left + spare[0] * across, low + spare[1] * up
        box = x, y, x + wide, y + high
        if not any(meets(box, each) for each in taken):
            return box
    return None


def meets(one: Box, other: Box) -> bool:
    """Whether two boxes share more than an edge."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def around(spot: tuple[float, float], side: float) -> Box:
    """The box of a square, or of a disc, about a spot."""
    return spot[0] - side / 2, spot[1] - side / 2, spot[0] + side / 2, spot[1] + side / 2


_PLACES = sorted(
    product([part / (ACROSS - 1) for part in range(ACROSS)], [part / (UP - 1) for part in range(UP)]),
    key=lambda place: (place[0] - 0.5) ** 2 + (place[1] - 0.5) ** 2,
)
