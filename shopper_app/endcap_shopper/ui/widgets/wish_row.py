"""WishRow: one thing of her list: done or not, how many, where, what it costs; the handle moves it."""

from __future__ import annotations

from typing import Any

from kivy.properties import BooleanProperty, ObjectProperty, StringProperty

from endcap_shopper.ui.layout import load
from endcap_shopper.ui.widgets.press import IconButton, PressSurface, Surface
from endcap_shopper.views import WishRow as Wish


class DragHandle(IconButton):
    """Held and moved, it takes its row along; the page listens."""

    held_at_once = True
    row = ObjectProperty(None, allownone=True)
    page = ObjectProperty(None, allownone=True)

    def on_touch_down(self, touch: Any) -> bool:
        if self.disabled or not self.collide_point(*touch.pos):
            return False
        touch.grab(self)
        self.page.lift(self.row, touch)
        return True

    def on_touch_move(self, touch: Any) -> bool:
        if touch.grab_current is not self:
            return False
        self.page.drag(touch)
        return True

    def on_touch_up(self, touch: Any) -> bool:
        if touch.grab_current is not self:
            return False
        touch.ungrab(self)
        self.page.drop(touch)
        return True


class WishRow(PressSurface):
    key = StringProperty("")
    wish = ObjectProperty(Wish("", ""), rebind=True)
    page = ObjectProperty(None, allownone=True)
    movable = BooleanProperty(True)


class ProgressRow(Surface):
    """How much of the list is in the trolley."""

    key = StringProperty("")
    text = StringProperty("")
    ratio = ObjectProperty(0.0)


load(__file__)
