"""Near you: what matters now, and the deals by walking distance, each with its reason."""

from __future__ import annotations

from kivy.app import App
from kivy.factory import Factory

from endcap_shopper.i18n import later
from endcap_shopper.ui.layout import load
from endcap_shopper.ui.screens.page import PageScreen, empty, row
from endcap_shopper.ui.widgets.pool import Row
from endcap_shopper.ui.widgets.sheet import Sheet
from endcap_shopper.views import DealCard, NearYou


class NearYouPage(PageScreen):
    page = "near"
    caption = later("Near you")

    def refresh(self) -> None:
        self.ids.rows.show(self._rows(self.shopper.near_you()))

    def _rows(self, near: NearYou) -> list[Row]:
        shown = [row("Hero", "hero", near=near)] if near.headline or near.place else []
        if not near.deals:
            title = near.empty_title or self.tr("No deals near you yet")
            return [*shown, empty("tag-outline", title, near.empty_why, *self.yes(near.needs_yes))]
        shown.append(row("SectionTitle", "deals", text=self.tr("Deals near you")))
        return shown + [row("DealCard", deal.id, deal=deal) for deal in near.deals]


class DealSheet(Sheet):
    """One offer, and what can be done about it."""


def open_deal(deal: DealCard) -> Sheet:
    """Show an offer in full."""
    app = App.get_running_app()
    sheet = DealSheet(title=deal.title)
    for text, look in ((deal.why, "Text"), (deal.off, "Bold"), (deal.where, "Small"), (deal.ends, "Small")):
        if text:
            sheet.add_widget(getattr(Factory, look)(text=text))
    sheet.add_widget(Factory.ActionsRow(actions=_actions(app, sheet, deal)))
    sheet.open()
    return sheet


def _actions(app: object, sheet: Sheet, deal: DealCard) -> tuple[tuple[object, ...], ...]:
    shopper, tr = app.shopper, app.shopper.words.t  # type: ignore[attr-defined]

    def then(*calls: object) -> object:
        def pressed() -> None:
            for call in calls:
                if callable(call):
                    call()
            sheet.dismiss()

        return pressed

    actions: list[tuple[object, ...]] = []
    if deal.coupon == "available":
        clip = then(lambda: shopper.clip_deal(deal.id))
        actions.append((tr("Clip the coupon"), "ticket-percent", "plain", clip))
    if deal.sku is not None:
        sku = deal.sku
        add = then(lambda: shopper.add_wish(deal.title, sku))
        other = then(lambda: shopper.show_alternatives(sku), lambda: app.go("alternatives"))  # type: ignore[attr-defined]
        actions.append((tr("Add to my list"), "plus", "tonal", add))
        actions.append((tr("Alternatives"), "swap-horizontal", "tonal", other))
    actions.append((tr("Not for me"), "close", "text", then(lambda: shopper.dismiss_deal(deal.id))))
    actions.append((tr("No alerts today"), "bell-off-outline", "text", then(lambda: shopper.mute_today(True))))
    return tuple(actions)


load(__file__)
