"""Sheet: something that comes up from below and covers the page until it is done."""

from __future__ import annotations

from typing import Any

from kivy.app import App
from kivy.properties import StringProperty
from kivy.uix.modalview import ModalView
from kivy.uix.textinput import TextInput

from endcap_shopper.ui.layout import load


class Field(TextInput):
    """A line to write in."""


class Sheet(ModalView):
    """A title and whatever is added to it; taller than the window, it scrolls. It fades unless motion is reduced."""

    title = StringProperty("")

    def __init__(self, **properties: Any) -> None:
        self._leaving = False
        super().__init__(**properties)

    def open(self, *_: Any, **named: Any) -> None:
        """Cover the page."""
        self._leaving = False
        super().open(**{"animation": _moves(), **named})

    def dismiss(self, *_: Any, **named: Any) -> None:
        """Uncover the page, which can be touched from now on."""
        super().dismiss(**{"animation": _moves(), **named})

    def on_dismiss(self) -> None:
        self._leaving = True

    def on_touch_down(self, touch: Any) -> bool:
        """What is fading away takes no touch: it is for what she sees through it."""
        return not self._leaving and bool(super().on_touch_down(touch))

    def add_widget(self, widget: Any, *place: Any, **named: Any) -> None:
        """Put it below what is there."""
        inside = self.ids.get("content")
        if inside is None:
            super().add_widget(widget, *place, **named)
        else:
            inside.add_widget(widget, *place, **named)


def _moves() -> bool:
    return not App.get_running_app().theme.still


load(__file__)
