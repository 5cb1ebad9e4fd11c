"""What can be pressed: by a finger of at least 48 dp, and by Tab and Enter on a desktop."""

from __future__ import annotations

from typing import Any, ClassVar

from kivy.core.text import Label as Drawn
from kivy.properties import BooleanProperty, ColorProperty, NumericProperty, StringProperty
from kivy.uix.behaviors import ButtonBehavior, FocusBehavior
from kivy.uix.boxlayout import BoxLayout
from kivy.uix.widget import Widget

from endcap_shopper.ui.layout import load


class Pressable(ButtonBehavior, FocusBehavior):
    """Pressed by touch, Enter or Space; shows where the keyboard is, once a key was used."""

    by_key: ClassVar[bool] = False
    ring = BooleanProperty(False)

    def __init__(self, **properties: Any) -> None:
        self.input_type = "null"  # a phone's keyboard stays down
        super().__init__(**properties)

    def on_focus(self, _: Widget, focused: bool) -> None:
        self.ring = focused and Pressable.by_key

    def on_touch_down(self, touch: Any) -> bool:
        Pressable.by_key = False
        return bool(super().on_touch_down(touch))

    def keyboard_on_key_down(self, window: Any, keycode: Any, text: str, modifiers: Any) -> bool:
        Pressable.by_key = True
        if keycode[1] in ("enter", "spacebar", "numpadenter"):
            self.trigger_action(0)
            return True
        return bool(super().keyboard_on_key_down(window, keycode, text, modifiers))


class Surface(BoxLayout):
    """A rounded ground; high contrast draws its edge."""

    fill = ColorProperty((0, 0, 0, 0))
    radius = NumericProperty(0)
    slim = NumericProperty(0)  # so much lower and higher than what can be touched

    def on_touch_down(self, touch: Any) -> bool:
        """What is hidden takes no touch, and neither does what is in it."""
        if self.opacity == 0 or self.height < 1:
            return False
        return bool(super().on_touch_down(touch))


class PressSurface(Pressable, Surface): ...


class SolidButton(PressSurface):
    """A caption and, when named, an icon before it."""

    text = StringProperty("")
    icon = StringProperty("")
    ink = ColorProperty((0, 0, 0, 1))
    shown = BooleanProperty(True)  # else it takes no room
    natural = NumericProperty(0)  # how wide the caption is on one line

    @staticmethod
    def measured(text: str, font_size: float) -> float:
        """How wide a bold caption is; the button wraps it where the window is narrower."""
        return float(Drawn(font_size=font_size, bold=True).get_extents(text)[0]) if text else 0.0


class TonalButton(SolidButton): ...


class TextButton(SolidButton): ...


class IconButton(PressSurface):
    """An icon alone; `hint` is what it does, for whoever reads the widget tree."""

    icon = StringProperty("")
    hint = StringProperty("")
    ink = ColorProperty((0, 0, 0, 1))
    shown = BooleanProperty(True)


class Chip(PressSurface):
    """One of several, chosen or not."""

    text = StringProperty("")
    chosen = BooleanProperty(False)


class Toggle(Pressable, Widget):
    """On or off. It only shows `on`; pressing it asks for the other."""

    on = BooleanProperty(False)


load(__file__)
