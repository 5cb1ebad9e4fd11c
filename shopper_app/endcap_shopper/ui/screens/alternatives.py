"""Alternatives: what could take a product's place, each with its reason; the product itself stays in sight."""

from __future__ import annotations

from kivy.properties import BooleanProperty, ObjectProperty, StringProperty

from endcap_shopper.i18n import later
from endcap_shopper.ui.icons import segment_icon
from endcap_shopper.ui.layout import load
from endcap_shopper.ui.screens.page import PageScreen, empty, row
from endcap_shopper.ui.widgets.pool import Row
from endcap_shopper.ui.widgets.press import Surface
from endcap_shopper.views import Alternatives, ProductRow


class ProductCard(Surface):
    key = StringProperty("")
    product = ObjectProperty(ProductRow("", "", ""), rebind=True)
    original = BooleanProperty(False)
    picture = StringProperty("tag-outline")

    def on_product(self, _: ProductCard, product: ProductRow) -> None:
        self.picture = segment_icon(product.title)


class AlternativesPage(PageScreen):
    page = "alternatives"
    caption = later("Alternatives")
    root_page = False

    def refresh(self) -> None:
        self.ids.rows.show(self._rows(self.shopper.alternatives()))

    def _rows(self, found: Alternatives) -> list[Row]:
        shown: list[Row] = []
        if found.original is not None:
            shown.append(row("ProductCard", found.original.id, product=found.original, original=True))
        if not found.rows:
            return [*shown, empty("swap-horizontal", self.tr("Nothing to take instead"), found.empty_why)]
        shown.append(row("SectionTitle", "instead", text=self.tr("Instead of it")))
        return shown + [row("ProductCard", each.id, product=each, original=False) for each in found.rows]


load(__file__)
