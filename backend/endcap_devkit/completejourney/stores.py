"""A floor plan for each store of the set, and its products on the shelves: made up, at the density of the real one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import ceil, sqrt
from random import Random

from endcap.geo import LatLon, offset
from endcap.messages import StoreProduct
from endcap_backend.retail.plans import Plan
from endcap_devkit.completejourney.data import Article, Displayed
from endcap_devkit.demo.plans import plan_of_store
from endcap_devkit.simulate.catalogue import Segment
from endcap_devkit.simulate.plan import Shelf, lay_out
from endcap_devkit.simulate.shapes import Outline, Spot
from endcap_devkit.simulate.store import Premises, Section, Store

COUNTRY = "USA"
CENTRE = LatLon(39.1031, -84.512)  # Cincinnati, where the set was put together
APART_M = 2000.0  # from store to store
AREA_M2_A_PRODUCT = 1.6  # 5,800 m2 for the 3,600 that a store promotes in a week: 1,800 within 100 ft, as measured
LEAST_AREA_M2 = 400.0
ASPECT = 1.5  # length to depth
ENDS = {"3": 0.0, "4": 0.5, "5": 1.0}  # endcaps: at the front, in the middle, at the rear
FRONT, REAR = "1", "2"
STOCK = (0, 4, 8, 12, 24, 24, 48, 48)  # pieces, made up: one in eight is sold out


@dataclass(frozen=True, slots=True)
class Site:
    """Where a store stands: `origin` is the south-west corner of its plane."""

    number: int
    origin: LatLon

    @property
    def id(self) -> str:
        return f"cj-{self.number}"

    def point(self, spot: Spot) -> LatLon:
        return offset(self.origin, *spot)


def sites(numbers: Iterable[int], centre: LatLon = CENTRE) -> list[Site]:
    """Stores side by side in a square, in the order of their numbers."""
    ordered = sorted(numbers)
    across = ceil(sqrt(len(ordered)))
    return [
        Site(number, offset(centre, (n % across) * APART_M, (n // across) * APART_M))
        for n, number in enumerate(ordered)
    ]


def furnish(site: Site, shown: Sequence[Displayed], articles: Mapping[int, Article]) -> Store:
    """A store that holds what was promoted in it, each product once, by department and category along the aisles."""
    luck = Random(site.number)
    stock = {each.sku: each.display for each in shown}
    outline = _outline(len(stock))
    plan = lay_out(outline)
    shelves = sorted(plan.shelves, key=lambda shelf: (shelf.start.north_m, shelf.start.east_m))
    ordered = sorted(
        (articles[sku] for sku in stock if sku in articles), key=lambda a: (a.department, a.category, a.sku)
    )
    placed, sections = [], []
    spots = _spots(shelves, len(ordered))
    for category, group in groupby(ordered, key=lambda article: article.category):
        own = [(article, *next(spots)) for article in group]
        section = Section(_words(category), _segment(category, own), tuple(dict.fromkeys(shelf for _, shelf, _ in own)))
        sections.append(section)
        for article, shelf, spot in own:
            there = _displayed_at(stock[article.sku], shelf, spot, outline)
            placed.append((_placement(site, section, article, there, luck), there))
    door = outline.nearest_wall_spot(Spot(outline.middle.east_m, -1.0))
    return Store(Premises(site.id, f"Store {site.number}", outline), plan, tuple(sections), tuple(placed), door)


def plan_of(site: Site, store: Store) -> Plan:
    """The store's floor plan, as a shop would load it."""
    return plan_of_store(site.point, store)


def _outline(products: int) -> Outline:
    depth_m = sqrt(max(LEAST_AREA_M2, products * AREA_M2_A_PRODUCT) / ASPECT)
    width_m = depth_m * ASPECT
    return Outline(((Spot(0, 0), Spot(width_m, 0), Spot(width_m, depth_m), Spot(0, depth_m)),))


def _spots(shelves: Sequence[Shelf], count: int) -> Iterator[tuple[Shelf, Spot]]:
    """So many places, evenly along all shelves: where it is narrow, above each other."""
    length_m = sum(shelf.length_m for shelf in shelves)
    passed_m, number = 0.0, 0
    for shelf in shelves:
        while number < count and (along_m := (number + 0.5) * length_m / count - passed_m) <= shelf.length_m:
            yield shelf, shelf.start.towards(shelf.end, along_m)
            number += 1
        passed_m += shelf.length_m
    while number < count:  # what rounding left over
        yield shelves[-1], shelves[-1].end
        number += 1


def _displayed_at(display: str, shelf: Shelf, spot: Spot, outline: Outline) -> Spot:
    """Where a display puts it: at the front or rear wall, at an end of its row, or where it always stands."""
    west, south, east, north = outline.bounds
    if display == FRONT:
        return Spot(spot.east_m, min(south + 2.0, north))
    if display == REAR:
        return Spot(spot.east_m, max(north - 2.0, south))
    if display in ENDS:
        ends = sorted((shelf.start, shelf.end), key=lambda end: end.east_m - west)
        return ends[0].towards(ends[1], ENDS[display] * shelf.length_m) if east > west else spot
    return spot


def _placement(site: Site, section: Section, article: Article, spot: Spot, luck: Random) -> StoreProduct:
    point = site.point(spot)
    return StoreProduct(
        sku=article.sku,
        segment=section.segment.name,
        latitude_deg=point.latitude_deg,
        longitude_deg=point.longitude_deg,
        variant=article.size[:64] if article.size else None,
        country=COUNTRY,
        store=site.id,
        section=section.name,
        name=f"{_words(article.kind)}{f', {article.size}' if article.size else ''}"[:128],
        price=article.price,
        stock=luck.choice(STOCK),
    )


def _segment(category: str, own: Sequence[tuple[Article, Shelf, Spot]]) -> Segment:
    prices = [article.price for article, _, _ in own if article.price is not None] or [0.0]
    names = tuple(dict.fromkeys(_words(article.kind) for article, _, _ in own))
    return Segment(segment_name(category), _words(category), names, (), min(prices), max(prices))


def segment_name(category: str) -> str:
    """A category as a segment: "fruit-shelf-stable"."""
    return re.sub(r"[^a-z0-9]+", "-", category.lower()).strip("-")[:64] or "other"


def _words(text: str) -> str:
    """What the set shouts, as a label says it: "Ice - crushed/cubed"."""
    return text.strip().capitalize()[:64] or "Other"
