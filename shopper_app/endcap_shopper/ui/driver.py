"""Driver: taps, drags, writes and reads in a real window, as tests, pictures and measurements need it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, Self

from kivy.base import EventLoop
from kivy.core.window import Window
from kivy.graphics.opengl import GL_RGBA, GL_UNSIGNED_BYTE, glReadPixels
from kivy.tests.common import UnitTestTouch
from kivy.uix.label import Label
from kivy.uix.scrollview import ScrollView
from kivy.uix.textinput import TextInput
from kivy.uix.widget import Widget

from endcap_shopper.app import ShopperApp
from endcap_shopper.ui.widgets.press import Pressable
from endcap_shopper.ui.widgets.rows import Rows

SETTLE_FRAMES = 10  # text, rows, list and page have found their sizes by then


class Driver:
    """An app that runs frame by frame, as fast as asked. One at a time; `close` ends the app and empties the window."""

    def __init__(self, app: ShopperApp) -> None:
        self.app = app
        app._run_prepare()
        self.settle()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.app.stop()
        for child in list(Window.children):
            Window.remove_widget(child)

    # Time

    def frames(self, count: int = 1) -> None:
        for _ in range(count):
            EventLoop.idle()

    def until(self, condition: Callable[[], object], timeout_s: float = 30.0) -> Any:
        """Draw frames until it holds; what it returned.

        Raises:
            AssertionError: it did not hold in time; with what the window says.
        """
        end = time.monotonic() + timeout_s
        while not (found := condition()):
            assert time.monotonic() < end, f"not in time; the window says {self.texts()}"
            EventLoop.idle()
        self._show_all()
        return found

    def until_text(self, text: str, timeout_s: float = 30.0) -> None:
        """Draw frames until the window says it."""
        self.until(lambda: self.says(text), timeout_s)

    def settle(self) -> None:
        """Draw frames until nothing finds its size or place any more, and every row that is in sight is shown."""
        self.frames(SETTLE_FRAMES)
        if self._show_all():
            self.frames(SETTLE_FRAMES)

    def _show_all(self) -> bool:
        """Draw frames until every row in sight is shown; whether there was one to come."""
        late = False
        while any(each.column.waiting for each in self.widgets(Rows)):
            late = True
            self.frames(1)
        return late

    # Reading

    def widgets(self, kind: type[Any] = Widget) -> Iterator[Any]:
        """What can be seen, of a kind; what lies on top comes first."""
        for child in Window.children:
            yield from self._visible(child, kind)

    def texts(self) -> list[str]:
        """What the window says."""
        said = [each.text for each in self.widgets(Label) if each.font_name != "Icons" and each.text]
        return said + [each.text for each in self.widgets(TextInput) if each.text]

    def says(self, text: str) -> bool:
        """Whether any of it has this in it."""
        return any(text in each for each in self.texts())

    def find(self, text: str) -> Any:
        """What is pressed by that name: a button's caption or hint, or the row or card that says it.

        Raises:
            LookupError: there is none to be seen; with what the window says.
        """
        pressables = list(self.widgets(Pressable))
        for name in ("text", "hint"):
            for each in pressables:
                if getattr(each, name, "") == text:
                    return each
        inside = [each for each in pressables if any(text in label.text for label in self._visible(each, Label))]
        if not inside:
            raise LookupError(f"nothing to press says {text!r}; the window says {self.texts()}")
        return min(inside, key=lambda each: each.width * each.height)

    def in_row(self, text: str, hint: str) -> Any:
        """The button of that hint or kind beside a text: in the smallest widget that holds both."""
        for label in self.widgets(Label):
            if text in label.text:
                around = label.parent
                while around is not None and around is not Window:
                    for each in self._visible(around, Pressable):
                        if hint in (getattr(each, "hint", ""), getattr(each, "text", ""), type(each).__name__):
                            return each
                    around = around.parent
        raise LookupError(f"no {hint!r} beside {text!r}; the window says {self.texts()}")

    def picture(self) -> Any:
        """The window as a PIL image, without bars that show how far a list goes and fade; needs Pillow."""
        from PIL import Image

        for each in self.widgets(ScrollView):
            each.bar_width = 0
        size = Window.system_size
        taken: list[bytes] = []

        def take(*_: object) -> None:
            taken.append(glReadPixels(0, 0, *size, GL_RGBA, GL_UNSIGNED_BYTE))

        Window.children[-1].canvas.ask_update()
        Window.bind(on_flip=take)
        self.until(lambda: taken)
        Window.unbind(on_flip=take)
        return Image.frombytes("RGBA", size, taken[-1]).convert("RGB").transpose(Image.Transpose.FLIP_TOP_BOTTOM)

    # Doing

    def tap(self, target: Any) -> None:
        """Touch the middle of a widget, or of what `find` finds by that name, and let go."""
        widget = self.find(target) if isinstance(target, str) else target
        self._bring_up(widget)
        x, y = widget.to_window(*widget.center)
        assert 0 <= x <= Window.width, f"{widget} is beside the window"
        assert 0 <= y <= Window.height, f"{widget} is above or below the window"
        touch = UnitTestTouch(x, y)
        touch.touch_down()
        self.frames(2)
        touch.touch_up()
        self.frames(2)

    def drag(self, widget: Any, x: float, y: float, steps: int = 6) -> None:
        """Touch a widget, move there, and let go."""
        start = widget.to_window(*widget.center)
        touch = UnitTestTouch(*start)
        touch.touch_down()
        for step in range(1, steps + 1):
            touch.touch_move(start[0] + (x - start[0]) * step / steps, start[1] + (y - start[1]) * step / steps)
            self.frames(1)
        touch.touch_up()
        self.frames(2)

    def scroll_to(self, text: str) -> None:
        """Move the page's list until it says that."""
        screen: Any = self.app.shell.screen
        rows = screen.ids.rows
        rows.scroll_y = 1.0
        self.settle()
        while not self.says(text):
            assert rows.scroll_y > 0, f"the list does not say {text!r}; the window says {self.texts()}"
            room = max(1.0, rows.children[0].height - rows.height)
            rows.scroll_y = max(0.0, rows.scroll_y - 0.5 * rows.height / room)
            self.settle()

    def write(self, field: Any, text: str) -> None:
        """Write into a field, and press Enter."""
        field.focus = True
        field.text = text
        self.frames(2)
        field.dispatch("on_text_validate")
        field.focus = False
        self.frames(2)

    def _bring_up(self, widget: Any) -> None:
        """Scroll the list it is in, where the list's edge cuts it off."""
        around = widget.parent
        while around is not None and around is not Window:
            if isinstance(around, ScrollView):
                low, high = around.to_window(0, around.y)[1], around.to_window(0, around.top)[1]
                y = widget.to_window(0, widget.y)[1]
                over = max(0.0, low - y) - max(0.0, y + widget.height - high)
                room = around.children[0].height - around.height
                if over and room > 0:
                    around.scroll_y = min(1.0, max(0.0, around.scroll_y - over / room))
                    self.settle()
                return
            around = around.parent

    def _visible(self, widget: Any, kind: type[Any]) -> Iterator[Any]:
        if widget.opacity == 0 or widget.width <= 0 or widget.height <= 0:
            return
        x, y = widget.to_window(widget.x, widget.y)
        if isinstance(widget, kind) and -widget.width < x < Window.width and -widget.height < y < Window.height:
            yield widget
        for child in widget.children:
            yield from self._visible(child, kind)
