"""Rows: a list of any length and of mixed kinds, of which only what is seen exists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kivy.properties import BooleanProperty, ObjectProperty, StringProperty
from kivy.uix.recycleview import RecycleView

from endcap_shopper.ui.layout import load
from endcap_shopper.ui.widgets.column import Column
from endcap_shopper.ui.widgets.pool import Row
from endcap_shopper.ui.widgets.press import Chip, PressSurface, SolidButton, Surface, TextButton, TonalButton
from endcap_shopper.ui.widgets.text import Heading

PLAIN: dict[str, Row] = {  # a widget that was another row's forgets what this one does not say
    "EmptyState": {"icon": "", "title": "", "why": "", "action": "", "pressed": None},
    "InfoRow": {"icon": "", "title": "", "detail": "", "aside": "", "aside_detail": "", "warned": False},
    "SwitchRow": {"title": "", "detail": "", "on": False},
    "LinkRow": {"icon": "", "title": "", "detail": ""},
    "ChipsRow": {"title": ""},
}


class Rows(RecycleView):
    """A list. `show` takes its rows: dicts of the widget's name (`viewclass`), a `key` of its own, and properties."""

    padded = BooleanProperty(True)

    @property
    def column(self) -> Column:
        """Its rows, laid out."""
        column: Column = self.layout_manager
        return column

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
        touch.apply_transform_2d(self.column.to_local)
        taken = any(self._held(widget, touch) for widget in self.column.shown)
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
        self.column.forget()

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


class LinkRow(PressSurface):
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


load(__file__)
