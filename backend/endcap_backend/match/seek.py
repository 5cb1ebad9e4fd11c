"""The shelves of certain products near a shopper, promoted or not, whether or not she was told of them before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from endcap.geo import FEET_PER_KM, NEAR_FT, haversine_km
from endcap_backend.match.offers import Offers
from endcap_backend.match.promotions import Live
from endcap_backend.match.shelf import NearShelf
from endcap_backend.match.shoppers import Shopper, Shoppers

STANDS_MS = 5 * 60_000  # how long after her last fix a shopper still counts as standing there


def shelves_near(
    offers: Offers, shopper: Shopper, skus: Iterable[int], segments: Iterable[str], moment_ms: int
) -> list[NearShelf]:
    """The shelves of these products and segments within 100 ft of her last fix, with what is promoted at a moment.

    Which placements lie about her cell is looked up once for each product and remembered while she walks in it: then
    a fix costs one distance for each.
    """
    live = offers.promotions.at(moment_ms)
    found: dict[int, NearShelf] = {}
    wanted: list[int | str] = [*skus, *segments]
    for what in wanted:
        for number in _numbers(offers, shopper, what):
            if number not in found and (shelf := _shelf(offers, shopper, number, live)):
                found[number] = shelf
    return list(found.values())


def standing_near(offers: Offers, shoppers: Shoppers, sku: int, store: str | None, moment_ms: int) -> list[str]:
    """The shoppers who stand about a product's shelf at a moment."""
    number = offers.placements.find(sku, store)
    if number is None:
        return []
    about = shoppers.about([offers.index.tiles[offers.placements.tiles[number]].cell])
    return [shopper.uid for shopper in about if moment_ms - shopper.timestamp_ms <= STANDS_MS]


def _numbers(offers: Offers, shopper: Shopper, what: int | str) -> Sequence[int]:
    """The placements of a SKU or a segment in the tiles about her cell."""
    if shopper.layout != offers.index.layout:
        shopper.tiles, shopper.layout = offers.index.about(shopper.cell), offers.index.layout
        shopper.quiet = -1
    settled = (shopper.cell, offers.moves)
    if shopper.sought_at != settled:
        shopper.sought_at, shopper.sought = settled, {}
    numbers = shopper.sought.get(what)
    if numbers is None:
        about, tiles = {tile.number for tile in shopper.tiles}, offers.placements.tiles
        numbers = tuple(number for number in _everywhere(offers, what) if tiles[number] in about)
        shopper.sought[what] = numbers
    return numbers


def _everywhere(offers: Offers, what: int | str) -> Iterator[int]:
    return offers.placements.of_sku(what) if isinstance(what, int) else offers.placements.of_segment(what)


def _shelf(offers: Offers, shopper: Shopper, number: int, live: Live) -> NearShelf | None:
    placements = offers.placements
    tile = offers.index.tiles[placements.tiles[number]]
    here = shopper.location.latitude_deg, shopper.location.longitude_deg
    distance_ft = haversine_km(*here, *tile.point(placements.slots[number])) * FEET_PER_KM
    if distance_ft > NEAR_FT:
        return None
    sku, kind, shelf = placements.skus[number], placements.kind(number), placements.shelf(number)
    promotions = [each.record for each in live.of(sku, kind.segment)]
    return NearShelf(
        sku,
        kind.segment,
        distance_ft,
        kind.variant,
        kind.name,
        placements.price(number),
        placements.stock(number),
        shelf.store,
        shelf.section,
        max(promotions, key=lambda each: each.discount or 0, default=None),  # the first by pid of the best
    )
