"""What can be pressed: by a finger of at least 48 dp, and by Tab and Enter on a desktop."""

from __future__ import annotations

from typing import Any, ClassVar

from kivy.core.text import Label as Drawn
from kivy.graphics import BorderImage, Color, InstructionGroup, Line
from kivy.metrics import dp
from kivy.properties import BooleanProperty, ColorProperty, NumericProperty, StringProperty
from kivy.uix.behaviors import ButtonBehavior, FocusBehavior
from kivy.uix.boxlayout import BoxLayout
from kivy.uix.widget import Widget

from endcap_shopper.ui.layout import load
from endcap_shopper.ui.widgets.disc import disc

CLEAR = (0.0, 0.0, 0.0, 0.0)
Spot = tuple[float, float]
Shape = tuple[Spot, Spot, float]


class Rounded(InstructionGroup):
    """A rounded rectangle, filled, edged, both or neither; what has never been seen has no instruction."""

    def __init__(self) -> None:
        super().__init__()
        self._fill: tuple[Color, BorderImage] | None = None
        self._edge: tuple[Color, Line] | None = None

    def draw(self, fill: Any, edge: Any, pos: Spot, size: Spot, radius: float, *, thick: float = 0.0) -> None:
        """Look so from now on; a `thick` edge lies further inside."""
        if fill[3] and self._fill is None:
            self._fill = Color(), BorderImage(auto_scale="both_lower")
            self._add(self._fill)
        if self._fill is not None:
            colour, ground = self._fill
            colour.rgba = fill
            ground.pos, ground.size = pos, size if fill[3] else (0, 0)
            corner = round(radius)
            ground.texture = disc(corner) if corner else None
            ground.border = [corner] * 4
        if edge[3] and self._edge is None:
            self._edge = Color(), Line()
            self._add(self._edge)
        if self._edge is not None:
            colour, line = self._edge
            colour.rgba = edge
            inset = 2.0 if thick else 1.0
            wide, high = max(1.0, size[0] - 2 * inset), max(1.0, size[1] - 2 * inset)
            line.rounded_rectangle = (pos[0] + inset, pos[1] + inset, wide, high, radius)
            line.width = thick or dp(1)

    def _add(self, instructions: tuple[Any, Any]) -> None:
        for each in instructions:
            self.add(each)


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
    """A rounded ground; high contrast draws its edge. What would be invisible is not drawn."""

    fill = ColorProperty((0, 0, 0, 0))
    edge = ColorProperty((0, 0, 0, 0))
    radius = NumericProperty(0)
    slim = NumericProperty(0)  # so much lower and higher than what can be touched

    def __init__(self, **properties: Any) -> None:
        self._ground = Rounded()
        super().__init__(**properties)
        self.canvas.before.insert(0, self._ground)
        for name in ("fill", "edge", "radius", "slim", "pos", "size"):
            self.fbind(name, self._draw)
        self._draw()

    def _draw(self, *_: object) -> None:
        self._ground.draw(self.fill, self.edge, *self._shape())

    def _shape(self) -> Shape:
        high = self.height - 2 * self.slim
        return (self.x, self.y + self.slim), (self.width, high), max(0.0, min(self.radius, high / 2))

    def on_touch_down(self, touch: Any) -> bool:
        """What is hidden takes no touch, and neither does what is in it."""
        if self.opacity == 0 or self.height < 1:
            return False
        return bool(super().on_touch_down(touch))


class PressSurface(Pressable, Surface):
    """A ground that darkens while it is pressed, and has a ring while the keyboard is there."""

    shade = ColorProperty((0, 0, 0, 0.1))
    ring_ink = ColorProperty((0, 0, 0, 0))

    def __init__(self, **properties: Any) -> None:
        self._pressed = Rounded()
        super().__init__(**properties)
        self.canvas.after.add(self._pressed)
        for name in ("state", "ring"):
            self.fbind(name, self._draw)

    def _draw(self, *_: object) -> None:
        super()._draw()
        shade = self.shade if self.state == "down" else CLEAR
        self._pressed.draw(shade, self.ring_ink if self.ring else CLEAR, *self._shape(), thick=dp(1.5))


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
