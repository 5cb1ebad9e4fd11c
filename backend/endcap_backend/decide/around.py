"""What stands near a shopper and matters to her alone: her wishes, her coupons, and what may stand for what is gone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from endcap_backend.decide.candidates import Candidate, on_shelf
from endcap_backend.decide.knowledge import Clip, Known, Wish
from endcap_backend.match.shelf import NearShelf


def sought(uid: str, known: Known, shelves: Sequence[NearShelf]) -> Iterator[Candidate]:
    """A candidate for each wish and each coupon that a shelf near her fulfils: of a kind of product the nearest one."""
    nearest = _nearest_of(each for each in shelves if each.stock != 0)
    for wish in known.wishes:
        if shelf := nearest.get(_what(wish)):
            yield on_shelf("wanted", uid, shelf, known)
    for clip in known.clips:
        shelf = nearest.get(_what(clip))
        if shelf and (shelf.promotion is None or known.wish_for(shelf.sku, shelf.segment) is None):
            yield _couponed(on_shelf("deal", uid, shelf, known), clip)


def alternatives(
    uid: str, known: Known, looked_at: Collection[int], shelves: Sequence[NearShelf]
) -> Iterator[Candidate]:
    """For each product she wants or looked at that is out of stock here: the one that may stand for it."""
    for missing in _missing(known, looked_at, shelves):
        shelf = alternative(missing, shelves)
        if shelf is not None:
            candidate = on_shelf("alternative", uid, shelf, known)
            candidate.missing = missing
            candidate.wish = known.wish_for(missing.sku, None)
            yield candidate


def alternative(missing: NearShelf, shelves: Iterable[NearShelf]) -> NearShelf | None:
    """The nearest other product of the same segment and store that is in stock and not dearer.

    A price that is not known is no price: without one of what is missing, or of what may stand for it, there is none.
    """
    if missing.price is None:
        return None
    fit = (
        each
        for each in shelves
        if each.segment == missing.segment
        and each.store == missing.store
        and each.sku != missing.sku
        and each.stock != 0
        and each.price is not None
        and each.price <= missing.price
    )
    return min(fit, key=_nearest, default=None)


def missing_segments(known: Known, looked_at: Collection[int], shelves: Iterable[NearShelf]) -> frozenset[str]:
    """The kinds of product of which something she wants or looked at is out of stock."""
    return frozenset(each.segment for each in _missing(known, looked_at, shelves))


def _missing(known: Known, looked_at: Collection[int], shelves: Iterable[NearShelf]) -> Iterable[NearShelf]:
    """Of each product she wants or looked at the nearest shelf, where none near her has any left."""
    hers = known.skus.union(looked_at)
    empty: dict[int, NearShelf] = {}
    in_stock = set()
    for shelf in sorted(shelves, key=_nearest):
        if shelf.sku in hers and shelf.stock == 0:
            empty.setdefault(shelf.sku, shelf)
        elif shelf.sku in hers:
            in_stock.add(shelf.sku)
    return [shelf for sku, shelf in empty.items() if sku not in in_stock]


def _couponed(candidate: Candidate, clip: Clip) -> Candidate:
    """Told by the coupon and not by a promotion there may be: that one is a deal of its own."""
    return replace(
        candidate,
        kind="deal" if candidate.wish is None else "wanted",
        title=clip.title,
        pid=clip.coupon,
        discount=clip.discount,
        ends_at=clip.ends_at,
        clip=clip,
        price=None,
    )


def _nearest_of(shelves: Iterable[NearShelf]) -> dict[int | str | None, NearShelf]:
    """The nearest shelf of each product and of each kind of product."""
    found: dict[int | str | None, NearShelf] = {}
    for shelf in sorted(shelves, key=_nearest):
        found.setdefault(shelf.sku, shelf)
        found.setdefault(shelf.segment, shelf)
    return found


def _what(thing: Wish | Clip) -> int | str | None:
    return thing.sku if thing.sku is not None else thing.segment


def _nearest(shelf: NearShelf) -> tuple[float, int, str]:
    return shelf.distance_ft, shelf.sku, shelf.store or ""
