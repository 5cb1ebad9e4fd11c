"""A packed tree of boxes over many places: which lie near, which are nearest. Built once, never changed."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from math import cos, radians

from endcap.geo import METRES_PER_DEGREE

FANOUT = 8  # boxes a node; measured: 4 and 16 are slower for a point among 100,000
CELLS = 1 << 24  # steps an axis along the curve: 2.4 m of the whole Earth
SMALLEST_COS = 0.01  # beyond 89.4 degrees of latitude a box is as wide as at 89.4

Box = tuple[float, float, float, float]  # south, north, west, east, in degrees; west and east may pass ±180


def box_around(latitude_deg: float, longitude_deg: float, reach_m: float) -> Box:
    """The box that holds the circle."""
    tall = reach_m / METRES_PER_DEGREE
    wide = tall / max(SMALLEST_COS, cos(radians(min(90.0, abs(latitude_deg) + tall))))
    return latitude_deg - tall, latitude_deg + tall, longitude_deg - wide, longitude_deg + wide


class Tree:
    """Boxes sorted along a Z-order curve and packed eight to a node, level upon level. 12 bytes a box beside the box.

    `items` are the caller's numbers for the boxes.
    """

    def __init__(self, items: Sequence[int], boxes: Sequence[Box]) -> None:
        order = _curve_order(boxes)
        self.items = array("i", [items[place] for place in order])
        self._levels: list[_Level] = [_Level(boxes[place] for place in order)]
        while len(self._levels[-1]) > FANOUT:
            self._levels.append(_Level(self._levels[-1].parents()))
        self.widest_deg = max((box[3] - box[2] for box in boxes), default=0.0)

    def __len__(self) -> int:
        return len(self.items)

    def overlapping(self, box: Box) -> Iterator[int]:
        """The items whose boxes meet `box`."""
        south, north, west, east = box
        places: Iterable[int] = range(len(self._levels[-1]))
        for depth in range(len(self._levels) - 1, -1, -1):
            level = self._levels[depth]
            souths, norths, wests, easts = level.souths, level.norths, level.wests, level.easts
            hits = [
                place
                for place in places
                if souths[place] <= north and norths[place] >= south and wests[place] <= east and easts[place] >= west
            ]
            if depth == 0:
                return (self.items[place] for place in hits)
            below = len(self._levels[depth - 1])
            places = [child for place in hits for child in range(place * FANOUT, min(below, place * FANOUT + FANOUT))]
        return iter(())

    def roots(self) -> Iterator[tuple[int, int]]:
        """(depth, place) of the topmost nodes."""
        top = len(self._levels) - 1
        return ((top, place) for place in range(len(self._levels[top])))

    def children(self, depth: int, place: int) -> Iterator[tuple[int, int]]:
        below = len(self._levels[depth - 1])
        return ((depth - 1, child) for child in range(place * FANOUT, min(below, place * FANOUT + FANOUT)))

    def box(self, depth: int, place: int) -> Box:
        level = self._levels[depth]
        return level.souths[place], level.norths[place], level.wests[place], level.easts[place]


class _Level:
    """One level's boxes, in columns."""

    def __init__(self, boxes: Iterable[Box]) -> None:
        self.souths, self.norths, self.wests, self.easts = array("d"), array("d"), array("d"), array("d")
        for south, north, west, east in boxes:
            self.souths.append(south)
            self.norths.append(north)
            self.wests.append(west)
            self.easts.append(east)

    def __len__(self) -> int:
        return len(self.souths)

    def parents(self) -> Iterator[Box]:
        for start in range(0, len(self), FANOUT):
            end = start + FANOUT
            yield (
                min(self.souths[start:end]),
                max(self.norths[start:end]),
                min(self.wests[start:end]),
                max(self.easts[start:end]),
            )


def _curve_order(boxes: Sequence[Box]) -> list[int]:
    """Places in the order of a Z-order curve over the boxes' middles."""
    ys = [box[0] + box[1] for box in boxes]
    xs = [box[2] + box[3] for box in boxes]
    south, west = min(ys), min(xs)
    scale_y = (CELLS - 1) / ((max(ys) - south) or 1.0)
    scale_x = (CELLS - 1) / ((max(xs) - west) or 1.0)
    keys = [
        _spread(int((x - west) * scale_x)) | _spread(int((y - south) * scale_y)) << 1
        for x, y in zip(xs, ys, strict=True)
    ]
    return sorted(range(len(keys)), key=keys.__getitem__)


_SPREAD = tuple(sum((byte >> bit & 1) << 2 * bit for bit in range(8)) for byte in range(256))


def _spread(cell: int) -> int:
    """The 24 bits of a cell with a free bit after each."""
    return _SPREAD[cell & 255] | _SPREAD[cell >> 8 & 255] << 16 | _SPREAD[cell >> 16] << 32
