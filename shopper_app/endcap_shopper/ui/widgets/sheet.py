"""Sheet: something that comes up from below and covers the page until it is done."""

from __future__ import annotations

from typing import Any

from kivy.properties import StringProperty
from kivy.uix.modalview import ModalView
from kivy.uix.textinput import TextInput

from endcap_shopper.ui.layout import load


class Field(TextInput):
    """A line to write in."""


class Sheet(ModalView):
    """A title and whatever is added to it; taller than the window, it scrolls."""

    title = StringProperty("")

    def add_widget(self, widget: Any, *place: Any, **named: Any) -> None:
        """Put it below what is there."""
        inside = self.ids.get("content")
        if inside is None:
            super().add_widget(widget, *place, **named)
        else:
            inside.add_widget(widget, *place, **named)


load(__file__)
