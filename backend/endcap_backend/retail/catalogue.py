"""Products, placements and promotions: a change is written, and set on its way to the topics, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection, insert, select, true

from endcap.messages import ProductPromotion, StoreProduct
from endcap_backend.retail.database import ROWS, upsert
from endcap_backend.retail.schema import NO_STORE, Outbox, Placement, Product, Promotion
from endcap_backend.retail.search_text import index_words, searchable
from endcap_backend.retail.terms import ShopPromotion, cents

M = TypeVar("M")
CATALOGUE = (StoreProduct.TOPIC, ProductPromotion.TOPIC)  # what can be told anew from the tables
Progress = Callable[[int], None]  # hears how many are done

_PRODUCT = ("segment", "variant", "name")  # what a product is on every shelf
_PLACEMENT = ("latitude_deg", "longitude_deg", "country", "section", "price", "stock")
_PROMOTION = (
    "pid", "segment", "sku", "title", "discount", "starts_at", "ends_at", "kind", "value", "n", "m", "members_only",
    "limit_per_shopper", "stacking_group",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of some placements or promotions."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0

    def __add__(self, other: Stored) -> Stored:
        return Stored(self.new + other.new, self.changed + other.changed, self.unchanged + other.unchanged)


def put_placements(
    connection: Connection, products: Iterable[StoreProduct], at_ms: int, progress: Progress = lambda done: None
) -> Stored:
    """Put products on their shelves. What a product is (segment, variant, name) holds for all its shelves."""
    total, done = Stored(), 0
    for chunk in chunks(sorted(products, key=lambda each: (each.sku, each.store or NO_STORE))):
        total += _put_placements(connection, chunk, at_ms)
        done += len(chunk)
        progress(done)
    return total


def put_promotions(
    connection: Connection, promotions: Sequence[ProductPromotion], at_ms: int, progress: Progress = lambda done: None
) -> Stored:
    """Publish promotions; the latest record of a pid counts. One that says no terms has those of its discount.

    Raises:
        BadMessage: terms that do not go together.
    """
    total, done = Stored(), 0
    for chunk in chunks([ShopPromotion.of(each) for each in promotions]):
        known = promotions_by(connection, Promotion.pid.in_([each.pid for each in chunk]))
        differing = [each for each in chunk if known.get(each.pid) != each]
        upsert(connection, Promotion, [_promotion_row(each) for each in differing])
        tell(connection, [each.published() for each in differing if _travels(each, known.get(each.pid))], at_ms)
        new = sum(each.pid not in known for each in differing)
        total += Stored(new, len(differing) - new, len(chunk) - len(differing))
        done += len(chunk)
        progress(done)
    return total


def unplaced(connection: Connection, promotions: Iterable[ProductPromotion]) -> list[ProductPromotion]:
    """Those of `promotions` that no shelf can bring: nothing of their product, or of their segment, is placed."""
    placed = select(Product.sku, Product.segment).where(Product.sku.in_(select(Placement.sku)))
    rows = connection.execute(placed).all()
    skus, segments = {row.sku for row in rows}, {row.segment for row in rows}
    return [each for each in promotions if (each.segment not in segments if each.sku is None else each.sku not in skus)]


def known_products(connection: Connection, skus: Collection[int] | None = None) -> dict[int, dict[str, object]]:
    """What these products are, or all, by SKU and wire names; a file of placements need not say it again."""
    query = select(Product.sku, Product.segment, Product.variant, Product.name)
    wanted = [query] if skus is None else [query.where(Product.sku.in_(some)) for some in chunks(sorted(skus))]
    rows = (row for each in wanted for row in connection.execute(each))
    return {
        sku: {"segment": segment, **({"variant": variant} if variant else {}), **({"name": name} if name else {})}
        for sku, segment, variant, name in rows
    }


def tell_everything(connection: Connection, at_ms: int) -> int:
    """Put the whole catalogue on its way to the topics: for a log that has not heard of it. How many records."""
    told = 0
    for skus in chunks(connection.execute(select(Product.sku).order_by(Product.sku)).scalars().all()):
        placements = list(placements_by(connection, Placement.sku.in_(skus)).values())
        tell(connection, placements, at_ms)
        told += len(placements)
    promotions = [each.published() for each in promotions_by(connection, true()).values()]
    tell(connection, promotions, at_ms)
    return told + len(promotions)


def _put_placements(connection: Connection, chunk: Sequence[StoreProduct], at_ms: int) -> Stored:
    skus = {each.sku for each in chunk}
    known = placements_by(connection, Placement.sku.in_(skus))
    upsert(connection, Product, list({each.sku: _product_row(each) for each in chunk}.values()))
    index_words(connection, {each.sku: searchable(each.sku, each.segment, each.variant, each.name) for each in chunk})
    upsert(connection, Placement, [_placement_row(each) for each in chunk if known.get(_shelf(each)) != each])
    current = placements_by(connection, Placement.sku.in_(skus))  # other shelves of a renamed product changed, too
    differing = [each for shelf, each in current.items() if known.get(shelf) != each]
    tell(connection, differing, at_ms)
    new = sum(shelf not in known for shelf in current)
    changed = sum(_shelf(each) in known for each in differing)
    return Stored(new, changed, len(chunk) - sum(known.get(_shelf(each)) != each for each in chunk))


def placements_by(connection: Connection, which: Any) -> dict[tuple[int, str], StoreProduct]:
    """The placements that a condition holds for, by SKU and store."""
    rows = connection.execute(
        select(Placement, Product.segment, Product.variant, Product.name)
        .join(Product, Product.sku == Placement.sku)
        .where(which)
        .order_by(Placement.sku, Placement.store)
    )
    return {(row.sku, row.store): _store_product(row) for row in rows.all()}


def promotions_by(connection: Connection, which: Any) -> dict[str, ShopPromotion]:
    """The promotions that a condition holds for, by pid."""
    columns = Promotion.__table__.columns
    rows = connection.execute(select(*columns).where(which).order_by(Promotion.pid))
    return {row.pid: shop_promotion(row) for row in rows}


def shop_promotion(row: Any) -> ShopPromotion:
    """A row of `promotions` as it was put there."""
    budget = None if row.budget_cents is None else row.budget_cents / 100
    return ShopPromotion(budget=budget, **{name: getattr(row, name) for name in _PROMOTION})


def _store_product(row: Any) -> StoreProduct:
    fields = {name: getattr(row, name) for name in ("sku", *_PLACEMENT, *_PRODUCT)}
    return StoreProduct(store=row.store or None, **fields)


def _product_row(product: StoreProduct) -> Mapping[str, Any]:
    return {name: getattr(product, name) for name in ("sku", *_PRODUCT)}


def _placement_row(product: StoreProduct) -> Mapping[str, Any]:
    return {"store": product.store or NO_STORE, **{name: getattr(product, name) for name in ("sku", *_PLACEMENT)}}


def _promotion_row(promotion: ShopPromotion) -> Mapping[str, Any]:
    known = {name: getattr(promotion, name) for name in _PROMOTION}
    return {"budget_cents": cents(promotion.budget), "archived_at": None, **known}


def _travels(promotion: ShopPromotion, known: ShopPromotion | None) -> bool:
    """True when what the topic carries of it is new; of a budget it never hears."""
    return known is None or known.published() != promotion.published()


def _shelf(product: StoreProduct) -> tuple[int, str]:
    return (product.sku, product.store or NO_STORE)


def tell(connection: Connection, messages: Sequence[StoreProduct | ProductPromotion], at_ms: int) -> None:
    """Put records on their way to the topics."""
    rows = [{"topic": each.TOPIC, "key": _key(each), "value": each.to_text(), "at_ms": at_ms} for each in messages]
    for start in range(0, len(rows), ROWS):
        connection.execute(insert(Outbox), rows[start : start + ROWS])


def _key(message: StoreProduct | ProductPromotion) -> str:
    return str(message.sku) if isinstance(message, StoreProduct) else message.segment


def chunks(messages: Sequence[M]) -> Iterator[Sequence[M]]:
    """As many at a time as a statement takes."""
    for start in range(0, len(messages), ROWS):
        yield messages[start : start + ROWS]
