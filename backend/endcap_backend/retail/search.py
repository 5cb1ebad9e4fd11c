"""Finding products: by words, by distance, with what is left of them and what is off; and what may stand for one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import cos, radians
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, case, func, or_, select

from endcap.geo import LatLon, distance_ft
from endcap_backend.decide.reason import money
from endcap_backend.retail.promoted import live
from endcap_backend.retail.schema import NO_STORE, Placement, Product, Promotion
from endcap_backend.retail.search_text import found_by

MOST_FOUND = 100
ALTERNATIVES = 5


@dataclass(frozen=True, slots=True)
class Found:
    """A product where it stands. `stock` None: nobody counts it."""

    sku: int
    segment: str
    name: str | None
    variant: str | None
    price: float | None
    stock: int | None
    store: str | None
    section: str | None
    point: LatLon
    distance_ft: float | None
    promotion: Row[Any] | None  # of `promotions`: the best that is live

    @property
    def called(self) -> str:
        return self.name or self.variant or self.segment


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for: words, a store, around a point; each may be left out."""

    words: str = ""
    store: str | None = None
    near: LatLon | None = None
    limit: int = 20


def search(connection: Connection, wanted: Wanted, now: datetime) -> list[Found]:
    """Products that have a word beginning with each of the words: the nearest first or, near nothing, by name.

    Of one that stands in several places the nearest is told where it is in stock.
    """
    matching = found_by(connection, wanted.words)
    if matching is None and wanted.words.strip():
        return []  # nothing but punctuation
    chosen = None if matching is None else Product.sku.in_(matching)
    return _found(connection, wanted, now, chosen)


def alternatives(
    connection: Connection, sku: int, wanted: Wanted, now: datetime, currency: str
) -> list[tuple[Found, str]] | None:
    """What may stand for a product, the nearest first, each with why; None when there is no such product.

    Of the same segment, in stock, in the same store when one is named, and not dearer than the product is there.
    """
    it = Product.sku == sku
    here = _found(connection, Wanted(store=wanted.store, near=wanted.near, limit=1), now, it)
    anywhere = here or _found(connection, Wanted(near=wanted.near, limit=1), now, it)
    if not anywhere:
        return None
    (original,) = anywhere
    near = wanted.near or original.point
    others = (Product.segment == original.segment) & (Product.sku != sku) & _in_stock()
    if original.price is not None:
        others &= Placement.price <= original.price
    found = _found(connection, Wanted(store=wanted.store, near=near, limit=wanted.limit), now, others)
    return [(each, _why(each, original, currency)) for each in found]


def _found(connection: Connection, wanted: Wanted, now: datetime, chosen: ColumnElement[bool] | None) -> list[Found]:
    rows = connection.execute(_query(wanted, chosen)).all()
    promotions = _promotions(connection, rows, now)
    return [_read(row, wanted.near, promotions) for row in rows]


def _query(wanted: Wanted, chosen: ColumnElement[bool] | None) -> Select[Any]:
    """Each product's nearest shelf, in stock before out of stock; nearest first."""
    squared = _squared(wanted.near) if wanted.near is not None else None
    nearest = [Placement.store] if squared is None else [squared, Placement.store]
    gone = case((_in_stock(), 0), else_=1)
    place = func.row_number().over(partition_by=Placement.sku, order_by=[gone, *nearest]).label("place")
    query = select(
        *Placement.__table__.columns, Product.segment, Product.name, Product.variant, place,
        *([squared.label("away")] if squared is not None else []),
    ).join(Product, Product.sku == Placement.sku)  # fmt: skip
    if wanted.store is not None:
        query = query.where(Placement.store == wanted.store)
    if chosen is not None:
        query = query.where(chosen)
    shelves = query.subquery()
    order = [shelves.c.away] if squared is not None else [shelves.c.name.is_(None), func.lower(shelves.c.name)]
    return select(*shelves.c).where(shelves.c.place == 1).order_by(*order, shelves.c.sku).limit(wanted.limit)


def _squared(near: LatLon) -> ColumnElement[float]:
    """The square of a distance in degrees of latitude, good for telling which is nearer; the short way round."""
    north = Placement.latitude_deg - near.latitude_deg
    apart = func.abs(Placement.longitude_deg - near.longitude_deg)
    east = case((apart > 180, 360 - apart), else_=apart) * cos(radians(near.latitude_deg))
    return north * north + east * east


def _in_stock() -> ColumnElement[bool]:
    return or_(Placement.stock.is_(None), Placement.stock > 0)


def _promotions(connection: Connection, shelves: Sequence[Row[Any]], now: datetime) -> Sequence[Row[Any]]:
    """Live promotions of these products with something left of their budget, the best of each product first."""
    if not shelves:
        return ()
    of_segment = Promotion.sku.is_(None) & Promotion.segment.in_({each.segment for each in shelves})
    of_these = or_(of_segment, Promotion.sku.in_({each.sku for each in shelves}))
    left = or_(Promotion.budget_cents.is_(None), Promotion.spent_cents < Promotion.budget_cents)
    query = select(*Promotion.__table__.columns).where(of_these, left, *live(now))
    best = (Promotion.sku.is_(None), func.coalesce(Promotion.discount, 0).desc(), Promotion.pid)
    return connection.execute(query.order_by(*best)).all()


def _read(row: Row[Any], near: LatLon | None, promotions: Sequence[Row[Any]]) -> Found:
    point = LatLon(row.latitude_deg, row.longitude_deg)
    return Found(
        sku=row.sku,
        segment=row.segment,
        name=row.name,
        variant=row.variant,
        price=row.price,
        stock=row.stock,
        store=None if row.store == NO_STORE else row.store,
        section=row.section,
        point=point,
        distance_ft=None if near is None else round(distance_ft(near, point), 1),
        promotion=_best(row, promotions),
    )


def _best(shelf: Row[Any], promotions: Sequence[Row[Any]]) -> Row[Any] | None:
    """The first that is for this product, or for its segment."""
    return next(
        (each for each in promotions if each.sku == shelf.sku or (each.sku is None and each.segment == shelf.segment)),
        None,
    )


def _why(other: Found, original: Found, currency: str) -> str:
    """In words: "Also coffee, 2.40 € less than Dark roast, 12 in stock, about 40 ft away in Coffee"."""
    parts = [f"Also {other.segment}"]
    if other.price is not None and original.price is not None:
        less = original.price - other.price
        parts.append(f"{money(less, currency)} less than {original.called}" if less >= 0.005 else "at the same price")
    parts.append(f"{other.stock} in stock" if other.stock is not None else "in stock")
    where = f"about {round(other.distance_ft or 0)} ft away"
    parts.append(f"{where} in {other.section}" if other.section else where)
    return ", ".join(parts)
