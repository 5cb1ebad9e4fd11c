"""From rows to messages: each row checked as the message it is to become, and what is wrong with it, said so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar, cast

from endcap.errors import BadMessage, OutOfRange
from endcap.messages import ProductPromotion, StoreProduct
from endcap.wire import BIGINT_MAX, Message
from endcap_backend.retail.files import Progress, Row, read_rows
from endcap_backend.retail.stock import StockLevel
from endcap_backend.retail.terms import CouponTerms, ShopPromotion

M = TypeVar("M", bound=Message)
Thing = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one row: where it stands, the field by its wire name ("" for the whole row), the reason."""

    where: str
    field: str
    reason: str

    def __str__(self) -> str:
        return f"{self.where}: {self.field}: {self.reason}" if self.field else f"{self.where}: {self.reason}"


@dataclass(slots=True)
class Checked(Generic[M]):
    """The good rows of some files, in order, and the faults of the others."""

    messages: list[M] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def thing_of(message: Message) -> Thing:
    """What a record is about; the latest record of a thing is the current one."""
    if isinstance(message, StoreProduct):
        return (message.sku, message.store)
    if isinstance(message, CouponTerms):
        return (message.id,)
    if isinstance(message, StockLevel):
        return (message.sku, message.store)
    assert isinstance(message, ProductPromotion)
    return (message.pid,)


def check_placements(
    paths: Sequence[Path], products: Mapping[object, Mapping[str, object]], progress: Progress = lambda read: None
) -> Checked[StoreProduct]:
    """Placements; what a row leaves out of its product (segment, name, price …) is taken from `products` by SKU."""
    rows = (row for path in paths for row in read_rows(path, StoreProduct, progress))
    return check_rows(filled(rows, products), StoreProduct)


def filled(rows: Iterable[Row], products: Mapping[object, Mapping[str, object]]) -> Iterator[Row]:
    """Rows of placements, with what is known of their products by SKU where they say nothing of it."""
    for row in rows:
        known = products.get(sku_of(row.value), {})
        yield Row(row.where, {**known, **row.value}) if isinstance(row.value, Mapping) else row


def sku_of(value: object) -> int | None:
    """The SKU a row names; None where that can be none, which the message's own check tells."""
    sku = value.get("SKU") if isinstance(value, Mapping) else None
    return sku if isinstance(sku, int) and 0 <= sku <= BIGINT_MAX else None


def check_promotions(paths: Sequence[Path], progress: Progress = lambda read: None) -> Checked[ShopPromotion]:
    rows = (row for path in paths for row in read_rows(path, ShopPromotion, progress))
    return check_rows(rows, ShopPromotion)


def check_coupons(paths: Sequence[Path], progress: Progress = lambda read: None) -> Checked[CouponTerms]:
    rows = (row for path in paths for row in read_rows(path, CouponTerms, progress))
    return check_rows(rows, CouponTerms)


def check_products(
    paths: Sequence[Path], progress: Progress = lambda read: None
) -> tuple[dict[object, Mapping[str, object]], list[Fault]]:
    """What each product is, by SKU, whichever shelf it stands on: its checked fields without a position."""
    products: dict[object, Mapping[str, object]] = {}
    faults: list[Fault] = []
    for row in (row for path in paths for row in read_rows(path, StoreProduct, progress)):
        found = _product_faults(row.value)
        if isinstance(row.value, Mapping) and not found and row.value["SKU"] in products:
            found = [BadMessage("SKU", "stands twice; a product has one row")]
        faults += [Fault(row.where, fault.field, fault.reason) for fault in found]
        if isinstance(row.value, Mapping) and not found:
            products[row.value["SKU"]] = row.value
    return products, faults


def check_rows(rows: Iterable[Row], cls: type[M]) -> Checked[M]:
    """Each row as the message it is to become, or its fault; a thing that stands twice is one."""
    checked: Checked[M] = Checked()
    seen: dict[Thing, str] = {}
    products: dict[int, tuple[StoreProduct, str]] = {}
    for row in rows:
        try:
            if isinstance(row.value, BadMessage):
                raise row.value
            message = _settled(cls.from_json(row.value))
            _check_times(message)
            _refuse_removed(message)
            _refuse_twice(message, row.where, seen)
            _refuse_other_product(message, row.where, products)
            checked.messages.append(message)
        except BadMessage as first:
            found = faults_of(row.value, cls) or [first]
            checked.faults += [Fault(row.where, fault.field, fault.reason) for fault in found]
        except OutOfRange as fault:
            checked.faults.append(Fault(row.where, "", str(fault)))
    return checked


def faults_of(value: object, cls: type[Message]) -> list[BadMessage]:
    """What is wrong with a row's fields, each by itself, so that a row need not be mended more than once."""
    if not isinstance(value, Mapping):
        return []
    found = []
    for wire in cls.wires().values():
        raw = value.get(wire.name)
        try:
            if isinstance(raw, BadMessage):
                raise raw
            if raw is not None:
                wire.read(raw)
            elif wire.required:
                raise BadMessage(wire.name, "is missing" if wire.name not in value else "must not be null")
        except BadMessage as fault:
            found.append(fault)
    return found


def _product_faults(value: Mapping[str, object] | BadMessage) -> list[BadMessage]:
    """As `faults_of`, of a product, which needs nothing but its SKU."""
    if isinstance(value, BadMessage):
        return [value]
    required = {wire.name for wire in StoreProduct.wires().values() if wire.required} - {"SKU"}
    found = faults_of(value, StoreProduct)
    return [fault for fault in found if fault.field not in required or value.get(fault.field) is not None]


def _settled(message: M) -> M:
    return cast(M, message.settled()) if isinstance(message, ShopPromotion) else message


def _check_times(message: Message) -> None:
    if not isinstance(message, ProductPromotion | CouponTerms) or message.starts_at is None or message.ends_at is None:
        return
    if message.ends_at <= message.starts_at:
        raise BadMessage("ends_at", "must be after starts_at")


def _refuse_removed(message: Message) -> None:
    if isinstance(message, StoreProduct) and message.removed is not None:
        raise BadMessage("removed", "must be left out: DELETE /v1/placements/{store}/{SKU} takes a product off")


def _refuse_twice(message: Message, where: str, seen: dict[Thing, str]) -> None:
    """The same thing in two rows: which of them is meant can't be known.

    Raises:
        BadMessage: names where the first one stands.
    """
    first = seen.setdefault(thing_of(message), where)
    if first != where:
        raise BadMessage(_named(message), f"stands already in {first}")


def _named(message: Message) -> str:
    """The wire name of the field that says which thing a record is about."""
    if isinstance(message, CouponTerms):
        return "id"
    if isinstance(message, StockLevel):
        return "sku"
    return "pid" if isinstance(message, ProductPromotion) else "SKU"


def _refuse_other_product(message: Message, where: str, products: dict[int, tuple[StoreProduct, str]]) -> None:
    """One SKU as two products: which of them is meant can't be known.

    Raises:
        BadMessage: names the field that differs.
    """
    if not isinstance(message, StoreProduct):
        return
    first, stood = products.setdefault(message.sku, (message, where))
    for fact in ("segment", "variant", "name"):
        if getattr(first, fact) != getattr(message, fact):
            raise BadMessage(fact, f"differs from {stood}; a product is the same on every shelf")
