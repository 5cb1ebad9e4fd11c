"""`PUT /v1/promotions`, `/v1/placements` and `/v1/stock`: what the shop changes, on its way to the topics at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from flask import Blueprint, Response
from sqlalchemy import Connection

from endcap.clock import Clock
from endcap.errors import BadMessage
from endcap.messages import StoreProduct
from endcap.wire import Message, epoch_ms
from endcap_backend.api.auth import Guard
from endcap_backend.api.bodies import answer, read_object
from endcap_backend.api.imports import (
    CHANGING,
    DRY_RUN,
    STORED,
    all_good,
    is_dry_run,
    list_of,
    read_body_rows,
    stored_json,
    told,
)
from endcap_backend.api.openapi import Operation, operation
from endcap_backend.api.problems import Problem, invalid
from endcap_backend.api.roles import Employee, Role
from endcap_backend.retail.audit import note
from endcap_backend.retail.catalogue import Stored, known_products, put_placements, put_promotions
from endcap_backend.retail.database import Database
from endcap_backend.retail.files import Row
from endcap_backend.retail.rows import Fault, check_rows, filled, sku_of
from endcap_backend.retail.stock import StockLevel, put_stock
from endcap_backend.retail.terms import ShopPromotion

M = TypeVar("M", bound=Message)
AUDITED = 20  # things a change names in the trail; of a larger one the number has to do

_ONE = {**ShopPromotion.schema(), "required": ["segment"]}


def _several(summary: str, name: str, item: type[Message], role: Role) -> Operation:
    return Operation(
        summary, "staff", {200: STORED}, body=list_of(name, item.schema()), problems=CHANGING, role=role,
        parameters=(DRY_RUN,),
    )  # fmt: skip


PUT_PROMOTION = Operation(
    "Publish a promotion, or change it; one whose ends_at has passed stops at once",
    "staff",
    {200: ShopPromotion.schema()},
    body=_ONE,
    problems=CHANGING,
    role=Role.MANAGER,
)
PUT_PROMOTIONS = _several("Publish or change promotions, all or none", "promotions", ShopPromotion, Role.MANAGER)
PUT_PLACEMENTS = _several("Put products on their shelves, all or none", "placements", StoreProduct, Role.MANAGER)
PUT_STOCK = _several("Set the stock of shelves, all or none", "stock", StockLevel, Role.STAFF)


class Stocking:
    """Writes what staff change, with its trail, in one transaction. Safe from any thread."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def promotion(self, employee: Employee, pid: str, body: Mapping[str, Any]) -> ShopPromotion:
        """Raises the problem 422 for terms that can't be."""
        if body.get("pid") not in (None, pid):
            raise Problem("invalid", "pid must be that of the path, or left out", field="pid")
        checked = check_rows([Row("the promotion", {**body, "pid": pid})], ShopPromotion)
        if checked.faults:
            fault = checked.faults[0]
            raise invalid(BadMessage(fault.field, fault.reason))
        (promotion,) = checked.messages
        with self._database.writing() as connection:
            put_promotions(connection, [promotion], self._now_ms())
            note(connection, employee, self._clock.now(), "put", f"promotions/{pid}", promotion.to_json())
        return promotion

    def promotions(self, employee: Employee, rows: Sequence[Row], *, dry: bool) -> Stored:
        promotions = all_good(rows, check_rows(rows, ShopPromotion))
        return self._write(
            employee, "promotions", [each.pid for each in promotions], put_promotions, promotions, dry=dry
        )

    def placements(self, employee: Employee, rows: Sequence[Row], *, dry: bool) -> Stored:
        skus = {sku for row in rows if (sku := sku_of(row.value)) is not None}
        with self._database.reading() as connection:
            known: dict[object, Mapping[str, object]] = dict(known_products(connection, skus).items())
        products = all_good(rows, check_rows(filled(rows, known), StoreProduct))
        shelves = [f"{each.store}/{each.sku}" for each in products]
        return self._write(employee, "placements", shelves, put_placements, products, dry=dry)

    def stock(self, employee: Employee, rows: Sequence[Row], *, dry: bool) -> Stored:
        levels = all_good(rows, check_rows(rows, StockLevel))

        def put(connection: Connection, levels: Sequence[StockLevel], at_ms: int) -> Stored:
            stored, faults = put_stock(connection, levels, at_ms)
            if faults:
                found = [Fault(rows[index].where, fault.field, fault.reason) for index, fault in faults]
                errors = told([each.where for each in rows], found)
                raise Problem("invalid", f"nothing was stored; {found[0]}", field=found[0].field, errors=errors)
            return stored

        shelves = [f"{each.store}/{each.sku}={each.stock}" for each in levels]
        return self._write(employee, "stock", shelves, put, levels, dry=dry)

    def _write(
        self,
        employee: Employee,
        what: str,
        things: Sequence[str],
        put: Callable[[Connection, Sequence[M], int], Stored],
        messages: Sequence[M],
        *,
        dry: bool,
    ) -> Stored:
        with self._database.writing(keep=not dry) as connection:
            stored = put(connection, messages, self._now_ms())
            detail = {"new": stored.new, "changed": stored.changed, "things": list(things[:AUDITED])}
            note(connection, employee, self._clock.now(), "put", what, detail)
        return stored

    def _now_ms(self) -> int:
        return epoch_ms(self._clock.now())


def blueprint(guard: Guard, stocking: Stocking, max_bytes: int) -> Blueprint:
    routes = Blueprint("stocking", __name__)

    @routes.put("/v1/promotions/<pid>")
    @operation(PUT_PROMOTION)
    def put_promotion(pid: str) -> Response:
        employee = guard.staff(Role.MANAGER)
        return answer(stocking.promotion(employee, pid, read_object(max_bytes)).to_json())

    @routes.put("/v1/promotions")
    @operation(PUT_PROMOTIONS)
    def put_promotions_() -> Response:
        employee, dry = guard.staff(Role.MANAGER), is_dry_run()
        rows = read_body_rows(ShopPromotion, "promotions", max_bytes)
        return answer(stored_json(stocking.promotions(employee, rows, dry=dry), dry=dry))

    @routes.put("/v1/placements")
    @operation(PUT_PLACEMENTS)
    def put_placements_() -> Response:
        employee, dry = guard.staff(Role.MANAGER), is_dry_run()
        rows = read_body_rows(StoreProduct, "placements", max_bytes)
        return answer(stored_json(stocking.placements(employee, rows, dry=dry), dry=dry))

    @routes.put("/v1/stock")
    @operation(PUT_STOCK)
    def put_stock_() -> Response:
        employee, dry = guard.staff(Role.STAFF), is_dry_run()
        rows = read_body_rows(StockLevel, "stock", max_bytes)
        return answer(stored_json(stocking.stock(employee, rows, dry=dry), dry=dry))

    return routes
