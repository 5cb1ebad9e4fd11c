"""SampleShopper: a made-up shopper in a made-up store, for pictures and tests of the screens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import time
from typing import Any

from endcap.fences import Polygon
from endcap.geo import LatLon, offset
from endcap_shopper import codes
from endcap_shopper.aisles import Aisles
from endcap_shopper.floor import Door, FloorPlan, Section
from endcap_shopper.i18n import LANGUAGES, Words
from endcap_shopper.views import (
    Alternatives,
    BestDeal,
    Card,
    Choice,
    Chrome,
    CouponRow,
    Coupons,
    DealCard,
    Dot,
    FirstRun,
    Help,
    HelpStep,
    LedgerRow,
    Look,
    NearYou,
    Page,
    Pin,
    Points,
    Privacy,
    ProductRow,
    Purpose,
    SentRow,
    Settings,
    Share,
    StoreMap,
    Undo,
    Wishlist,
    WishRow,
)

CORNER = LatLon(60.16890, 24.93680)
SIGNED = "EC1." + "q7Jd0sX9vT2mLkWc4RzAf8uHy6PbNe3g" * 7  # as long as what the shop signs
NUMBER = "2400012345678"[:12] + codes.check_digit("240001234567")

_AREAS = (  # metres east and north of the corner, and how far they reach
    ("produce", "Produce", 2, 20, 10, 14),
    ("bakery", "Bakery", 2, 2, 10, 14),
    ("dairy", "Dairy", 17, 28, 14, 8),
    ("coffee", "Coffee & tea", 17, 17, 14, 7),
    ("snacks", "Snacks", 17, 9, 14, 5),
    ("home", "Home", 17, 2, 14, 4),
)


def at(east_m: float, north_m: float) -> LatLon:
    """A point of the sample store."""
    return offset(CORNER, east_m, north_m)


def sample_plan() -> FloorPlan:
    """A store of six sections and one aisle between them."""
    sections = tuple(
        Section(id, name, Polygon((at(x, y), at(x + w, y), at(x + w, y + h), at(x, y + h))))
        for id, name, x, y, w, h in _AREAS
    )
    nodes = {str(place): at(14.5, north) for place, north in enumerate((1, 7.5, 15.5, 26, 37))}
    aisles = Aisles(nodes, tuple((str(place), str(place + 1)) for place in range(4)))
    return FloorPlan("s1", "Riverside", sections, aisles, (Door("main", "Main door", at(14.5, 0.5)),))


DEALS: tuple[DealCard, ...] = (
    DealCard(
        "d1",
        "Espresso beans, 1 kg",
        "It is on your list, and members pay less today.",
        "−25 %",
        "12 m · Coffee & tea",
        "Ends tonight at 21:00",
        "wanted",
        "coffee",
        True,
        "available",
        9001,
    ),
    DealCard(
        "d2",
        "Aged Gouda, 2 for 1",
        "You stand beside it.",
        "2 for 1",
        "28 m · Dairy",
        "2 days left",
        "deal",
        "cheese",
        False,
        "clipped",
        9002,
    ),
    DealCard(
        "d3", "Lemons, net of 6", "It goes with your Gold coupon.", "−15 %", "34 m · Produce", "", "deal", "fruit"
    ),
    DealCard(
        "d4",
        "Sourdough loaf",
        "The one on your list is sold out here; this one is fresh.",
        "−10 %",
        "41 m · Bakery",
        "3 hours left",
        "alternative",
        "bakery",
        False,
        None,
        9004,
    ),
)

WISHES: tuple[WishRow, ...] = (
    WishRow("w1", "Espresso beans, 1 kg", 1, "Coffee & tea · 12 m · deal", "good", "€11.25", "€15.00", sku=9001),
    WishRow("w2", "Oat milk", 2, "Dairy · 26 m", "plain", "€3.80", note="The barista one", sku=9005),
    WishRow(
        "w3",
        "Lemons",
        1,
        "Produce · 34 m · cheaper since yesterday",
        "good",
        "€1.69",
        "€1.99",
        price_alert=1.5,
        alert_text="Tell me at €1.50",
        sku=9003,
    ),
    WishRow("w4", "Desk lamp Lumen", 1, "Not sold in Riverside", "warning", "€29.00", sku=9006),
    WishRow("w5", "Aged Gouda", 1, "Got it already", done=True, price="€6.40", sku=9002),
    WishRow("w6", "Sourdough loaf", 1, "Got it already", done=True, price="€3.20", sku=9004),
)

COUPONS: tuple[CouponRow, ...] = (
    CouponRow("c1", "Espresso beans", "−25 %", "Members only, once a visit", "Ends tonight at 21:00", True),
    CouponRow("c2", "Everything from the bakery", "−10 %", "", "6 days left"),
    CouponRow("c3", "Pasta, any shape", "3 for 2", "The cheapest one is free", "12 days left"),
    CouponRow("c4", "Aged Gouda", "2 for 1", "", "2 days left", False, "clipped", "Takes €6.40 off"),
    CouponRow(
        "c5",
        "From €30",
        "−€5.00",
        "Not with other offers on cheese",
        "8 days left",
        False,
        "clipped",
        "Aged Gouda takes off more, and the two don't go together.",
    ),
    CouponRow("c6", "Lemons", "−15 %", "", "Redeemed yesterday", False, "redeemed"),
    CouponRow("c7", "Ice cream", "−€1.00", "", "Expired on 1 Nov", False, "expired"),
)

LEDGER = (
    LedgerRow("l4", "Shopping in Riverside", "Today, 12:40", "+112", "1,840"),
    LedgerRow("l3", "Voucher of €5", "12 Nov", "−500", "1,728", False),
    LedgerRow("l2", "Shopping in Harbour", "3 Nov", "+228", "2,228"),
    LedgerRow("l1", "Welcome", "1 Nov", "+2,000", "2,000"),
)

PURPOSES: tuple[Purpose, ...] = (
    Purpose("location", "Where I am in the store", "For offers beside you, the map and the way."),
    Purpose("promotions", "Offers", "The shop sends what fits where you stand."),
    Purpose("analytics", "What I look at", "Helps the shop to send fewer and better offers."),
)

KINDS: tuple[Purpose, ...] = (
    Purpose("deal", "Deals", "Beside you, at most three a visit", True),
    Purpose("wanted", "Things on my list", "When you come near one", True),
    Purpose("alternative", "Alternatives", "When something is sold out", True),
    Purpose("help", "Help", "When somebody comes", True),
)


class SampleShopper:
    """`views.Intents` over plain data, kept nowhere and sent to nobody. `asked` is what was tapped, in order."""

    def __init__(self, look: Look | None = None, *, first_run_done: bool = True, post: object = None) -> None:
        self._look = look or Look()
        self.words = Words(self._look.language)
        self.asked: list[tuple[Any, ...]] = []
        self._changed: Callable[[Page | None], None] = lambda page: None
        self._first_run_done = first_run_done
        self.deals, self.wishes, self.coupon_rows, self.purposes, self.kinds = DEALS, WISHES, COUPONS, PURPOSES, KINDS
        self._undo: Undo | None = None
        self._before: tuple[WishRow, ...] = WISHES
        self.help_view = Help(
            "none",
            "Need a hand?",
            "Somebody comes to where you are.",
            "You are in Coffee & tea, Riverside.",
            (Choice("w1", "Espresso beans"), Choice("w4", "Desk lamp Lumen")),
            can_ask=True,
        )
        self.chrome_view = Chrome("on", "Location on", unseen=1)
        self.settings_view = Settings(kinds=KINDS, shop="shop.example", version="0.1.0")
        self.map_view = self._map()
        self.card_view = Card(
            codes.card_bars(NUMBER),
            f"{NUMBER[0]} {NUMBER[1:7]} {NUMBER[7:]}",
            codes.qr(SIGNED),
            42,
            carries="Your card and 2 coupons",
        )
        self._share: Share | None = None
        self._by_aisle = self._auto_clip = False
        self._paused = ""
        self._result = ""

    def __getattr__(self, name: str) -> Callable[..., None]:
        """An intent that changes nothing here; it is only noted."""
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *values: self._note(name, *values)

    def _note(self, *asked: Any) -> None:
        self.asked.append(asked)
        self._changed(None)

    def asked_page(self) -> Page | None:
        return None

    def watch(self, changed: Callable[[Page | None], None]) -> None:
        self._changed = changed

    def tick(self) -> None:
        return None

    # Views

    def look(self) -> Look:
        return self._look

    def chrome(self) -> Chrome:
        said = self.words.t(self.chrome_view.sharing_text)
        return replace(self.chrome_view, undo=self._undo, sharing_text=said)

    def near_you(self) -> NearYou:
        return NearYou(
            "You're in Riverside",
            "2 things on your list are within 30 m",
            "One of them is cheaper today.",
            True,
            self.deals,
            "No deals near you yet",
            "Walk along an aisle: they come by themselves.",
        )

    def store_map(self) -> StoreMap:
        return self.map_view

    def wishlist(self) -> Wishlist:
        done = sum(each.done for each in self.wishes)
        progress = self.words.t("{done} of {count} in the trolley", done=done, count=len(self.wishes))
        return Wishlist(
            self.wishes,
            progress,
            done / max(1, len(self.wishes)),
            self._by_aisle,
            True,
            (),
            self._share,
            "Write the first thing above.",
        )

    def coupons(self) -> Coupons:
        by = {
            state: tuple(each for each in self.coupon_rows if each.state == state)
            for state in ("available", "clipped", "redeemed", "expired")
        }
        best = (
            BestDeal("−€6.40", "€24.94 instead of €31.34", by["clipped"][:1], by["clipped"][1:])
            if by["clipped"]
            else None
        )
        return Coupons(
            by["available"],
            by["clipped"],
            by["redeemed"] + by["expired"],
            self._auto_clip,
            best,
            "New ones come every week.",
        )

    def card(self) -> Card:
        return self.card_view

    def points(self) -> Points:
        return Points(
            "1,840",
            "Gold",
            "660 points to Platinum",
            0.46,
            ("120 points expire on 31 Dec",),
            LEDGER,
            (2000.0, 2228.0, 1728.0, 1840.0),
            "They come with your first shopping.",
        )

    def help(self) -> Help:
        return self.help_view

    def alternatives(self) -> Alternatives:
        original = ProductRow("9004", "Sourdough loaf", "Sold out in Riverside", "€3.20", "Bakery", sku=9004)
        rows = (
            ProductRow(
                "9014",
                "Rye loaf",
                "In stock, beside it, €0.40 cheaper, the same kind",
                "€2.80",
                "41 m · Bakery",
                "",
                9014,
            ),
            ProductRow("9015", "Spelt bread", "In stock, same kind, on offer", "€3.60", "44 m · Bakery", "−10 %", 9015),
        )
        return Alternatives(original, rows)

    def privacy(self) -> Privacy:
        sent = (
            SentRow("s1", "38 positions", "12:41", "To shop.example, rounded to a metre"),
            SentRow("s2", "Offer opened: Espresso beans", "12:40"),
            SentRow("s3", "List: Lemons added", "12:38"),
        )
        return Privacy(self.purposes, self._paused, not self._paused, sent, self._result)

    def settings(self) -> Settings:
        spoken = {"en": "English", "de": "Deutsch"}
        languages = tuple(Choice(each, spoken[each], each == self._look.language) for each in LANGUAGES)
        return replace(self.settings_view, look=self._look, languages=languages, kinds=self.kinds)

    def first_run(self) -> FirstRun:
        return FirstRun(self.purposes, self._first_run_done)

    # What a tap changes

    def clip(self, id: str) -> None:
        self._coupon(id, "clipped")
        self._note("clip", id)

    def unclip(self, id: str) -> None:
        self._coupon(id, "available")
        self._note("unclip", id)

    def clip_deal(self, id: str) -> None:
        self.deals = tuple(replace(each, coupon="clipped") if each.id == id else each for each in self.deals)
        self._note("clip_deal", id)

    def dismiss_deal(self, id: str) -> None:
        self.deals = tuple(each for each in self.deals if each.id != id)
        self._note("dismiss_deal", id)

    def set_auto_clip(self, on: bool) -> None:
        self._auto_clip = on
        self._note("set_auto_clip", on)

    def add_wish(self, text: str, sku: int | None = None) -> None:
        self.wishes = (*self.wishes, WishRow(f"n{len(self.asked)}", text, sku=sku))
        self._note("add_wish", text, sku)

    def finish_wish(self, id: str, done: bool) -> None:
        self._wish(id, done=done)
        self._note("finish_wish", id, done)

    def set_quantity(self, id: str, quantity: int) -> None:
        self._wish(id, quantity=quantity)
        self._note("set_quantity", id, quantity)

    def set_note(self, id: str, note: str) -> None:
        self._wish(id, note=note)
        self._note("set_note", id, note)

    def set_price_alert(self, id: str, price: float | None) -> None:
        self._wish(id, price_alert=price, alert_text="" if price is None else f"Tell me at €{price:.2f}")
        self._note("set_price_alert", id, price)

    def move_wish(self, id: str, place: int) -> None:
        moved = next(each for each in self.wishes if each.id == id)
        others = [each for each in self.wishes if each.id != id]
        self.wishes = (*others[:place], moved, *others[place:])
        self._note("move_wish", id, place)

    def remove_wish(self, id: str) -> None:
        self._before = self.wishes
        gone = next(each for each in self.wishes if each.id == id)
        self.wishes = tuple(each for each in self.wishes if each.id != id)
        self._undo = Undo(f"u{len(self.asked)}", f"{gone.text} is off the list.")
        self._note("remove_wish", id)

    def undo(self) -> None:
        self.wishes, self._undo = self._before, None
        self._note("undo")

    def sort_by_aisle(self, on: bool) -> None:
        self._by_aisle = on
        self._note("sort_by_aisle", on)

    def share_wishlist(self) -> None:
        link = "https://shop.example/l/7Q2F9X"
        self._share = Share("\n".join(each.text for each in self.wishes), link, codes.qr(link), "Until 1 Dec")
        self._note("share_wishlist")

    def end_share(self) -> None:
        self._share = None
        self._note("end_share")

    def got_it(self, item: str) -> None:
        self.finish_wish(item, True)

    def ask_help(self, item: str = "", text: str = "") -> None:
        steps = (
            HelpStep("Asked", True),
            HelpStep("Somebody has seen it", False, True),
            HelpStep("On the way"),
            HelpStep("Here"),
        )
        self.help_view = Help("queued", "We have told the staff", text, self.help_view.place, (), steps, False, True)
        self._note("ask_help", item, text)

    def cancel_help(self) -> None:
        self.help_view = replace(
            self.help_view, state="cancelled", headline="Cancelled", steps=(), can_ask=True, can_cancel=False
        )
        self._note("cancel_help")

    def set_purpose(self, id: str, on: bool) -> None:
        self.purposes = tuple(replace(each, on=on) if each.id == id else each for each in self.purposes)
        self._note("set_purpose", id, on)

    def set_alert_kind(self, kind: str, on: bool) -> None:
        self.kinds = tuple(replace(each, on=on) if each.id == kind else each for each in self.kinds)
        self._note("set_alert_kind", kind, on)

    def pause_sharing(self, how_long: str) -> None:
        self._paused = "Paused until 15:00"
        self.chrome_view = replace(self.chrome_view, sharing="paused", sharing_text=self._paused)
        self._note("pause_sharing", how_long)

    def resume_sharing(self) -> None:
        self._paused = ""
        self.chrome_view = replace(self.chrome_view, sharing="on", sharing_text="Location on")
        self._note("resume_sharing")

    def export_data(self) -> None:
        self._result = "Everything is in endcap-data.json."
        self._note("export_data")

    def delete_data(self) -> None:
        self._result = "Deleted. Receipt 7f3a-91."
        self._note("delete_data")

    def set_quiet_hours(self, on: bool, start: time, end: time) -> None:
        self.settings_view = replace(self.settings_view, quiet_on=on, quiet_from=start, quiet_until=end)
        self._note("set_quiet_hours", on, start, end)

    def mute_today(self, muted: bool) -> None:
        self.settings_view = replace(self.settings_view, muted_today=muted)
        self._note("mute_today", muted)

    def set_theme(self, theme: Any) -> None:
        self._wear(theme=theme)

    def set_language(self, language: str) -> None:
        self.words = Words(language)
        self._wear(language=language)

    def set_text_scale(self, scale: float) -> None:
        self._wear(text_scale=scale)

    def set_reduced_motion(self, on: bool) -> None:
        self._wear(reduced_motion=on)

    def finish_first_run(self) -> None:
        self._first_run_done = True
        self._note("finish_first_run")

    def _wear(self, **changes: Any) -> None:
        self._look = replace(self._look, **changes)
        self._note("look", changes)

    def _coupon(self, id: str, state: Any) -> None:
        self.coupon_rows = tuple(replace(each, state=state) if each.id == id else each for each in self.coupon_rows)

    def _wish(self, id: str, **changes: Any) -> None:
        self.wishes = tuple(replace(each, **changes) if each.id == id else each for each in self.wishes)

    def _map(self) -> StoreMap:
        way = (
            at(14.5, 6),
            at(14.5, 20.5),
            at(17.5, 20.5),
            at(14.5, 20.5),
            at(14.5, 32),
            at(17.5, 32),
            at(14.5, 32),
            at(14.5, 27),
            at(11.5, 27),
        )
        pins = (
            Pin("w1", at(17.5, 20.5), 1, "Espresso beans", True),
            Pin("w2", at(17.5, 32), 2, "Oat milk"),
            Pin("w3", at(11.5, 27), 3, "Lemons", True),
        )
        stores = (Choice("s1", "Riverside", True), Choice("s2", "Harbour"))
        return StoreMap(
            sample_plan(),
            stores,
            pins,
            Dot(at(14.5, 6), 3.5, 10.0),
            way,
            3,
            "coffee",
            "Straight on for 15 m, then right to Espresso beans.",
            "Espresso beans · stop 1 of 3",
            "w1",
            True,
            True,
        )
