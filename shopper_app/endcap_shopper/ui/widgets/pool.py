"""Pool: widgets of rows that no list shows now, made before they are needed."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from kivy.factory import Factory

Row = dict[str, Any]

STOCK = {  # how many of a kind fit a tall phone's window
    "DealCard": 10,
    "WishRow": 13,
    "CouponRow": 11,
    "InfoRow": 10,
    "SectionTitle": 2,
    "Hero": 1,
    "ProgressRow": 1,
    "ChipsRow": 3,
    "SwitchRow": 5,
    "ProductCard": 6,
}


class Pool:
    """Takes rows' widgets back and gives them out again; the window's thread. Making one costs several milliseconds."""

    def __init__(self) -> None:
        self._free: dict[str, list[Any]] = defaultdict(list)
        self._made: dict[str, int] = defaultdict(int)
        self.wide = 0.0  # as lists have their rows; what is stocked has laid itself out for it by then

    def take(self, row: Row) -> Any:
        """A widget that shows the row: the one that showed it last, another one that is free, or a new one."""
        kind = row["viewclass"]
        free = self._free[kind]
        at = next((place for place, each in enumerate(free) if each.key == row["key"]), -1)
        widget = free.pop(at) if free else self._make(kind)
        fill(widget, row)
        return widget

    def give(self, widget: Any) -> None:
        """Nobody shows it any more."""
        self._free[type(widget).__name__].append(widget)

    def stock(self) -> bool:
        """Make one of those that will be wanted; False when all are there."""
        kind = next((kind for kind, count in STOCK.items() if self._made[kind] < count), None)
        if kind is not None:
            widget = self._make(kind)
            widget.size_hint_x, widget.width = None, self.wide or widget.width
            self._free[kind].insert(0, widget)
        return kind is not None

    def _make(self, kind: str) -> Any:
        self._made[kind] += 1
        return getattr(Factory, kind)()


def fill(widget: Any, row: Row) -> None:
    """Have a widget show a row: only what differs costs anything."""
    for name, value in row.items():
        if name != "viewclass":
            setattr(widget, name, value)
