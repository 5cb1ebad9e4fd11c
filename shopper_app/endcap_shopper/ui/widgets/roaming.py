"""Roaming: a picture larger than its window, moved and enlarged by fingers, wheel, keys and buttons."""

from __future__ import annotations

from math import hypot
from typing import Any

from kivy.animation import Animation
from kivy.metrics import dp
from kivy.properties import BooleanProperty, NumericProperty, ObjectProperty
from kivy.uix.behaviors import FocusBehavior
from kivy.uix.stencilview import StencilView

from endcap_shopper.ui.widgets.press import Pressable
from endcap_shopper.ui.widgets.sight import Sight, Spot

STEP = 1.6  # a button, a key or a double tap enlarges so many times
NOTCH = 1.2  # and a notch of the wheel
STROLL = 0.25  # an arrow key moves by so much of the window
SLOP_DP = 10.0  # a finger that moves less has tapped
BY_KEY = {"left": (STROLL, 0.0), "right": (-STROLL, 0.0), "up": (0.0, -STROLL), "down": (0.0, STROLL)}


class Roaming(FocusBehavior, StencilView):
    """Draws nothing outside itself. `sight` is what is seen of the picture; `tapped` hears of taps that are no drags.

    It glides there over `glide_s` seconds where a button, a key or a double tap moves it, and at once where that is 0.
    """

    sight = ObjectProperty(Sight(), rebind=True)
    glide_s = NumericProperty(0.0)
    ring = BooleanProperty(False)  # the keyboard is here
    _gone = NumericProperty(1.0)  # of the way that it glides

    def __init__(self, **properties: Any) -> None:
        self.input_type = "null"  # a phone's keyboard stays down
        self._fingers: dict[Any, Spot] = {}
        self._dragged = False
        self._from = self._to = Sight()
        super().__init__(**properties)

    def tapped(self, x: float, y: float) -> None:
        """A finger or a pointer pressed here, in the window's coordinates, and let go."""

    def enlarge(self, times: float = STEP, about: Spot = (0.5, 0.5)) -> None:
        """See less of it, larger."""
        self.glide(self._target.enlarged(times, about))

    def reduce(self) -> None:
        """See more of it, smaller."""
        self.enlarge(1 / STEP)

    def glide(self, sight: Sight) -> None:
        """See that from now on."""
        self.halt()
        if not self.glide_s:
            self.sight = sight
            return
        self._to, self._gone = sight, 0.0
        Animation(_gone=1.0, duration=self.glide_s, transition="out_quad").start(self)

    def halt(self) -> None:
        """Stay where it is on its way."""
        Animation.cancel_all(self, "_gone")
        self._from = self._to = self.sight  # `on__gone` shows it once more
        self._gone = 1.0

    def on__gone(self, _: Any, part: float) -> None:
        self.sight = self._from.towards(self._to, part)

    @property
    def _target(self) -> Sight:
        """Where it will be when it has come to rest."""
        target: Sight = self._to if self._gone < 1 else self.sight
        return target

    # Fingers and wheel

    def on_touch_down(self, touch: Any) -> bool:
        if not self.collide_point(*touch.pos) or self.disabled:
            return False
        super().on_touch_down(touch)
        if touch.is_mouse_scrolling:
            self._roll(touch)
            return True
        touch.grab(self)
        if not self._fingers:
            self._dragged = False
        self._fingers[touch] = touch.pos
        if len(self._fingers) > 1:
            self._dragged = True
        elif touch.is_double_tap:
            self._dragged = True  # so that it is no step as well
            self.enlarge(about=self._part(touch.pos))
        return True

    def on_touch_move(self, touch: Any) -> bool:
        if touch.grab_current is not self or touch not in self._fingers:
            return bool(super().on_touch_move(touch))
        if not self._dragged and hypot(touch.x - touch.ox, touch.y - touch.oy) < dp(SLOP_DP):
            return True
        self.halt()
        self._dragged = True
        before = dict(self._fingers)
        self._fingers[touch] = touch.pos
        self.sight = self._follow(list(before.values()), list(self._fingers.values()))
        return True

    def on_touch_up(self, touch: Any) -> bool:
        if touch.grab_current is not self or touch not in self._fingers:
            return bool(super().on_touch_up(touch))
        touch.ungrab(self)
        del self._fingers[touch]
        if not self._dragged:
            self.tapped(*touch.pos)
        return True

    def _roll(self, touch: Any) -> None:
        if touch.button in ("scrolldown", "scrollup"):  # Kivy names what the page would do
            self.halt()
            times = NOTCH if touch.button == "scrolldown" else 1 / NOTCH
            self.sight = self.sight.enlarged(times, self._part(touch.pos))

    def _follow(self, before: list[Spot], after: list[Spot]) -> Sight:
        """The sight after fingers went on: what was between them still is."""
        held, now = self._part(_middle(before)), self._part(_middle(after))
        times = _spread(after) / _spread(before) if len(after) > 1 else 1.0
        sight: Sight = self.sight
        return sight.enlarged(times, held).moved(now[0] - held[0], now[1] - held[1])

    def _part(self, pos: Spot) -> Spot:
        return (pos[0] - self.x) / max(1.0, self.width), (pos[1] - self.y) / max(1.0, self.height)

    # Keys

    def on_focus(self, _: Any, focused: bool) -> None:
        self.ring = focused and Pressable.by_key

    def keyboard_on_key_down(self, window: Any, keycode: Any, text: str, modifiers: Any) -> bool:
        Pressable.by_key = self.ring = True
        if keycode[1] in BY_KEY:
            self.glide(self._target.moved(*BY_KEY[keycode[1]]))
        elif text in ("+", "=") or keycode[1] == "numpadadd":
            self.enlarge()
        elif text == "-" or keycode[1] == "numpadsubstract":  # as Kivy spells it
            self.reduce()
        elif keycode[1] == "home":
            self.glide(Sight())
        else:
            return bool(super().keyboard_on_key_down(window, keycode, text, modifiers))
        return True


def _middle(spots: list[Spot]) -> Spot:
    return sum(x for x, _ in spots) / len(spots), sum(y for _, y in spots) / len(spots)


def _spread(spots: list[Spot]) -> float:
    """How far apart two fingers are; never nothing."""
    (x, y), (other_x, other_y) = spots[:2]
    return max(1.0, hypot(x - other_x, y - other_y))
