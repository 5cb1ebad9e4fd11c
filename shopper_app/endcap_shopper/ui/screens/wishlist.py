"""Wishlist: write, tick off, drag, note, be told of a price, share."""

from __future__ import annotations

from typing import Any

from kivy.app import App
from kivy.clock import Clock
from kivy.core.window import Window
from kivy.graphics import Color, Rectangle
from kivy.metrics import dp
from kivy.properties import BooleanProperty, ObjectProperty

from endcap_shopper.i18n import later
from endcap_shopper.ui.layout import load
from endcap_shopper.ui.screens.page import PageScreen, empty, row
from endcap_shopper.ui.widgets.pool import Row
from endcap_shopper.ui.widgets.sheet import Sheet
from endcap_shopper.views import Share, Wishlist, WishRow

EDGE_DP = 56.0  # dragged so near the edge, the list moves along
ALONG_DP = 9.0  # by so much a frame


class WishlistPage(PageScreen):
    page = "wishlist"
    caption = later("My list")
    by_aisle = BooleanProperty(False)
    can_sort = BooleanProperty(False)

    def __init__(self, **properties: Any) -> None:
        super().__init__(**properties)
        self._lifted: WishRow | None = None
        self._line: list[Any] = []
        self._finger_y = 0.0  # in the window
        self._sheet: ShareSheet | None = None

    def refresh(self) -> None:
        wishes = self.shopper.wishlist()
        self.by_aisle, self.can_sort = wishes.by_aisle, wishes.can_sort
        self.ids.rows.show(self._rows(wishes))
        self._show_share(wishes.share)

    def add(self, text: str, sku: int | None = None) -> None:
        """Put what she has written on the list."""
        if text.strip():
            self.shopper.add_wish(text.strip(), sku)
        self.ids.field.text = ""
        self.shopper.suggest("")

    def edit(self, wish: WishRow) -> None:
        """Open one thing of the list."""
        WishSheet(wish=wish, shopper=self.shopper, title=wish.text).open()

    def _rows(self, wishes: Wishlist) -> list[Row]:
        offered = [
            row("LinkRow", f"new {each.id}", icon="plus", title=each.text, pressed=self._adding(each.text, each.id))
            for each in wishes.suggestions
            if self.ids.field.text.strip()
        ]
        if not wishes.rows:
            title = self.tr("Your list is empty")
            return [*offered, empty("format-list-checks", title, wishes.empty_why)]
        progress = row("ProgressRow", "progress", text=wishes.progress, ratio=wishes.done_ratio)
        movable = not wishes.by_aisle
        listed = [row("WishRow", each.id, wish=each, page=self, movable=movable) for each in wishes.rows]
        return [*offered, progress, *listed]

    def _adding(self, text: str, id: str) -> Any:
        return lambda: self.add(text, int(id) if id.isdecimal() else None)

    def _show_share(self, share: Share | None) -> None:
        if share is None or self._sheet is not None:
            return
        self._sheet = ShareSheet(share=share, title=self.tr("Share my list"))
        self._sheet.bind(on_dismiss=self._shared)
        self._sheet.open()

    def _shared(self, *_: object) -> None:
        self._sheet = None
        self.shopper.end_share()

    # Dragging

    def lift(self, lifted: Any, touch: Any) -> None:
        """She holds a row by its handle."""
        self._lifted, self._held = lifted.wish, lifted
        lifted.opacity = 0.5
        self.drag(touch)
        Clock.schedule_interval(self._along, 0)

    def drag(self, touch: Any) -> None:
        """Show where the row would be put."""
        self._finger_y = touch.sy * Window.height
        place = self._place()
        shown = [each for each in self.ids.rows.column.shown if each.__class__.__name__ == "WishRow"]
        self._mark(next((each for each in shown if self._index(each.wish.id) == place), None))

    def drop(self, touch: Any) -> None:
        """Put it there."""
        Clock.unschedule(self._along)
        self._finger_y = touch.sy * Window.height
        self._held.opacity = 1
        if self._lifted is not None and self._place() != self._index(self._lifted.id):
            self.shopper.move_wish(self._lifted.id, self._place())
        self._lifted = None
        self._mark(None)

    def _place(self) -> int:
        """The place in the list where her finger is."""
        inner, data = self.ids.rows.column, self.ids.rows.data
        at = inner.get_view_index_at(inner.to_widget(0, self._finger_y))
        wishes = [place for place, each in enumerate(data) if each["viewclass"] == "WishRow"]
        return min(max(0, at - wishes[0]), len(wishes) - 1) if wishes else 0

    def _index(self, id: str) -> int:
        wishes = [each["key"] for each in self.ids.rows.data if each["viewclass"] == "WishRow"]
        return wishes.index(id) if id in wishes else -1

    def _mark(self, target: Any) -> None:
        column = self.ids.rows.column
        after = column.canvas.after
        for each in self._line:
            after.remove(each)
        self._line = []
        if target is None or self._lifted is None:
            return
        below = self._index(target.wish.id) > self._index(self._lifted.id)
        x, y = column.to_parent(target.x, target.y - dp(6) if below else target.top + dp(4))
        self._line = [
            Color(*App.get_running_app().theme.accent),
            Rectangle(pos=(x, y), size=(target.width, dp(3))),
        ]
        for each in self._line:
            after.add(each)

    def _along(self, _: float) -> None:
        """Held near an edge, the list moves."""
        rows = self.ids.rows
        room = rows.children[0].height - rows.height
        low = rows.to_window(rows.x, rows.y)[1]
        near_top, near_bottom = low + rows.height - self._finger_y < dp(EDGE_DP), self._finger_y - low < dp(EDGE_DP)
        if room > 0 and (near_top or near_bottom):
            step = dp(ALONG_DP) / room
            rows.scroll_y = min(1.0, max(0.0, rows.scroll_y + (step if near_top else -step)))


class WishSheet(Sheet):
    """How many, a note, a price to be told of, or off the list."""

    wish = ObjectProperty(WishRow("", ""), rebind=True)
    shopper = ObjectProperty(None, allownone=True)

    def more(self, by: int) -> None:
        self.shopper.set_quantity(self.wish.id, max(1, self.wish.quantity + by))
        self.wish = next((each for each in self.shopper.wishlist().rows if each.id == self.wish.id), self.wish)

    def keep(self) -> None:
        """Keep the note and the price, where they were changed."""
        note, price = self.ids.note.text.strip(), _price(self.ids.price.text)
        if note != self.wish.note:
            self.shopper.set_note(self.wish.id, note)
        if price != self.wish.price_alert:
            self.shopper.set_price_alert(self.wish.id, price)
        self.dismiss()

    def remove(self) -> None:
        self.shopper.remove_wish(self.wish.id)
        self.dismiss()

    def alternatives(self) -> None:
        self.shopper.show_alternatives(self.wish.sku)
        self.dismiss()
        App.get_running_app().go("alternatives")


class ShareSheet(Sheet):
    """The list as link, code and text."""

    share = ObjectProperty(Share(""), rebind=True)


def _price(text: str) -> float | None:
    """What she wrote, with a point or a comma; None for nothing, and for what is no price."""
    try:
        price = float(text.replace(",", ".").strip())
    except ValueError:
        return None
    return round(price, 2) if 0 < price < 1e6 else None


load(__file__)
