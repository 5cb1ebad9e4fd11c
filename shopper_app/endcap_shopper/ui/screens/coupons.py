"""Coupons: clip in one tap, see what the best combination is and why a coupon is not in it, and what became of them."""

from __future__ import annotations

from typing import Literal

from kivy.properties import StringProperty

from endcap_shopper.i18n import later
from endcap_shopper.ui.layout import load
from endcap_shopper.ui.screens.page import PageScreen, empty, row
from endcap_shopper.ui.widgets.pool import Row
from endcap_shopper.views import Choice, CouponRow, Coupons

Shelf = Literal["available", "clipped", "history"]


class CouponsPage(PageScreen):
    page = "coupons"
    caption = later("Coupons")
    shelf = StringProperty("available")  # a Shelf

    def refresh(self) -> None:
        self.ids.rows.show(self._rows(self.shopper.coupons()))

    def choose(self, shelf: str) -> None:
        """Look at the available ones, the clipped ones or the history."""
        self.shelf = shelf
        self.ids.rows.scroll_y = 1
        self.refresh()

    def _rows(self, coupons: Coupons) -> list[Row]:
        shown = [row("ChipsRow", "shelves", choices=self._shelves(coupons), chosen=self.choose)]
        if self.shelf == "available":
            auto = row("SwitchRow", "auto", title=self.tr("Clip everything for me"), on=coupons.auto_clip)
            auto["detail"] = self.tr("New coupons are clipped as they come")
            auto["changed"] = self.shopper.set_auto_clip
            shown.append(auto)
        if self.shelf == "clipped" and coupons.best is not None:
            return shown + self._best(coupons)
        if self.shelf == "history" and coupons.saved:
            shown += self._saved(coupons)
        listed: tuple[CouponRow, ...] = getattr(coupons, self.shelf)
        shown += [self._coupon(each) for each in listed]
        none = empty("ticket-percent-outline", self._none(), coupons.empty_why, *self.yes(coupons.needs_yes))
        return shown if listed else [*shown, none]

    def _best(self, coupons: Coupons) -> list[Row]:
        best = coupons.best
        assert best is not None
        told = {each.id for each in (*best.applied, *best.refused)}
        others = [each for each in coupons.clipped if each.id not in told]
        shown = [row("BestRow", "best", best=best), *(self._coupon(each) for each in (*best.applied, *others))]
        if best.refused:
            shown.append(row("SectionTitle", "not", text=self.tr("Not together with these")))
        return shown + [self._coupon(each) for each in best.refused]

    def _saved(self, coupons: Coupons) -> list[Row]:
        title = row("SectionTitle", "saved", text=self.tr("What you saved"))
        months = [
            row("InfoRow", f"saved {each.month}", icon="ticket-percent", title=each.month, detail=each.purchases,
                aside=each.off)
            for each in coupons.saved
        ]  # fmt: skip
        return [title, *months, row("SectionTitle", "over", text=self.tr("Redeemed and over"))]

    def _coupon(self, coupon: CouponRow) -> Row:
        return row("CouponRow", coupon.id, coupon=coupon, live=coupon.state in ("available", "clipped"))

    def _none(self) -> str:
        if self.shelf == "available":
            return self.tr("No coupons to clip")
        return self.tr("Nothing clipped yet") if self.shelf == "clipped" else self.tr("Nothing redeemed yet")

    def _shelves(self, coupons: Coupons) -> tuple[Choice, ...]:
        named = (
            ("available", self.tr("Available"), len(coupons.available)),
            ("clipped", self.tr("Clipped"), len(coupons.clipped)),
            ("history", self.tr("History"), 0),
        )
        return tuple(
            Choice(id, f"{text} {count}" if count else text, chosen=id == self.shelf) for id, text, count in named
        )


load(__file__)
