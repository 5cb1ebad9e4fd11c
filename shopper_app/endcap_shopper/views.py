"""What each screen shows, as plain data, and `Intents`: what may be asked of the app. No window is needed for either.

A view is made by the `Shopper` and drawn as it is: its texts are in her language and its numbers are written out, so
that a screen decides nothing. Ids are the shop's, or the list's; a screen only hands them back with a tap.
What never changes (titles, captions of buttons) stands in the screens themselves, as `tr("…")`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import time
from typing import Literal, Protocol

from endcap.geo import LatLon
from endcap_shopper.codes import Matrix
from endcap_shopper.floor import FloorPlan
from endcap_shopper.i18n import Words

Page = Literal[
    "near", "map", "wishlist", "coupons", "card", "points", "help", "alternatives", "privacy", "settings", "first"
]
PAGES: tuple[Page, ...] = (
    "near", "map", "wishlist", "coupons", "card", "points", "help", "alternatives", "privacy", "settings", "first"
)  # fmt: skip

Sharing = Literal["off", "paused", "on"]
Tone = Literal["plain", "good", "warning"]
CouponState = Literal["available", "clipped", "redeemed", "expired"]
HelpState = Literal["none", "waiting", "queued", "accepted", "coming", "done", "cancelled"]
Theme = Literal["system", "light", "dark", "contrast"]
Pause = Literal["hour", "today"]


@dataclass(frozen=True, slots=True)
class Notice:
    """A line above everything else: she is offline and how old what she sees is, her location is off, a fault.

    `action` is the caption of its button and `page` where that leads; without an action there is no button.
    """

    text: str
    tone: Tone = "plain"
    action: str = ""
    page: Page | None = None


@dataclass(frozen=True, slots=True)
class Undo:
    """Something just done that can be taken back by `Intents.undo`; `id` changes with each."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Chrome:
    """What stands around every screen."""

    sharing: Sharing = "off"
    sharing_text: str = ""  # the live indicator's words: "Location on", "Paused until 15:00"
    notice: Notice | None = None
    undo: Undo | None = None
    unseen: int = 0  # offers she has not looked at


@dataclass(frozen=True, slots=True)
class DealCard:
    """One offer. `why` is its reason, always there; `off` what it takes off: "−25 %", "2 for 1"."""

    id: str
    title: str
    why: str
    off: str = ""
    where: str = ""  # "12 m · Coffee & tea"
    ends: str = ""
    kind: str = "deal"  # one of endcap.messages.ALERT_KINDS
    segment: str = ""  # chooses the picture
    fresh: bool = False  # came since she last looked
    coupon: CouponState | None = None  # None: nothing to clip
    sku: int | None = None  # then its alternatives can be asked for


@dataclass(frozen=True, slots=True)
class NearYou:
    """What matters now, and the deals by walking distance."""

    place: str = ""  # "You're in Riverside", "No store near"
    headline: str = ""
    detail: str = ""
    can_guide: bool = False  # something on her list has a place on the map
    deals: tuple[DealCard, ...] = ()
    empty_title: str = ""
    empty_why: str = ""


@dataclass(frozen=True, slots=True)
class Pin:
    """Something of her list on the map, numbered in the order of the route."""

    id: str
    point: LatLon
    number: int
    text: str
    deal: bool = False


