"""A made-up store in a given outline: a floor plan, sections, products on shelves, and promotions of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from random import Random

from endcap.geo import LatLon, offset
from endcap.messages import ProductPromotion, StoreProduct, derived_id
from endcap_devkit.simulate.catalogue import DEPARTMENTS, SEGMENTS, SOLD_BY, Segment
from endcap_devkit.simulate.plan import FloorPlan, Shelf, lay_out
from endcap_devkit.simulate.shapes import Outline, Spot

FACE_M = 3.5  # of shelf for one product
COUNTRY = "FIN"
FIRST_SKU = 6_400_000_000_000  # in the range of an EAN-13; none of them is in use
DISCOUNTS = (10, 15, 20, 25, 30, 40, 50)
STOCK = (0, 3, 8, 12, 24, 40)  # pieces; a 0 is never offered


@dataclass(frozen=True, slots=True)
class Premises:
    """What a map says of a store: where its walls are, and which shops of which kinds stand in it."""

    id: str
    name: str
    outline: Outline
    shops: tuple[tuple[str, str, Spot], ...] = ()  # name, kind, place


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the store that sells one segment."""

    name: str
    segment: Segment
    shelves: tuple[Shelf, ...]


@dataclass(frozen=True, slots=True)
class Store:
    """A store one can walk: `premises` as mapped, everything else made up; all on the plane around `origin`."""

    premises: Premises
    plan: FloorPlan
    sections: tuple[Section, ...]
    products: tuple[tuple[StoreProduct, Spot], ...]
    door: Spot

    @property
    def id(self) -> str:
        return self.premises.id


def furnish(premises: Premises, origin: LatLon, street: Spot, rng: Random) -> Store:
    """Fill the premises. The door is in the wall that is nearest to `street`."""
    plan = lay_out(premises.outline)
    sections = tuple(_sections(premises, plan.shelves))
    products = tuple(
        (_placement(premises, section, sku, variant, name, spot, origin, rng), spot)
        for section, (sku, name, variant), spot in _faces(sections)
    )
    return Store(premises, plan, sections, products, premises.outline.nearest_wall_spot(street))


def promote(stores: Sequence[Store], share: float, ends_at: datetime | None, rng: Random) -> list[ProductPromotion]:
    """Promotions of about `share` of all SKUs, of one at least in each store, and of one whole segment in six."""
    placed = {product.sku: product for store in stores for product, _ in store.products}
    chosen = set(rng.sample(sorted(placed), round(len(placed) * share)))
    for store in stores:
        own = sorted(product.sku for product, _ in store.products)
        if own and not chosen.intersection(own):
            chosen.add(rng.choice(own))
    promoted = [_promotion(placed[sku], rng.choice(DISCOUNTS), ends_at) for sku in sorted(chosen)]
    for segment in rng.sample(list(SEGMENTS.values()), len(SEGMENTS) // 6):
        title = f"Everything in {segment.title}"
        promoted.append(
            ProductPromotion(derived_id("segment", segment.name), segment.name, None, title, 10, None, ends_at)
        )
    return promoted


def _sections(premises: Premises, shelves: Sequence[Shelf]) -> Iterator[Section]:
    """Each shelf belongs to the nearest shop that sells goods; where the map knows none, to a department."""
    sellers = [(name, SEGMENTS[SOLD_BY[kind]], spot) for name, kind, spot in premises.shops if kind in SOLD_BY]
    held: dict[tuple[str, str], list[Shelf]] = {}
    for index, shelf in enumerate(shelves):
        if sellers:
            name, segment, _ = min(sellers, key=lambda seller: seller[2].to(shelf.middle))
        else:
            segment = SEGMENTS[DEPARTMENTS[index * len(DEPARTMENTS) // len(shelves)]]
            name = segment.title
        held.setdefault((name, segment.name), []).append(shelf)
    for (name, segment_name), own in held.items():
        yield Section(name, SEGMENTS[segment_name], tuple(own))


def _faces(sections: Iterable[Section]) -> Iterator[tuple[Section, tuple[int, str, str], Spot]]:
    """Products along the shelves, none twice in a store; a section ends where its segment has no more."""
    unused = {name: iter(_assortment(name)) for name in SEGMENTS}
    for section in sections:
        for shelf in section.shelves:
            for index in range(int(shelf.length_m / FACE_M)):
                if (article := next(unused[section.segment.name], None)) is None:
                    break
                yield section, article, shelf.start.towards(shelf.end, FACE_M * (index + 0.5))


def _assortment(segment_name: str) -> list[tuple[int, str, str]]:
    """All (SKU, name, variant) of a segment, each variant of the first product after each other product's first."""
    segment = SEGMENTS[segment_name]
    first = FIRST_SKU + list(SEGMENTS).index(segment_name) * 1000
    return [
        (first + number, name, variant)
        for number, (variant, name) in enumerate(product(segment.variants, segment.products))
    ]


def _placement(
    premises: Premises, section: Section, sku: int, variant: str, name: str, spot: Spot, origin: LatLon, rng: Random
) -> StoreProduct:
    segment = section.segment
    price = segment.price_from + (sku * 7919 % 97) / 96 * (segment.price_to - segment.price_from)
    point = offset(origin, *spot)
    return StoreProduct(
        sku=sku,
        segment=segment.name,
        latitude_deg=point.latitude_deg,
        longitude_deg=point.longitude_deg,
        variant=variant,
        country=COUNTRY,
        store=premises.id,
        section=section.name,
        name=f"{name}, {variant}",
        price=round(price, 1),
        stock=rng.choice(STOCK),
    )


def _promotion(product: StoreProduct, discount: int, ends_at: datetime | None) -> ProductPromotion:
    return ProductPromotion(
        derived_id("sku", product.sku), product.segment, product.sku, product.name, discount, None, ends_at
    )
