"""What the page draws that does not move: streets, houses, stores with their shelves, as one JSON object.

Lengths are whole decimetres east and north of the map's middle: half the bytes of degrees, and drawn as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from endcap.messages import ProductPromotion, StoreProduct
from endcap_devkit.demo.city import City, flat, layer
from endcap_devkit.simulate.shapes import Spot
from endcap_devkit.simulate.store import Section, Store

GROUND = ("water", "green", "square", "building")


def scene(city: City, promotions: Iterable[ProductPromotion]) -> dict[str, Any]:
    """The whole picture."""
    by_sku = {promotion.sku: promotion for promotion in promotions if promotion.sku is not None}
    return {
        "attribution": city.attribution,
        **{name: list(_polygons(city, name)) for name in GROUND},
        "streets": list(_streets(city)),
        "shops": list(_shops(city)),
        "stores": [_store(store, by_sku) for store in city.stores],
    }


def _polygons(city: City, name: str) -> Iterable[list[list[int]]]:
    for _, geometry in layer(city.features, name):
        parts = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
        for part in parts:
            yield [_line(flat(city.origin, ring)) for ring in part]


def _streets(city: City) -> Iterable[dict[str, Any]]:
    for properties, geometry in layer(city.features, "street"):
        lines = [_line(flat(city.origin, line)) for line in geometry["coordinates"]]
        yield {"kind": properties["kind"], "name": properties.get("name", ""), "lines": lines}


def _shops(city: City) -> Iterable[list[Any]]:
    """Shops that stand in no store of ours: east, north, name."""
    known = {store.id for store in city.stores}
    for properties, geometry in layer(city.features, "shop"):
        if properties.get("store") not in known:
            yield [*_at(flat(city.origin, [geometry["coordinates"]])[0]), properties["name"]]


def _store(store: Store, by_sku: Mapping[int, ProductPromotion]) -> dict[str, Any]:
    outline = store.premises.outline
    return {
        "id": store.id,
        "name": store.premises.name.removeprefix("Kauppakeskus "),  # "shopping centre"; nobody says it
        "rings": [_line(ring) for ring in outline.rings],
        "area": round(_area_m2(outline.rings[0])),
        "label": _at(outline.middle),
        "door": _at(store.door),
        "angle": outline.main_direction(),
        "sections": [_section(section) for section in store.sections],
        "products": [_product(product, spot, by_sku.get(product.sku)) for product, spot in store.products],
    }


def _section(section: Section) -> dict[str, Any]:
    longest = max(section.shelves, key=lambda shelf: shelf.length_m)
    return {
        "name": section.name,
        "segment": section.segment.title,
        "label": _at(longest.middle),
        "shelves": [[*_at(shelf.start), *_at(shelf.end)] for shelf in section.shelves],
    }


def _product(product: StoreProduct, spot: Spot, promotion: ProductPromotion | None) -> list[Any]:
    """East, north, SKU, name, price, and the discount where it is promoted."""
    discount = promotion.discount if promotion else None
    return [*_at(spot), product.sku, product.name, product.price, discount]


def _line(spots: Sequence[Spot]) -> list[int]:
    return [number for spot in spots for number in _at(spot)]


def _at(spot: Spot) -> list[int]:
    return [round(spot[0] * 10), round(spot[1] * 10)]


def _area_m2(ring: Sequence[Spot]) -> float:
    turned = [*ring[1:], ring[0]]
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(ring, turned, strict=True))) / 2
