"""A floor plan for any outline: rows of shelves along its main direction, aisles between them, cross aisles."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from endcap_devkit.simulate.routes import Net
from endcap_devkit.simulate.shapes import Outline, Spot, spans

ROW_M = 6.0  # from one row of shelves to the next: 1.6 m of shelf, 4.4 m of aisle
SHELF_DEPTH_M = 1.6
CROSS_EVERY_M = 18.0  # from one cross aisle to the next
CROSS_M = 4.0  # how wide it is
SHELF_MIN_M = 4.0
STEP_M = 1.0  # how finely rows are tried against the walls
WALL_M = 2.4  # shelves keep so far from walls
WALK_WALL_M = 1.2  # walkers do


@dataclass(frozen=True, slots=True)
class Shelf:
    """A run of shelf: the two ends of its middle line."""

    start: Spot
    end: Spot

    @property
    def middle(self) -> Spot:
        return Spot((self.start[0] + self.end[0]) / 2, (self.start[1] + self.end[1]) / 2)

    @property
    def length_m(self) -> float:
        return self.start.to(self.end)


@dataclass(frozen=True, slots=True)
class FloorPlan:
    """Shelves, and the net of aisles one walks between them; all on the outline's plane."""

    shelves: tuple[Shelf, ...]
    aisles: Net


def lay_out(outline: Outline) -> FloorPlan:
    """Fill an outline with shelves. The plan is the same for the same outline; nothing about it is random."""
    direction = outline.main_direction()
    straight = outline.turned(-direction)
    west, south, east, north = straight.bounds
    columns = [west + STEP_M * i for i in range(int((east - west) / STEP_M) + 1)]
    rows = [south + WALL_M + ROW_M * i for i in range(int((north - south) / ROW_M) + 1)]
    shelves = tuple(
        Shelf(shelf.start.turned(direction), shelf.end.turned(direction))
        for north_m in rows
        for shelf in _row(straight, columns, north_m)
    )
    return FloorPlan(shelves, _aisles(straight, columns, rows, direction))


def _row(outline: Outline, columns: list[float], north_m: float) -> list[Shelf]:
    clear = [
        not _is_cross(east_m - columns[0]) and outline.has_room(Spot(east_m, north_m), WALL_M) for east_m in columns
    ]
    runs = (Shelf(Spot(columns[i], north_m), Spot(columns[j], north_m)) for i, j in spans(clear))
    return [shelf for shelf in runs if shelf.length_m >= SHELF_MIN_M]


def _aisles(outline: Outline, columns: list[float], rows: list[float], direction: float) -> Net:
    """Half a row beside each row of shelves runs an aisle; cross aisles join them."""
    net = Net()
    lines = [rows[0] - ROW_M / 2, *(north_m + ROW_M / 2 for north_m in rows)]
    for north_m in lines:
        clear = [outline.has_room(Spot(east_m, north_m), WALK_WALL_M) for east_m in columns]
        for first, last in spans(clear):
            spots = [Spot(columns[i], north_m) for i in range(first, last + 1)]
            for start, end in pairwise(spots):
                net.join(start.turned(direction), end.turned(direction))
    middle = CROSS_EVERY_M - CROSS_M / 2
    for east_m in (c for c in columns if abs((c - columns[0]) % CROSS_EVERY_M - middle) < STEP_M / 2):
        for south_m, north_m in pairwise(lines):
            start, end = Spot(east_m, south_m), Spot(east_m, north_m)
            steps = (start.towards(end, i * STEP_M) for i in range(int(ROW_M / STEP_M) + 1))
            if all(outline.has_room(step, WALK_WALL_M) for step in steps):
                net.join(start.turned(direction), end.turned(direction))
    return net.largest_part()


def _is_cross(along_m: float) -> bool:
    return along_m % CROSS_EVERY_M >= CROSS_EVERY_M - CROSS_M
