"""Intents: what may be asked of the app."""

from __future__ import annotations

from collections.abc import Callable
from datetime import time
from typing import Protocol

from endcap.geo import LatLon
from endcap_shopper.i18n import Words
from endcap_shopper.views.chrome import Chrome
from endcap_shopper.views.coupons import Card, Coupons
from endcap_shopper.views.help import Alternatives, Help
from endcap_shopper.views.near_you import DealCard, NearYou
from endcap_shopper.views.page import Page
from endcap_shopper.views.points import Points
from endcap_shopper.views.privacy import FirstRun, Pause, Privacy
from endcap_shopper.views.settings import Look, Settings, Theme
from endcap_shopper.views.store_map import StoreMap
from endcap_shopper.views.wishlist import Wishlist


class Intents(Protocol):
    """The app as its screens see it: views to read, and what a tap does.

    Everything here runs on the window's thread and returns within a frame: what needs the network goes out by itself,
    and `watch` tells when there is something new to read. What is not allowed now does nothing, or says so in
    `chrome().notice`; nothing here raises because of what she does.
    """

    def start(self) -> None:
        """Begin: the window stands, and the first picture has been drawn."""

    def close(self) -> None:
        """End everything and keep what is not sent. Idempotent."""

    def pause(self) -> None:
        """The window is no longer seen. Brightness goes back; what runs in the background goes on."""

    def resume(self) -> None:
        """The window is seen again."""

    def tick(self) -> None:
        """A second has passed: count down, grow stale, ask again for what is due."""

    def watch(self, changed: Callable[[Page | None], None]) -> None:
        """Call `changed` on the window's thread with the page whose view is new; None: all of them, and the chrome."""

    # What is shown

    @property
    def words(self) -> Words: ...
    def look(self) -> Look: ...
    def chrome(self) -> Chrome: ...
    def near_you(self) -> NearYou: ...
    def store_map(self) -> StoreMap: ...
    def wishlist(self) -> Wishlist: ...
    def coupons(self) -> Coupons: ...
    def card(self) -> Card: ...
    def points(self) -> Points: ...
    def help(self) -> Help: ...
    def alternatives(self) -> Alternatives: ...
    def privacy(self) -> Privacy: ...
    def settings(self) -> Settings: ...
    def first_run(self) -> FirstRun: ...

    def asked_page(self) -> Page | None:
        """The page that a notification or a link asked for, once; asked whenever `watch` tells of something new."""

    def asked_deal(self) -> DealCard | None:
        """The offer that a notification or a link asked for, once, while it is still good; as `asked_page`."""

    def looked_at(self, on: bool) -> None:
        """The window is in front of her, or another one is: then she is notified of what she would have felt."""

    def entered(self, page: Page) -> None:
        """She looks at this page: it is fetched anew if it is old; the card lights the screen."""

    def left(self, page: Page) -> None:
        """She looks at it no longer."""

    def undo(self) -> None:
        """Take back what `chrome().undo` names."""

    # Near you

    def open_deal(self, id: str) -> None:
        """She tapped the card: it is reported as opened, and its product becomes that of the alternatives."""

    def clip_deal(self, id: str) -> None:
        """Clip the coupon behind an offer."""

    def dismiss_deal(self, id: str) -> None: ...
    def mute_today(self, muted: bool) -> None: ...

    # Store map

    def choose_store(self, id: str) -> None: ...

    def walk_to(self, point: LatLon) -> None:
        """Be there: a desktop's way of walking."""

    def got_it(self, item: str) -> None:
        """It is in the trolley: on to the next stop."""

    def speak_step(self) -> None: ...

    # Wishlist

    def suggest(self, text: str) -> None:
        """Look for products of that name, for `wishlist().suggestions`."""

    def add_wish(self, text: str, sku: int | None = None) -> None: ...
    def finish_wish(self, id: str, done: bool) -> None: ...
    def set_quantity(self, id: str, quantity: int) -> None: ...
    def set_note(self, id: str, note: str) -> None: ...

    def set_price_alert(self, id: str, price: float | None) -> None:
        """Tell her when it costs at most so much; None: never mind."""

    def move_wish(self, id: str, place: int) -> None:
        """Put it at that place of the list, counted from 0."""

    def remove_wish(self, id: str) -> None: ...
    def sort_by_aisle(self, on: bool) -> None: ...

    def share_wishlist(self) -> None:
        """Make `wishlist().share`."""

    def end_share(self) -> None:
        """She has seen it."""

    def copy_text(self, text: str) -> None:
        """Onto the clipboard, or to the system's own sheet for sharing."""

    # Coupons, card

    def clip(self, id: str) -> None: ...
    def unclip(self, id: str) -> None: ...
    def set_auto_clip(self, on: bool) -> None: ...

    # Help, alternatives

    def ask_help(self, item: str = "", text: str = "") -> None:
        """Call for somebody, about one of `help().items` or in her own words."""

    def cancel_help(self) -> None: ...
    def show_alternatives(self, sku: int) -> None: ...

    def take_alternative(self, sku: int) -> None:
        """Put it on her list; the original stays there too."""

    # Privacy, settings, first run

    def set_purpose(self, id: str, on: bool) -> None: ...
    def pause_sharing(self, how_long: Pause) -> None: ...
    def resume_sharing(self) -> None: ...

    def export_data(self) -> None:
        """Write everything known of her to a file; `privacy().result` says where."""

    def delete_data(self) -> None:
        """Have the shop erase her; `privacy().result` is the receipt. The window has asked whether she is sure."""

    def set_theme(self, theme: Theme) -> None: ...
    def set_language(self, language: str) -> None: ...
    def set_text_scale(self, scale: float) -> None: ...
    def set_reduced_motion(self, on: bool) -> None: ...
    def set_feet(self, on: bool) -> None: ...

    def set_quiet_hours(self, on: bool, start: time, end: time) -> None: ...

    def set_alert_kind(self, kind: str, on: bool) -> None: ...

    def finish_first_run(self) -> None:
        """She has read it; what she agreed to by `set_purpose` begins."""
