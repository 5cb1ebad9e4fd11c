"""Store map: sections, pins of her list, her dot, the way, and the next step in words."""

from __future__ import annotations

from functools import partial

from kivy.factory import Factory
from kivy.properties import ObjectProperty

from endcap_shopper.i18n import later
from endcap_shopper.ui.layout import load
from endcap_shopper.ui.screens.page import PageScreen
from endcap_shopper.ui.widgets.sheet import Sheet
from endcap_shopper.views import StoreMap


class StoreMapPage(PageScreen):
    page = "map"
    caption = later("Store map")
    view = ObjectProperty(StoreMap(), rebind=True)

    def refresh(self) -> None:
        self.view = self.shopper.store_map()

    def restyled(self) -> None:
        self.refresh()
        self.ids.map.draw()

    def choose(self) -> None:
        """Let her say which store she looks at."""
        sheet = Sheet(title=self.tr("Store"))
        for choice in self.view.stores:
            link = Factory.LinkRow(title=choice.text, icon="check" if choice.chosen else "storefront-outline")
            link.pressed = partial(self._chosen, sheet, choice.id)
            sheet.add_widget(link)
        sheet.open()

    def _chosen(self, sheet: Sheet, store: str) -> None:
        self.shopper.choose_store(store)
        sheet.dismiss()


load(__file__)
