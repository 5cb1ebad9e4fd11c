"""Points: the balance and the ledger that sums to it, the next tier, and what expires."""

from __future__ import annotations

from kivy.properties import ObjectProperty, StringProperty

from endcap_shopper.i18n import later
from endcap_shopper.ui.layout import load
from endcap_shopper.ui.screens.page import PageScreen, empty, row
from endcap_shopper.ui.widgets.pool import Row
from endcap_shopper.ui.widgets.press import Surface
from endcap_shopper.views import Points


class PointsHead(Surface):
    """Balance and tier in an arc that fills towards the next tier; how the balance went."""

    key = StringProperty("")
    points = ObjectProperty(Points(), rebind=True)


class PointsPage(PageScreen):
    page = "points"
    caption = later("Points")
    root_page = False

    def refresh(self) -> None:
        self.ids.rows.show(self._rows(self.shopper.points()))

    def _rows(self, points: Points) -> list[Row]:
        if not points.balance:
            return [empty("star-circle", self.tr("No points yet"), points.empty_why, *self.yes(points.needs_yes))]
        shown = [row("PointsHead", "head", points=points)]
        shown += [
            row("InfoRow", f"at {each}", icon="clock-outline", title=each, warned=True) for each in points.expiring
        ]
        shown.append(row("SectionTitle", "ledger", text=self.tr("Every booking")))
        return shown + [
            row("InfoRow", each.id, icon="plus" if each.gain else "minus", title=each.what, detail=each.when,
                aside=each.points, aside_detail=each.balance)
            for each in points.ledger
        ]  # fmt: skip


load(__file__)
