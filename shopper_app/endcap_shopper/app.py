"""ShopperApp: joins the shopper's logic and the screens; the only hop to the window's thread."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from kivy.app import App
from kivy.clock import Clock
from kivy.core.clipboard import Clipboard
from kivy.core.window import Window
from kivy.properties import NumericProperty, ObjectProperty, StringProperty
from kivy.utils import escape_markup, platform

from endcap_shopper.frame_queue import FrameQueue
from endcap_shopper.i18n import Words
from endcap_shopper.platform.ports import Display, Insets
from endcap_shopper.ui import garbage
from endcap_shopper.ui.screens.near_you import open_deal
from endcap_shopper.ui.shell import SCREENS, Shell
from endcap_shopper.ui.theme import Theme, register_fonts
from endcap_shopper.ui.widgets.pool import Pool
from endcap_shopper.views import DealCard, Intents, Page

Post = Callable[[Callable[[], object]], None]
DESKTOPS = ("linux", "macosx", "win")  # as Kivy names them
ESCAPE_KEY = 27  # and a phone's back button
LAYOUT_ROUNDS = 60  # text, its row, the list, the page: each settles after the one inside it
AGAIN_S = 0.1  # a flood of news is drawn so often, which still looks live


class ShopperApp(App):
    """The window. `make` builds the shopper from the way to call things on the window's thread.

    kv reads `app.words` and `app.theme`, so that a new language or look is seen at once. Everything here runs on the
    window's thread; `on_stop` may come twice.
    """

    title = "Endcap"
    words = ObjectProperty(Words())
    theme = ObjectProperty()
    shopper = ObjectProperty()
    page = StringProperty("")
    inset_top = NumericProperty(0)
    inset_right = NumericProperty(0)
    inset_bottom = NumericProperty(0)
    inset_left = NumericProperty(0)
    height_px = NumericProperty(800)
    width_px = NumericProperty(400)

    def __init__(
        self,
        make: Callable[[Post], Intents],
        *,
        os_dark: bool = False,
        display: Display | None = None,
        **properties: Any,
    ) -> None:
        """`display`: asked what the system covers of the window, and whether it is dark when she comes back."""
        super().__init__(**properties)
        self._display = display
        self.queue = FrameQueue(Clock.create_trigger(self._drain))
        self._make, self._os_dark = make, os_dark
        self._news: set[Page | None] = set()
        self._drawn_at = 0.0
        self._from: list[Page] = []
        self.pool = Pool()
        self._running = False

    def build(self) -> Shell:
        garbage.hold()
        Clock.max_iteration = LAYOUT_ROUNDS
        register_fonts()
        self.shopper = self._make(self.queue.post)
        self.words = self.shopper.words
        self.theme = Theme(self.shopper.look(), os_dark=self._os_dark)
        self.theme.bind(ground=self._clear)
        self._clear()
        Window.bind(size=self._resized, on_keyboard=self._key)
        if platform in DESKTOPS:  # a phone pauses the app
            Window.bind(focus=self._focused)
        self._resized(Window, Window.size)
        self.shell = Shell(self.shopper, self.theme)
        self.shopper.watch(self._changed)
        return self.shell

    def on_start(self) -> None:
        self.go("near" if self.shopper.first_run().done else "first")
        self.shell.refresh(None)
        self._ticking = Clock.schedule_interval(lambda _: self.shopper.tick(), 1.0)
        self._stocking = Clock.create_trigger(self._stock, 0)
        self._running = True
        Clock.schedule_once(lambda _: Clock.schedule_once(lambda _: self._begin(), 0), 0)  # after the first picture

    def on_pause(self) -> bool:
        self.shopper.pause()
        return True

    def on_resume(self) -> None:
        self.shopper.resume()
        self._fit()
        if self._display is not None:
            self.theme.os_dark = self._display.dark()
        self._changed(None)

    def on_stop(self) -> None:
        """End everything; Kivy calls it twice."""
        if not self._running:
            return
        self._running = False
        self._ticking.cancel()
        Window.unbind(size=self._resized, on_keyboard=self._key, focus=self._focused)
        self._stocking.cancel()
        self.queue.close()
        self.shopper.close()
        garbage.release()

    def tr(self, message: str, words: Words, **values: object) -> str:
        """A sentence in her language, for kv; `words` is there so that kv says it again when the language changes."""
        return words.t(message, **values)

    def escaped(self, text: str) -> str:
        """Her text, safe between marks."""
        return str(escape_markup(text))

    def go(self, page: Page) -> None:
        """Show a page."""
        if page == self.page:
            return
        before, self.page = self.page, page
        if SCREENS[page].root_page:
            self._from.clear()
        elif before:
            self._from.append(before)
        if before:
            self.shopper.left(before)
        self.shopper.entered(page)
        self.shell.go(page)

    def back(self) -> bool:
        """To the page before; False when there is none."""
        if SCREENS[self.page].root_page and self.page in ("near", "first"):
            return False
        page = self._from.pop() if self._from else "near"
        self._from, kept = [], self._from
        self.go(page)
        self._from = kept
        return True

    def copy(self, text: str) -> None:
        """Onto the clipboard, and to the system's own sheet for sharing where there is one."""
        Clipboard.copy(text)
        self.shopper.copy_text(text)

    def open_menu(self) -> None:
        self.shell.open_menu()

    def open_deal(self, deal: DealCard) -> None:
        """She tapped an offer."""
        self.shopper.open_deal(deal.id)
        open_deal(deal)

    def _drain(self, _: float) -> None:
        self.queue.drain()

    def _begin(self) -> None:
        if self._running:
            garbage.settle()
            self.shopper.start()
            self._stocking()

    def _stock(self, _: float) -> None:
        """Make one of the widgets that lists will want, every frame, so that they need not be made all at once."""
        if self.pool.stock():
            self._stocking()
        else:
            garbage.settle()

    def _changed(self, page: Page | None) -> None:
        """Something is new: draw it in the next frame, or a moment later when the last time was just now."""
        if not self._news:
            soon = max(0.0, self._drawn_at + AGAIN_S - time.monotonic())
            Clock.schedule_once(self._draw, soon)
        self._news.add(page)

    def _draw(self, _: float) -> None:
        if not self._running:
            return
        news, self._news = self._news, set()
        self._drawn_at = time.monotonic()
        if self._restyle():
            self.shell.restyled()
        if self.page == "first" and self.shopper.first_run().done:
            self.go("near")
        if (asked := self.shopper.asked_page()) is not None:
            self._come_forward(asked)
        for page in {None} if None in news else news:
            self.shell.refresh(page)

    def _come_forward(self, asked: Page) -> None:
        """A notification or a link asks for a page, and perhaps for an offer on it."""
        if platform in DESKTOPS:
            Window.raise_window()
        self.go(asked)
        if (deal := self.shopper.asked_deal()) is not None:
            open_deal(deal)

    def _restyle(self) -> bool:
        """Wear her look and speak her language; True when either is another one."""
        look, worn = self.shopper.look(), (self.theme.name, self.theme.scale, self.theme.still)
        self.theme.wear(look)
        spoken, self.words = self.words, self.shopper.words
        return spoken is not self.words or worn != (self.theme.name, self.theme.scale, self.theme.still)

    def _clear(self, *_: object) -> None:
        Window.clearcolor = self.theme.ground

    def _resized(self, _: object, size: tuple[float, float]) -> None:
        self.width_px, self.height_px = size
        self._fit()

    def _fit(self) -> None:
        """Leave out what the system's bars and a camera cover."""
        covered = Insets() if self._display is None else self._display.insets()
        self.inset_top, self.inset_right = covered.top, covered.right
        self.inset_bottom, self.inset_left = covered.bottom, covered.left

    def _focused(self, _: object, focus: bool) -> None:
        self.shopper.looked_at(focus)

    def _key(self, _: object, key: int, *__: object) -> bool:
        return key == ESCAPE_KEY and self.back()
