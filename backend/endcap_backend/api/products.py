"""`GET /v1/products` and `/v1/products/{sku}/alternatives`: what there is, where, and what may stand for it."""

from __future__ import annotations

import re
from typing import Any

from flask import Blueprint, Response, request

from endcap.clock import Clock
from endcap.errors import BadMessage, OutOfRange
from endcap.geo import LatLon, check
from endcap.wire import BIGINT_MAX, ID_PATTERN, Wire, write_instant
from endcap_backend.api.bodies import answer
from endcap_backend.api.openapi import INSTANT, TEXT, Operation, object_of, operation, text
from endcap_backend.api.places import cached
from endcap_backend.api.problems import Problem, invalid
from endcap_backend.retail.database import Database
from endcap_backend.retail.search import ALTERNATIVES, MOST_FOUND, Found, Wanted, alternatives, search

WORDS = Wire("q", "text", "words a product's name, variant or segment begins with, or its SKU", max_chars=128)
STORE = Wire("store", "text", "only what stands in this store", pattern=ID_PATTERN)
LIMIT = Wire("limit", "integer", "how many at most", minimum=1, maximum=MOST_FOUND)
ASK_EACH_TIME = "no-cache"  # stock changes at any moment; a list that has not changed is not sent again
NUMBER = {"type": "number"}
PROMOTION = object_of(
    {"pid": TEXT}, {"title": TEXT, "discount": NUMBER, "ends_at": INSTANT, "members_only": {"type": "boolean"}}
)
_PRODUCT: dict[str, Any] = {"sku": {"type": "integer"}, "segment": TEXT, "latitude": NUMBER, "longitude": NUMBER}
_MORE: dict[str, Any] = {
    "name": TEXT,
    "variant": TEXT,
    "price": NUMBER,
    "stock": {"type": "integer", "description": "left out where nobody counts it"},
    "store": TEXT,
    "section": TEXT,
    "distance_ft": {"type": "number", "description": "from near, as the crow flies"},
    "promotion": PROMOTION,
}
_NEAR = text("latitude,longitude: the nearest first", pattern=r"^-?[0-9.]+,-?[0-9.]+$")
_PARAMETERS = tuple(
    {"name": name, "in": "query", "required": False, "schema": schema}
    for name, schema in (("near", _NEAR), ("store", STORE.schema()), ("limit", LIMIT.schema()))
)
GET_PRODUCTS = Operation(
    "Find products by words, the nearest first",
    "shop",
    {200: object_of({"products": {"type": "array", "items": object_of(_PRODUCT, _MORE)}})},
    problems=("invalid",),
    cached=True,
    parameters=({"name": "q", "in": "query", "required": False, "schema": WORDS.schema()}, *_PARAMETERS),
)
_ALTERNATIVE = object_of({**_PRODUCT, "why": text("why it may stand for the other, in words")}, _MORE)
GET_ALTERNATIVES = Operation(
    "What may stand for a product: of its kind, in stock, near, not dearer",
    "shop",
    {200: object_of({"sku": {"type": "integer"}, "alternatives": {"type": "array", "items": _ALTERNATIVE}})},
    problems=("invalid", "not_found"),
    cached=True,
    parameters=_PARAMETERS,
)


def blueprint(database: Database, clock: Clock, currency: str) -> Blueprint:
    routes = Blueprint("products", __name__)

    @routes.get("/v1/products")
    @operation(GET_PRODUCTS)
    def get_products() -> Response:
        wanted = _wanted(str(_asked(WORDS) or ""), limit=20)
        with database.reading() as connection:
            found = search(connection, wanted, clock.now())
        return cached(answer({"products": [product_json(each) for each in found]}), ASK_EACH_TIME)

    @routes.get("/v1/products/<sku>/alternatives")
    @operation(GET_ALTERNATIVES)
    def get_alternatives(sku: str) -> Response:
        wanted = _wanted("", limit=ALTERNATIVES)
        number = int(sku) if re.fullmatch("[0-9]{1,19}", sku) else -1
        with database.reading() as connection:
            found = alternatives(connection, number, wanted, clock.now(), currency) if number <= BIGINT_MAX else None
        if found is None:
            raise Problem("not_found", "no such product stands anywhere")
        told = [{**product_json(each), "why": why} for each, why in found]
        return cached(answer({"sku": number, "alternatives": told}), ASK_EACH_TIME)

    return routes


def product_json(found: Found) -> dict[str, Any]:
    """What nobody knows of it is left out."""
    told = {name: getattr(found, name) for name in ("sku", "segment", "name", "variant", "price", "stock", "store")}
    told |= {"section": found.section, "distance_ft": found.distance_ft, "promotion": _promotion(found)}
    told |= {"latitude": found.point.latitude_deg, "longitude": found.point.longitude_deg}
    return {name: value for name, value in told.items() if value is not None}


def _promotion(found: Found) -> dict[str, Any] | None:
    row = found.promotion
    if row is None:
        return None
    ends_at = None if row.ends_at is None else write_instant(row.ends_at)
    told = {"pid": row.pid, "title": row.title, "discount": row.discount, "ends_at": ends_at}
    return {name: value for name, value in told.items() if value is not None} | {"members_only": row.members_only}


def _wanted(words: str, *, limit: int) -> Wanted:
    store = _asked(STORE)
    return Wanted(words, None if store is None else str(store), _near(), _limit() or limit)


def _asked(wire: Wire) -> object:
    """What the query says of it; None when nothing.

    Raises:
        Problem: 422 what can't be.
    """
    said = request.args.get(wire.name)
    if not said:
        return None
    try:
        return wire.read(said)
    except BadMessage as fault:
        raise invalid(fault) from None


def _limit() -> int | None:
    said = request.args.get("limit")
    if said is None:
        return None
    try:
        return int(str(LIMIT.read(int(said[:20]))))
    except BadMessage as fault:
        raise invalid(fault) from None
    except ValueError:
        raise Problem("invalid", "limit must be a whole number", field="limit") from None


def _near() -> LatLon | None:
    said = request.args.get("near")
    if said is None:
        return None
    try:
        latitude, longitude = said[:64].split(",")
        return check(LatLon(float(latitude), float(longitude)))
    except (ValueError, OutOfRange):
        raise Problem("invalid", "near must be latitude,longitude, such as 60.16952,24.93545", field="near") from None
