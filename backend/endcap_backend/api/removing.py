"""`DELETE /v1/promotions/{pid}` and `DELETE /v1/placements/…`: what the shop takes off, for the match at once."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response

from endcap.clock import Clock
from endcap.errors import BadMessage
from endcap.messages import StoreProduct
from endcap.wire import epoch_ms, write_instant
from endcap_backend.api.auth import Guard
from endcap_backend.api.bodies import answer
from endcap_backend.api.openapi import INSTANT, TEXT, Operation, object_of, operation
from endcap_backend.api.paths import id_in_path
from endcap_backend.api.problems import Problem
from endcap_backend.api.roles import Employee, Role
from endcap_backend.retail.audit import note
from endcap_backend.retail.database import Database
from endcap_backend.retail.removal import Withdrawn, remove_placement, remove_promotion
from endcap_backend.retail.terms import ShopPromotion

REFUSED = ("unauthorised", "forbidden", "not_found", "unavailable")
DELETE_PROMOTION = Operation(
    "End a promotion and take it off; one that was redeemed is kept out of sight, for the books",
    "staff",
    {
        200: object_of(
            {
                "pid": TEXT,
                "ended_at": INSTANT,
                "archived": {"type": "boolean", "description": "it was redeemed: the books name it"},
            }
        )
    },
    problems=REFUSED,
    role=Role.MANAGER,
)
DELETE_PLACEMENT = Operation(
    "Take a product off its shelf in a store", "staff", {204: None}, problems=REFUSED, role=Role.MANAGER
)
DELETE_NAMELESS = Operation(
    "Take a product off the shelf that names no store", "staff", {204: None}, problems=REFUSED, role=Role.MANAGER
)


class Removing:
    """Takes things off, with the trail, in one transaction. Safe from any thread."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def promotion(self, employee: Employee, pid: str) -> Withdrawn | None:
        """None when there is none of that id (any more). One that is archived is so again, without another entry."""
        now = self._clock.now()
        with self._database.writing() as connection:
            gone = remove_promotion(connection, pid, now)
            if gone is not None and gone.now:
                action = "archived" if gone.archived else "deleted"
                note(connection, employee, now, action, f"promotions/{pid}", gone.promotion.to_json())
        return gone

    def placement(self, employee: Employee, sku: int, store: str | None) -> StoreProduct | None:
        """What stood there; None when nothing does (any more)."""
        now = self._clock.now()
        with self._database.writing() as connection:
            gone = remove_placement(connection, sku, store, epoch_ms(now))
            if gone is not None:
                note(connection, employee, now, "removed", f"placements/{store or ''}/{sku}", gone.to_json())
        return gone


def blueprint(guard: Guard, removing: Removing) -> Blueprint:
    routes = Blueprint("removing", __name__)

    @routes.delete("/v1/promotions/<pid>")
    @operation(DELETE_PROMOTION)
    def delete_promotion(pid: str) -> Response:
        employee = guard.staff(Role.MANAGER)
        gone = removing.promotion(employee, _read(ShopPromotion.wires()["pid"].read, pid))
        if gone is None:
            raise Problem("not_found", "there is no promotion of that id, or no more: it was deleted")
        return answer(withdrawn_json(gone))

    @routes.delete("/v1/placements/<store>/<sku>")
    @operation(DELETE_PLACEMENT)
    def delete_placement(store: str, sku: str) -> Response:
        return _take(guard.staff(Role.MANAGER), sku, id_in_path(store))

    @routes.delete("/v1/placements/<sku>")
    @operation(DELETE_NAMELESS)
    def delete_nameless(sku: str) -> Response:
        return _take(guard.staff(Role.MANAGER), sku, None)

    def _take(employee: Employee, sku: str, store: str | None) -> Response:
        number = _read(StoreProduct.wires()["sku"].read, int(sku) if sku.isascii() and sku.isdigit() else sku)
        if removing.placement(employee, number, store) is None:
            raise Problem("not_found", "that product stands on no shelf there, or no more: it was taken off")
        return Response(status=204)

    return routes


def withdrawn_json(gone: Withdrawn) -> dict[str, Any]:
    """A promotion that is over, as the API tells it."""
    assert gone.promotion.ends_at is not None  # it has ended
    return {"pid": gone.promotion.pid, "ended_at": write_instant(gone.promotion.ends_at), "archived": gone.archived}


def _read(read: Any, said: object) -> Any:
    """What stands in a path; the problem 404 for what can be of nothing."""
    try:
        return read(said)
    except BadMessage as fault:
        raise Problem("not_found", f"there is nothing of such an id: it {fault.reason}") from None
