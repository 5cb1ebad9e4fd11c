"""What one has picked on a store's plan: a product where it stands, or a section, with all that stands in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from endcap.fences.shapes import Polygon
from endcap.messages import StoreProduct
from endcap_backend.console.on_offer import OnOffer, called
from endcap_backend.retail.plans import Section
from endcap_backend.retail.terms import ShopPromotion


@dataclass(frozen=True, slots=True)
class Picked:
    """One of the two; `products` are those it is about."""

    products: tuple[StoreProduct, ...]
    section: Section | None = None

    @property
    def name(self) -> str:
        return self.section.name if self.section is not None else called(self.products[0])

    @property
    def segments(self) -> list[str]:
        """Of its products, and those that the plan says are in the section."""
        planned = self.section.categories if self.section is not None else ()
        return sorted({*planned, *(each.segment for each in self.products)})

    def promotions(self, on_offer: OnOffer) -> list[ShopPromotion]:
        """Each that holds for any of it, once."""
        found = [each for product in self.products for each in on_offer.of(product)]
        return list({each.pid: each for each in (*found, *on_offer.of_segments(self.segments))}.values())

    def new_promotion(self) -> dict[str, str]:
        """What the form of a new promotion begins with: the product, or the section's segment when it has but one."""
        if self.section is None:
            return {"SKU": str(self.products[0].sku), "segment": self.products[0].segment}
        return {"segment": self.segments[0]} if len(self.segments) == 1 else {}


def pick(sections: Sequence[Section], shelves: Sequence[StoreProduct], section: str, sku: str) -> Picked | None:
    """What a page's query names; the product before the section, None for neither."""
    product = next((each for each in shelves if str(each.sku) == sku), None)
    if product is not None:
        return Picked((product,))
    found = next((each for each in sections if each.id == section), None)
    return None if found is None else Picked(tuple(_standing_in(found, shelves)), found)


def _standing_in(section: Section, shelves: Sequence[StoreProduct]) -> list[StoreProduct]:
    """What the plan or its own shelf says is there; of what says nothing, what stands within the outline."""
    outline, skus = Polygon(section.polygon), set(section.skus)
    return [
        each
        for each in shelves
        if each.sku in skus
        or (each.section in (section.id, section.name) if each.section else outline.contains(each.point))
    ]
