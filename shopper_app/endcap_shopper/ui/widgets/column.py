"""Column: rows of any height below each other, of which only what is seen has a widget."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import accumulate
from time import thread_time
from typing import Any

from kivy.app import App
from kivy.clock import Clock
from kivy.metrics import dp
from kivy.properties import NumericProperty, VariableListProperty
from kivy.uix.layout import Layout
from kivy.uix.recycleview.layout import RecycleLayoutManagerBehavior

from endcap_shopper.ui.widgets.pool import Pool, Row, fill

Identity = tuple[str, str]
GUESS_DP = 88.0  # how high a row is taken to be when none of its kind has been seen
CALM_ROUNDS = 4  # a text, the box around it, the box around that, the row: each follows a round of layout later
A_FRAME = 6  # rows shown in a frame, as many as come into sight in a fast scroll; their texts take longest
A_FRAME_S = 0.006  # nor is it longer than this about them


class Column(RecycleLayoutManagerBehavior, Layout):
    """What a `Rows` lays its rows out with. Its children hang from its top: when one grows, none above it moves.

    A row keeps its widget as long as it is seen, and its height as long as the width is the same. Of the rows that come
    into sight a frame shows a few, at least one; `waiting` tells that there are more.

    (Kivy's own walks all rows whenever one of them changes its height, and takes any widget for any row then.)
    """

    padding = VariableListProperty([0, 0, 0, 0])
    spacing = NumericProperty(0)

    def __init__(self, **properties: Any) -> None:
        self._trigger_layout = self._resized
        super().__init__(**properties)
        self.size_hint_y = None
        self.waiting = False
        self._rows: Sequence[Row] = ()
        self._high: list[float] = []
        self._tops: list[float] = []
        self._known: dict[Identity, float] = {}
        self._shown: dict[int, Any] = {}
        self._frame, self._left, self._left_s, self._rounds = -1, 0, 0.0, 0
        self._calming = Clock.create_trigger(self._calm, -1)
        for name in ("width", "padding", "spacing"):
            self.fbind(name, self.forget)

    # What a recycle view asks of its layout

    def compute_sizes_from_data(self, data: Sequence[Row], flags: object) -> None:
        """The rows are others now: those that stayed keep their widgets."""
        places = {_identity(row): place for place, row in enumerate(data)}
        before, self._shown = self._shown, {}
        for old, widget in before.items():
            place = places.get(_identity(self._rows[old]))
            if place is None:
                self._release(widget)
                continue
            self._shown[place] = widget
            if data[place] != self._rows[old]:
                fill(widget, data[place])
        self._rows = data
        self._high = self._guessed(data)

    def compute_layout(self, data: Sequence[Row], flags: object) -> None:
        """Measure the rows that are seen, and put everything where it belongs."""
        for place, widget in self._shown.items():
            self._learn(place, widget)
        _, above, _, below = self.padding
        ends = list(accumulate(self._high, lambda end, high: end + self.spacing + high, initial=above - self.spacing))
        self._tops = [end + self.spacing for end in ends[:-1]]
        self.height = ends[-1] + below if data else above + below
        for place, widget in self._shown.items():
            self._put(place, widget)

    def compute_visible_views(self, data: Sequence[Row], viewport: Sequence[float]) -> range:
        """The rows of which something is seen."""
        if len(self._tops) != len(data) or not data:
            return range(0)
        top, bottom = viewport[1] + viewport[3], viewport[1]
        return range(self._at(top), self._at(bottom) + 1)

    def set_visible_views(self, indices: range, data: Sequence[Row], viewport: Sequence[float]) -> None:
        """Let go of what is out of sight, and show what came into it."""
        for place in [each for each in self._shown if each not in indices]:
            self._release(self._shown.pop(place))
        self.waiting = False
        for place in indices:
            if place in self._shown:
                continue
            if not self._has_time():
                self.waiting = True
                Clock.schedule_once(self.recycleview.refresh_from_viewport, 0)
                return
            self._show(place)

    def get_view_index_at(self, pos: tuple[float, float]) -> int:
        """The row at a point of the column's own coordinates; the nearest one beyond its ends."""
        return self._at(pos[1])

    def clear_layout(self) -> None:
        """Let go of everything."""
        for widget in self._shown.values():
            self._release(widget)
        self._shown = {}

    # Its own

    def forget(self, *_: object) -> None:
        """Rows have other heights now."""
        self._known.clear()
        self._high = self._guessed(self._rows)
        if self.recycleview is not None:
            self.recycleview.refresh_from_layout()

    @property
    def shown(self) -> Iterable[Any]:
        """The widgets of the rows that are seen."""
        return self._shown.values()

    def _show(self, place: int) -> None:
        begun = thread_time()
        widget = self._pool.take(self._rows[place])
        widget.size_hint_x = None
        self._shown[place] = widget
        self._put(place, widget)
        self.add_widget(widget)
        self._resized()
        self._left -= 1
        self._left_s -= thread_time() - begun

    def _has_time(self) -> bool:
        """Whether this frame may show one more; its first always."""
        if Clock.frames != self._frame:
            self._frame, self._left, self._left_s = Clock.frames, A_FRAME, A_FRAME_S
        return self._left > 0 and self._left_s > 0

    def _release(self, widget: Any) -> None:
        self.remove_widget(widget)
        self._pool.give(widget)

    @property
    def _pool(self) -> Pool:
        pool: Pool = App.get_running_app().pool
        return pool

    def _put(self, place: int, widget: Any) -> None:
        widget.width = self._pool.wide = self.width - self.padding[0] - self.padding[2]
        widget.pos = self.padding[0], -self._tops[place] - widget.height

    def _learn(self, place: int, widget: Any) -> None:
        self._high[place] = self._known[_identity(self._rows[place])] = widget.height

    def _resized(self, *_: object) -> None:
        """Something was shown, or has another height: look again when its layout has come to rest."""
        self._rounds = CALM_ROUNDS
        self._calming()

    def _calm(self, _: float) -> None:
        self._rounds -= 1
        if self._rounds:
            self._calming()
        elif any(widget.height != self._high[place] for place, widget in self._shown.items()):
            self.recycleview.refresh_from_layout()

    def _guessed(self, rows: Sequence[Row]) -> list[float]:
        """Heights as known, else as others of their kind have."""
        kinds: dict[str, list[float]] = defaultdict(list)
        for (kind, _), high in self._known.items():
            kinds[kind].append(high)
        usual = {kind: sum(all_) / len(all_) for kind, all_ in kinds.items()}
        return [self._known.get(_identity(row)) or usual.get(row["viewclass"], dp(GUESS_DP)) for row in rows]

    def _at(self, y: float) -> int:
        """The last row that begins at `y` or above it."""
        return max(0, bisect_right(self._tops, -y) - 1)

    # Its coordinates begin at its upper left corner

    def to_parent(self, x: float, y: float, **_: Any) -> tuple[float, float]:
        return x + self.x, y + self.top

    def to_local(self, x: float, y: float, **_: Any) -> tuple[float, float]:
        return x - self.x, y - self.top

    def _apply_transform(self, matrix: Any, pos: Any = None) -> Any:
        matrix.translate(self.x, self.top, 0)
        return super()._apply_transform(matrix, (0, 0))

    def on_touch_down(self, touch: Any) -> bool:
        return self._inside(super().on_touch_down, touch)

    def on_touch_move(self, touch: Any) -> bool:
        return self._inside(super().on_touch_move, touch)

    def on_touch_up(self, touch: Any) -> bool:
        return self._inside(super().on_touch_up, touch)

    def _inside(self, handle: Any, touch: Any) -> bool:
        touch.push()
        touch.apply_transform_2d(self.to_local)
        taken = bool(handle(touch))
        touch.pop()
        return taken


def _identity(row: Row) -> Identity:
    return str(row["viewclass"]), str(row.get("key", ""))
