"""SampleScreens: what each screen shows of the sample shopper."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from endcap_shopper import codes
from endcap_shopper.i18n import LANGUAGES, Words
from endcap_shopper.sample.possessions import COUPONS, DEALS, KINDS, LEDGER, NUMBER, PURPOSES, SIGNED, WISHES
from endcap_shopper.sample.store import sample_map
from endcap_shopper.views import (
    Alternatives,
    BestDeal,
    Card,
    Choice,
    Chrome,
    Coupons,
    FirstRun,
    Help,
    Look,
    NearYou,
    Page,
    Points,
    Privacy,
    ProductRow,
    SavedRow,
    SentRow,
    Settings,
    Share,
    StoreMap,
    Undo,
    Wishlist,
    WishRow,
)


class SampleScreens:
    """The views of `views.Intents` over plain data; `SampleShopper` changes it."""

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
        self.map_view = sample_map()
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

    # Views

    def look(self) -> Look:
        return self._look

    def chrome(self) -> Chrome:
        said = self.words.t(self.chrome_view.sharing_text)
        return replace(self.chrome_view, undo=self._undo, sharing_text=said)

    def near_you(self) -> NearYou:
        return NearYou(
            "You're in Riverside",
            "2 things on your list are within 30\xa0m",
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
            (SavedRow("November 2026", "3 purchases", "€12.40"), SavedRow("October 2026", "5 purchases", "€21.15")),
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
                "41\xa0m · Bakery",
                "",
                9014,
            ),
            ProductRow(
                "9015", "Spelt bread", "In stock, same kind, on offer", "€3.60", "44\xa0m · Bakery", "−10 %", 9015
            ),
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
