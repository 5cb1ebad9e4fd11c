"""Rows: a list of any length and of mixed kinds, of which only what is seen exists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kivy.metrics import dp
from kivy.properties import BooleanProperty, ObjectProperty, StringProperty
from kivy.uix.recycleboxlayout import RecycleBoxLayout
from kivy.uix.recycleview import RecycleView
from kivy.uix.recycleview.views import _cached_views

from endcap_shopper.ui.layout import load
from endcap_shopper.ui.widgets.press import Chip, Pressable, SolidButton, Surface, TextButton, TonalButton
from endcap_shopper.ui.widgets.text import Heading

Row = dict[str, Any]
Identity = tuple[str, str]
GUESS_DP = 88.0  # how high a row is taken to be until it has been seen

PLAIN: dict[str, Row] = {  # a widget that was another row's forgets what this one does not say
    "EmptyState": {"icon": "", "title": "", "why": "", "action": "", "pressed": None},
    "InfoRow": {"icon": "", "title": "", "detail": "", "aside": "", "aside_detail": "", "warned": False},
    "SwitchRow": {"title": "", "detail": "", "on": False},
    "LinkRow": {"icon": "", "title": "", "detail": ""},
    "ChipsRow": {"title": ""},
}


class RowsLayout(RecycleBoxLayout):
    """Keeps each row's widget and height as long as the row is there.

    Kivy's own takes any widget for any row whenever a size changes; with rows of different heights that changes sizes
    again, for ever.
    """

    def __init__(self, **properties: Any) -> None:
        super().__init__(**properties)
        self._heights: dict[Identity, float] = {}
        self._before: Sequence[Row] = ()
        self.fbind("width", self.forget)

    def forget(self, *_: object) -> None:
        """Sizes of text have changed."""
        self._heights.clear()

    def clear_layout(self) -> None:
        """Take all widgets out, each still its row's."""
        self.recycleview.view_adapter.make_views_dirty()
        self.clear_widgets()
        self.view_indices: dict[Any, int] = {}
        self._size_needs_update = False

    def compute_sizes_from_data(self, data: Sequence[Row], flags: Any) -> None:
        self._learn()
        super().compute_sizes_from_data(data, flags)
        self._hand_over(data)
        for row, opt in zip(data, self.view_opts, strict=True):
            if opt["pos"] is None:
                opt["size"][1] = self._heights.get(_identity(row), dp(GUESS_DP))
        self._before = data

    def _learn(self) -> None:
        for place, widget in self.recycleview.view_adapter.views.items():
            if place < len(self._before):
                self._heights[_identity(self._before[place])] = widget.height

    def _hand_over(self, data: Sequence[Row]) -> None:
        """Give each widget to the row it was made for, at its new place; those whose row is gone are free."""
        adapter, places = self.recycleview.view_adapter, {_identity(row): place for place, row in enumerate(data)}
        kept: dict[Any, dict[int, Any]] = {}
        for viewclass, widgets in adapter.dirty_views.items():
            for before, widget in widgets.items():
                row = self._before[before] if before < len(self._before) else None
                place = places.get(_identity(row)) if row else None
                if place is None:
                    _cached_views[viewclass].append(widget)
                    continue
                adapter.refresh_view_attrs(place, data[place], widget)
                kept.setdefault(viewclass, {})[place] = widget
        adapter.dirty_views.clear()
        adapter.dirty_views.update(kept)


class Rows(RecycleView):
    """A list. `show` takes its rows: dicts of the widget's name (`viewclass`), a `key` of its own, and properties."""

    padded = BooleanProperty(True)

    def show(self, rows: Sequence[Row]) -> None:
        """Draw these from now on; nothing happens when they are the same as before."""
        whole = [{**PLAIN.get(row["viewclass"], {}), **row} for row in rows]
        if whole != self._shown():
            self._kept = whole
            self.data = [dict(row) for row in whole]

    def on_touch_down(self, touch: Any) -> bool:
        """A handle is held at once; a list would wait whether it is to be scrolled."""
        touch.push()
        touch.apply_transform_2d(self.to_local)
        taken = any(self._held(widget, touch) for widget in self.view_adapter.views.values())
        touch.pop()
        return taken or bool(super().on_touch_down(touch))

    def _held(self, widget: Any, touch: Any) -> bool:
        return any(
            bool(each.on_touch_down(touch))
            for each in widget.walk(restrict=True)
            if getattr(each, "held_at_once", False)
        )

    def anew(self) -> None:
        """Measure everything again."""
        self.children[0].forget()
        self.refresh_from_data()

    def _shown(self) -> list[Row]:
        kept: list[Row] = getattr(self, "_kept", [])
        return kept


class SectionTitle(Heading):
    key = StringProperty("")


class EmptyState(Surface):
    """Nothing to show, why, and what to do about it."""

    key = StringProperty("")
    icon = StringProperty("")
    title = StringProperty("")
    why = StringProperty("")
    action = StringProperty("")
    pressed = ObjectProperty(None, allownone=True)


class InfoRow(Surface):
    """Something to read: a title, a line below it, and something at the right."""

    key = StringProperty("")
    icon = StringProperty("")
    title = StringProperty("")
    detail = StringProperty("")
    aside = StringProperty("")
    aside_detail = StringProperty("")
    warned = BooleanProperty(False)


class SwitchRow(Surface):
    """Something that is on or off. `changed` is called with what she asks for."""

    key = StringProperty("")
    title = StringProperty("")
    detail = StringProperty("")
    on = BooleanProperty(False)
    changed = ObjectProperty(None, allownone=True)


class LinkRow(Pressable, Surface):
    """Leads somewhere."""

    key = StringProperty("")
    icon = StringProperty("")
    title = StringProperty("")
    detail = StringProperty("")
    pressed = ObjectProperty(None, allownone=True)


class ChipsRow(Surface):
    """Choices beside each other; they wrap. `chosen` is called with the id of the one she presses."""

    key = StringProperty("")
    title = StringProperty("")
    choices = ObjectProperty(())
    chosen = ObjectProperty(None, allownone=True)

    def on_kv_post(self, _: object) -> None:
        self.on_choices()

    def on_choices(self, *_: object) -> None:
        box = self.ids.get("box")
        if box is None:
            return
        box.clear_widgets()
        for choice in self.choices:
            chip = Chip(text=choice.text, chosen=choice.chosen)
            chip.bind(on_release=lambda _, id=choice.id: self.chosen(id))
            box.add_widget(chip)


class ActionsRow(Surface):
    """Buttons beside each other; they wrap. `actions`: caption, icon, look ("plain", "tonal", "text"), call."""

    key = StringProperty("")
    actions = ObjectProperty(())

    def on_kv_post(self, _: object) -> None:
        self.on_actions()

    def on_actions(self, *_: object) -> None:
        box = self.ids.get("box")
        if box is None:
            return
        box.clear_widgets()
        for text, icon, look, call in self.actions:
            button = {"plain": SolidButton, "tonal": TonalButton}.get(look, TextButton)(text=text, icon=icon)
            button.bind(on_release=lambda _, call=call: call())
            box.add_widget(button)


def _identity(row: Row) -> Identity:
    return str(row["viewclass"]), str(row.get("key", ""))


load(__file__)
