"""Help: call somebody to where she stands, and see that they come."""

from __future__ import annotations

from kivy.properties import BooleanProperty, ObjectProperty, StringProperty

from endcap_shopper.i18n import later
from endcap_shopper.ui.layout import load
from endcap_shopper.ui.screens.page import PageScreen, row
from endcap_shopper.ui.widgets.pool import Row
from endcap_shopper.ui.widgets.press import Surface
from endcap_shopper.views import Choice, Help


class HelpHead(Surface):
    """What becomes of the call."""

    key = StringProperty("")
    help = ObjectProperty(Help(), rebind=True)


class HelpStepRow(Surface):
    """A stage of the call: behind it, at it, or before it."""

    key = StringProperty("")
    title = StringProperty("")
    done = BooleanProperty(False)
    now = BooleanProperty(False)


class AskRow(Surface):
    """Her own words, and the button."""

    key = StringProperty("")
    page = ObjectProperty(None, allownone=True)


class HelpPage(PageScreen):
    page = "help"
    caption = later("Help")
    root_page = False
    item = StringProperty("")

    def refresh(self) -> None:
        self.ids.rows.show(self._rows(self.shopper.help()))

    def choose(self, item: str) -> None:
        """What it is about; the same again: nothing in particular."""
        self.item = "" if item == self.item else item
        self.refresh()

    def ask(self, text: str) -> None:
        self.shopper.ask_help(self.item, text.strip())
        self.item = ""

    def _rows(self, help: Help) -> list[Row]:
        shown = [row("HelpHead", "head", help=help)]
        shown += [
            row("HelpStepRow", f"step {place}", title=step.text, done=step.done, now=step.now)
            for place, step in enumerate(help.steps)
        ]
        if help.needs_yes:
            consent = (self.tr("Open Privacy"), "shield-account", "tonal", self.to_privacy)
            shown.append(row("ActionsRow", "yes", actions=(consent,)))
        if help.can_cancel:
            cancel = (self.tr("I need no help any more"), "close", "tonal", self.shopper.cancel_help)
            shown.append(row("ActionsRow", "cancel", actions=(cancel,)))
        if help.can_ask:
            items = tuple(Choice(each.id, each.text, each.id == self.item) for each in help.items)
            about = self.tr("What is it about?")
            shown += [row("ChipsRow", "items", title=about, choices=items, chosen=self.choose)] if items else []
            shown.append(row("AskRow", "ask", page=self))
        return shown


load(__file__)