@dataclass(frozen=True, slots=True)
class Dot:
    """Where she is, as well as her phone knows. `stale`: older than 10 s, and drawn grey."""

    point: LatLon
    accuracy_m: float
    heading_deg: float | None = None  # clockwise from north; None: unknown
    stale: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several, by id."""

    id: str
    text: str
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class StoreMap:
    """A store's plan with her list, her dot and the way. `way` is the route's points from her on, all legs in a row."""

    plan: FloorPlan | None = None
    stores: tuple[Choice, ...] = ()
    pins: tuple[Pin, ...] = ()
    dot: Dot | None = None
    way: tuple[LatLon, ...] = ()
    next_leg: int = 0  # how many points of `way` lead to the next stop
    highlighted: str = ""  # the section of the next stop
    step: str = ""  # the next step, in words
    stop: str = ""  # "Oat milk · stop 1 of 3"
    stop_id: str = ""  # the next stop's item; "" when there is no route
    can_speak: bool = False
    can_walk: bool = False  # on a desktop a click on the map is a step
    empty_why: str = ""


@dataclass(frozen=True, slots=True)
class WishRow:
    """One thing on her list. `detail`: where it stands here and what is new; "not in this store" is said too."""

    id: str
    text: str
    quantity: int = 1
    detail: str = ""
    tone: Tone = "plain"  # of the detail
    price: str = ""
    was: str = ""
    note: str = ""
    price_alert: float | None = None  # told when it costs at most so much
    alert_text: str = ""
    done: bool = False
    sku: int | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """Her list as others get it. `link` is empty while offline: then there is only the text."""

    text: str
    link: str = ""
    code: Matrix | None = None
    until: str = ""


@dataclass(frozen=True, slots=True)
class Wishlist:
    """Her list. `by_aisle`: in the order of this store's aisles, and not in her own; then it can't be dragged."""

    rows: tuple[WishRow, ...] = ()
    progress: str = ""
    done_ratio: float = 0.0
    by_aisle: bool = False
    can_sort: bool = False  # this store's plan is known
    suggestions: tuple[Choice, ...] = ()  # for what she is writing: see `Intents.suggest`
    share: Share | None = None
    empty_why: str = ""


@dataclass(frozen=True, slots=True)
class CouponRow:
    """One coupon. `reason` says why it is not in the best combination, or which part it has."""

    id: str
    title: str
    off: str
    detail: str = ""
    ends: str = ""
    urgent: bool = False  # less than a day left
    state: CouponState = "available"
    reason: str = ""


@dataclass(frozen=True, slots=True)
class BestDeal:
    """The best legal combination for her list, by the shop; `refused` each with its reason."""

    off: str
    total: str
    applied: tuple[CouponRow, ...] = ()
    refused: tuple[CouponRow, ...] = ()


@dataclass(frozen=True, slots=True)
class Coupons:
    available: tuple[CouponRow, ...] = ()
    clipped: tuple[CouponRow, ...] = ()
    history: tuple[CouponRow, ...] = ()
    auto_clip: bool = False
    best: BestDeal | None = None
    empty_why: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """What the till reads. `code`: signed by the shop for a minute; None while there is none, and `why` says why."""

    bars: Matrix | None = None
    number: str = ""  # the digits below the bars, spaced
    code: Matrix | None = None
    seconds_left: int = 0
    valid_s: int = 60
    carries: str = ""  # "Card and 3 coupons"
    why: str = ""


@dataclass(frozen=True, slots=True)
class LedgerRow:
    id: str
    what: str
    when: str
    points: str  # signed
    balance: str  # after it
    gain: bool = True


@dataclass(frozen=True, slots=True)
class Points:
    balance: str = ""
    tier: str = ""
    next_tier: str = ""  # "660 points to Platinum"
    ratio: float = 0.0  # of the way from this tier to the next
    expiring: tuple[str, ...] = ()
    ledger: tuple[LedgerRow, ...] = ()
    trend: tuple[float, ...] = ()  # the balance after each booking, oldest first
    empty_why: str = ""


@dataclass(frozen=True, slots=True)
class HelpStep:
    text: str
    done: bool = False
    now: bool = False


@dataclass(frozen=True, slots=True)
class Help:
    """A call for help and what became of it. `waiting`: asked while offline; it goes out with the network."""

    state: HelpState = "none"
    headline: str = ""
    detail: str = ""
    place: str = ""  # where she would be looked for; "" when nobody knows
    items: tuple[Choice, ...] = ()  # what she may ask about: her list and the offer she looked at
    steps: tuple[HelpStep, ...] = ()
    can_ask: bool = False
    can_cancel: bool = False


@dataclass(frozen=True, slots=True)
class ProductRow:
    id: str
    title: str
    why: str  # "in stock, near, 0.40 cheaper, same kind"
    price: str = ""
    where: str = ""
    off: str = ""
    sku: int | None = None


@dataclass(frozen=True, slots=True)
class Alternatives:
    """The product she looks at, which stays in sight, and what could take its place."""

    original: ProductRow | None = None
    rows: tuple[ProductRow, ...] = ()
    empty_why: str = ""


@dataclass(frozen=True, slots=True)
class Purpose:
    """Something she may agree to: off until she does."""

    id: str
    title: str
    why: str
    on: bool = False


@dataclass(frozen=True, slots=True)
class SentRow:
    """One thing that left the phone."""

    id: str
    what: str
    when: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Privacy:
    purposes: tuple[Purpose, ...] = ()
    paused: str = ""  # until when; "" when it is not
    can_pause: bool = False
    sent: tuple[SentRow, ...] = ()
    result: str = ""  # what became of an export or a deletion: its path, its receipt, its fault
    busy: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """How everything looks; read at the start and whenever it changes."""

    theme: Theme = "system"
    text_scale: float = 1.0  # one of TEXT_SCALES
    reduced_motion: bool = False
    language: str = "en"


TEXT_SCALES = (1.0, 1.3, 1.6, 2.0)


@dataclass(frozen=True, slots=True)
class Settings:
    look: Look = Look()
    languages: tuple[Choice, ...] = ()
    quiet_on: bool = True
    quiet_from: time = time(22)
    quiet_until: time = time(8)
    kinds: tuple[Purpose, ...] = ()  # kinds of alerts, on or off
    muted_today: bool = False
    shop: str = ""  # the backend's address
    version: str = ""


@dataclass(frozen=True, slots=True)
class FirstRun:
    """Explained before anything is asked; all purposes off."""

    purposes: tuple[Purpose, ...] = ()
    done: bool = False


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

    def set_quiet_hours(self, on: bool, start: time, end: time) -> None: ...

    def set_alert_kind(self, kind: str, on: bool) -> None: ...

    def finish_first_run(self) -> None:
        """She has read it; what she agreed to by `set_purpose` begins."""
