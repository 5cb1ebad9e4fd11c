"""Bars around every page: its title, the live indicator, a notice, and a toast that can take things back."""

from __future__ import annotations

from kivy.animation import Animation
from kivy.app import App
from kivy.clock import Clock
from kivy.properties import BooleanProperty, ObjectProperty, StringProperty

from endcap_shopper.ui.layout import load
from endcap_shopper.ui.widgets.press import Pressable, Surface
from endcap_shopper.views import Chrome, Undo

TOAST_S = 6.0  # long enough to read it and to reach for the button


class SharingDot(Pressable, Surface):
    """Whether her location leaves the phone now; leads to the privacy page."""

    chrome = ObjectProperty(Chrome(), rebind=True)


class Header(Surface):
    title = StringProperty("")
    nested = BooleanProperty(False)  # one can go back
    chrome = ObjectProperty(Chrome(), rebind=True)


class Banner(Surface):
    """The chrome's notice; without one it has no height."""

    chrome = ObjectProperty(Chrome(), rebind=True)


class Toast(Surface):
    """What she just did, for six seconds, with a way back."""

    text = StringProperty("")
    action = StringProperty("")

    def show(self, undo: Undo | None) -> None:
        """Offer it; None: there is nothing to take back any more."""
        Clock.unschedule(self._hide)
        if undo is None:
            self._hide()
            return
        self.text = undo.text
        theme = App.get_running_app().theme
        Animation.cancel_all(self)
        Animation(opacity=1, duration=theme.quick).start(self) if theme.quick else setattr(self, "opacity", 1)
        self.disabled = False
        Clock.schedule_once(self._hide, TOAST_S)

    def _hide(self, *_: object) -> None:
        self.opacity, self.disabled, self.text = 0, True, ""


load(__file__)
