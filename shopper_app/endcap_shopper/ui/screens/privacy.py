"""Privacy: consent for each purpose, a pause, what was sent, a copy of everything, and the end of it."""

from __future__ import annotations

from collections.abc import Callable

from kivy.properties import ObjectProperty

from endcap_shopper.i18n import later
from endcap_shopper.ui.layout import load
from endcap_shopper.ui.screens.page import PageScreen, row
from endcap_shopper.ui.widgets.pool import Row
from endcap_shopper.ui.widgets.sheet import Sheet
from endcap_shopper.views import Privacy, Purpose


class PrivacyPage(PageScreen):
    page = "privacy"
    caption = later("Privacy")
    root_page = False

    def refresh(self) -> None:
        self.ids.rows.show(self._rows(self.shopper.privacy()))

    def _rows(self, privacy: Privacy) -> list[Row]:
        shown = [row("SectionTitle", "purposes", text=self.tr("What you allow"))]
        shown += [purpose_row(each, self.shopper.set_purpose) for each in privacy.purposes]
        if privacy.paused:
            again = (self.tr("Go on"), "play", "plain", self.shopper.resume_sharing)
            shown += [row("InfoRow", "paused", icon="pause", title=privacy.paused, warned=True)]
            shown += [row("ActionsRow", "again", actions=(again,))]
        elif privacy.can_pause:
            hour = (self.tr("Pause for an hour"), "pause", "tonal", lambda: self.shopper.pause_sharing("hour"))
            today = (self.tr("Pause for today"), "", "tonal", lambda: self.shopper.pause_sharing("today"))
            shown.append(row("ActionsRow", "pause", actions=(hour, today)))
        shown.append(row("SectionTitle", "data", text=self.tr("Your data")))
        if privacy.result:
            shown.append(row("InfoRow", "result", icon="information-outline", title=privacy.result))
        if not privacy.busy:
            copy = (self.tr("Get a copy"), "download", "tonal", self.shopper.export_data)
            delete = (self.tr("Delete everything"), "delete-outline", "text", self.confirm)
            shown.append(row("ActionsRow", "mine", actions=(copy, delete)))
        shown.append(row("SectionTitle", "sent", text=self.tr("What was sent")))
        if not privacy.sent:
            shown.append(row("InfoRow", "none", icon="lock-outline", title=self.tr("Nothing has left this phone.")))
        return shown + [
            row("InfoRow", each.id, icon="send-outline", title=each.what, detail=each.detail, aside_detail=each.when)
            for each in privacy.sent
        ]

    def confirm(self) -> None:
        """Ask whether she is sure."""
        DeleteSheet(title=self.tr("Delete everything?"), sure=self.shopper.delete_data).open()


class DeleteSheet(Sheet):
    """The last question before everything is gone."""

    sure = ObjectProperty(None, allownone=True)


def purpose_row(purpose: Purpose, changed: Callable[[str, bool], None]) -> Row:
    """A purpose as a switch."""
    made = row("SwitchRow", purpose.id, title=purpose.title, detail=purpose.why, on=purpose.on)
    return {**made, "changed": lambda on: changed(purpose.id, on)}


load(__file__)
