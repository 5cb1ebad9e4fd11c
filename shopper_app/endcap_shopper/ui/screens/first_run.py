"""First run: what the app does, what that takes, and only then the question; every answer is right."""

from __future__ import annotations

from kivy.properties import NumericProperty

from endcap_shopper.ui.layout import load
from endcap_shopper.ui.screens.page import PageScreen, row
from endcap_shopper.ui.screens.privacy import purpose_row
from endcap_shopper.ui.widgets.pool import Row

STEPS = 3


class FirstRunPage(PageScreen):
    page = "first"
    caption = ""
    step = NumericProperty(0)

    def refresh(self) -> None:
        self.ids.rows.show(self._rows())

    def on_step(self, *_: object) -> None:
        self.ids.rows.scroll_y = 1
        self.refresh()

    def go_on(self) -> None:
        """The next step; after the last one, the app."""
        if self.step < STEPS - 1:
            self.step += 1
        else:
            self.shopper.finish_first_run()

    def _rows(self) -> list[Row]:
        return (self._welcome, self._honest, self._ask)[int(self.step)]()

    def _welcome(self) -> list[Row]:
        shown = [row("WelcomeHead", "welcome", title=self.tr("The shop, on your side"))]
        for icon, title, detail in (
            ("tag-outline", self.tr("Offers where you stand"), self.tr("Each one says why you see it.")),
            ("map-outline", self.tr("The way to what you need"), self.tr("Your list, in the order of the aisles.")),
            ("qrcode", self.tr("One code at the till"), self.tr("Your card and all your clipped coupons in one.")),
            ("hand-wave", self.tr("Somebody comes when you call"), self.tr("To where you are, with one button.")),
        ):
            shown.append(row("InfoRow", icon, icon=icon, title=title, detail=detail))
        return shown

    def _honest(self) -> list[Row]:
        shown = [row("WelcomeHead", "honest", title=self.tr("What it takes, and what it doesn't"))]
        for icon, title, detail in (
            ("lock-outline", self.tr("Nothing leaves this phone yet"), self.tr("Not even a number for you exists.")),
            ("account-circle-outline", self.tr("No name, no e-mail"), self.tr("The shop knows a random number.")),
            ("pause", self.tr("Pause or stop whenever you like"), self.tr("It takes effect within a second.")),
            ("eye-outline", self.tr("See all that was sent"), self.tr("Get a copy, or have it deleted.")),
        ):
            shown.append(row("InfoRow", icon, icon=icon, title=title, detail=detail))
        return shown

    def _ask(self) -> list[Row]:
        shown = [row("WelcomeHead", "ask", title=self.tr("You decide"))]
        shown += [purpose_row(each, self.shopper.set_purpose) for each in self.shopper.first_run().purposes]
        note = self.tr("All of it can stay off: your list and the map work all the same.")
        return [*shown, row("InfoRow", "note", icon="information-outline", title=note)]


load(__file__)
