"""`/v1/wishlist`: a shopper's list, merged from her devices, and shared by a link."""

from __future__ import annotations

from flask import Blueprint, Response

from endcap.clock import Clock
from endcap.errors import BadMessage
from endcap.wire import write_instant
from endcap_backend.api.auth import Guard
from endcap_backend.api.bodies import answer, read_object
from endcap_backend.api.openapi import COUNT, INSTANT, TEXT, Operation, object_of, operation, text
from endcap_backend.api.problems import Problem, invalid
from endcap_backend.retail.database import Database
from endcap_backend.retail.wishlist import ListItem, list_of, merge, share, shared

MAX_BYTES = 512 * 1024  # 500 items of 1 kB
MOST_SENT = 1000  # items a request

LIST = object_of(
    {
        "version": {**COUNT, "description": "counts the merges that changed it"},
        "items": {"type": "array", "items": ListItem.schema()},
    }
)
_READING = ("unauthorised", "too_many_requests", "unavailable")
GET_LIST = Operation("Her list", "shopper", {200: LIST}, problems=_READING, bearer=True)
PUT_LIST = Operation(
    "Merge items into her list: of each the later changed_at counts",
    "shopper",
    {200: LIST},
    body=object_of({"items": {"type": "array", "maxItems": MOST_SENT, "items": ListItem.schema()}}),
    problems=(*_READING, "malformed", "too_large", "unsupported_media_type", "invalid"),
    bearer=True,
)
SHARE = Operation(
    "A link that shows her list for a week, to whoever has it",
    "shopper",
    {200: object_of({"code": TEXT, "path": text("where it is shown"), "expires_at": INSTANT})},
    problems=_READING,
    bearer=True,
)
SHARED = Operation(
    "A shared list: what is still to be fetched",
    "shop",
    {
        200: object_of(
            {"items": {"type": "array", "items": object_of({"text": TEXT, "quantity": COUNT}, {"sku": COUNT})}}
        )
    },
    problems=("not_found",),
)


def blueprint(guard: Guard, database: Database, clock: Clock) -> Blueprint:
    routes = Blueprint("wishlist", __name__)

    @routes.get("/v1/wishlist")
    @operation(GET_LIST)
    def get_wishlist() -> Response:
        shopper = guard.shopper()
        with database.reading() as connection:
            return answer(list_of(connection, shopper.uid).to_json())

    @routes.put("/v1/wishlist")
    @operation(PUT_LIST)
    def put_wishlist() -> Response:
        shopper = guard.shopper()
        items = _items(read_object(MAX_BYTES).get("items"))
        try:
            with database.writing() as connection:
                return answer(merge(connection, shopper.uid, items, clock.now()).to_json())
        except BadMessage as fault:
            raise invalid(fault) from None

    @routes.post("/v1/wishlist/share")
    @operation(SHARE)
    def post_share() -> Response:
        shopper = guard.shopper()
        with database.writing() as connection:
            code, expires_at = share(connection, shopper.uid, clock.now())
        return answer({"code": code, "path": f"/v1/shared/{code}", "expires_at": write_instant(expires_at)})

    @routes.get("/v1/shared/<code>")
    @operation(SHARED)
    def get_shared(code: str) -> Response:
        with database.reading() as connection:
            items = shared(connection, code, clock.now())
        if items is None:
            raise Problem("not_found", "there is no such list, or it is not shared any more")
        return answer({"items": [_shown(each) for each in items]})

    return routes


def _items(value: object) -> list[ListItem]:
    """All of them, or the problem 422: a list with a hole in it is not the list she sees."""
    if not isinstance(value, list):
        raise Problem("invalid", "items must be an array", field="items")
    if len(value) > MOST_SENT:
        raise Problem("too_large", f"items has {len(value)} items: send at most {MOST_SENT} at a time", field="items")
    items, errors = [], []
    for index, each in enumerate(value):
        try:
            items.append(ListItem.from_json(each))
        except BadMessage as fault:
            errors.append({"index": index, "field": fault.field, "reason": fault.reason})
    if errors:
        first = errors[0]
        detail = f"nothing was stored; item {first['index']}: {first['field']} {first['reason']}"
        raise Problem("invalid", detail, field=str(first["field"]), errors=errors)
    return items


def _shown(item: ListItem) -> dict[str, object]:
    """No note, no price she waits for: whoever has the link is not her."""
    return {"text": item.text, "quantity": item.quantity} | ({} if item.sku is None else {"sku": item.sku})
