"""`GET` and `PUT /v1/stores/{store}/plan`: a store from above."""

from __future__ import annotations

from flask import Blueprint, Response, request
from sqlalchemy import Connection

from endcap.clock import Clock
from endcap.errors import BadMessage
from endcap_backend.api.auth import Guard
from endcap_backend.api.bodies import answer, read_json
from endcap_backend.api.imports import CHANGING, DRY_RUN, STORED, is_dry_run, stored_json, told
from endcap_backend.api.openapi import TEXT, Operation, object_of, operation
from endcap_backend.api.paths import id_in_path
from endcap_backend.api.places import cached
from endcap_backend.api.problems import Problem
from endcap_backend.api.roles import Role
from endcap_backend.retail.audit import note
from endcap_backend.retail.database import Database, lock_table
from endcap_backend.retail.files import features_of
from endcap_backend.retail.plan_files import plans_of
from endcap_backend.retail.plans import Plan, plan_of, put_plans
from endcap_backend.retail.shop_tables import FloorPlan

GEOJSON = ("application/geo+json", "application/json")
NUMBER = {"type": "number"}
PLAN = object_of(
    {
        "store": TEXT,
        "name": TEXT,
        "derived": {"type": "boolean", "description": "made from where products stand; nobody has loaded a plan"},
        "sections": {
            "type": "array",
            "items": object_of(
                {
                    "id": TEXT,
                    "name": TEXT,
                    "polygon": {
                        "type": "array",
                        "description": "its outline, not closed: latitude, longitude",
                        "items": {"type": "array", "items": NUMBER, "minItems": 2, "maxItems": 2},
                    },
                    "categories": {"type": "array", "items": TEXT},
                    "skus": {"type": "array", "items": {"type": "integer"}},
                }
            ),
        },
        "aisles": object_of(
            {
                "nodes": {
                    "type": "array",
                    "items": object_of({"id": TEXT, "latitude": NUMBER, "longitude": NUMBER}),
                },
                "edges": {"type": "array", "items": {"type": "array", "items": TEXT, "minItems": 2, "maxItems": 2}},
            }
        ),
        "doors": {
            "type": "array",
            "items": object_of({"id": TEXT, "name": TEXT, "latitude": NUMBER, "longitude": NUMBER}),
        },
    }
)
IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "schema": TEXT,
    "description": "the ETag of the plan that is to be replaced: 412 when it has changed since",
}
GET_PLAN = Operation(
    "A store from above: sections, aisles, doors", "shop", {200: PLAN}, problems=("not_found",), cached=True
)
PUT_PLAN = Operation(
    "Replace a store's plan by a GeoJSON FeatureCollection; docs/loading.md says what is in it",
    "staff",
    {200: STORED},
    body=object_of(
        {"type": {"const": "FeatureCollection"}, "features": {"type": "array", "items": {"type": "object"}}}
    ),
    problems=(*CHANGING, "precondition_failed"),
    role=Role.MANAGER,
    parameters=(DRY_RUN, IF_MATCH),
)


def blueprint(guard: Guard, database: Database, clock: Clock, max_bytes: int) -> Blueprint:
    routes = Blueprint("plan", __name__)

    @routes.get("/v1/stores/<store>/plan")
    @operation(GET_PLAN)
    def get_plan(store: str) -> Response:
        with database.reading() as connection:
            found = _told(connection, id_in_path(store))
        if found is None:
            raise Problem("not_found", "there is no such store, or nothing stands in it")
        return cached(found)

    @routes.put("/v1/stores/<store>/plan")
    @operation(PUT_PLAN)
    def put_plan(store: str) -> Response:
        employee = guard.staff(Role.MANAGER)
        dry, plan = is_dry_run(), _read(read_json(max_bytes, GEOJSON), id_in_path(store))
        with database.writing(keep=not dry) as connection:
            _refuse_overtaken(connection, store)
            stored = put_plans(connection, [plan], clock.now())
            size = {"sections": len(plan.sections), "doors": len(plan.doors), "nodes": len(plan.nodes)}
            note(connection, employee, clock.now(), "put", f"plans/{store}", size)
            etag = _etag(_told(connection, store))
        response = answer(stored_json(stored, dry=dry))
        if not dry:
            response.headers["ETag"] = etag
        return response

    return routes


def _told(connection: Connection, store: str) -> Response | None:
    """The plan as it is answered; None where there is no store."""
    plan = plan_of(connection, store)
    return None if plan is None else answer(plan.to_json())


def _etag(told: Response | None) -> str:
    if told is None:
        return ""
    told.add_etag()
    return told.headers["ETag"]


def _refuse_overtaken(connection: Connection, store: str) -> None:
    """The problem 412 when the plan is not the one that the request means to replace, 422 when it names none."""
    lock_table(connection, FloorPlan)
    if "If-Match" not in request.headers:
        return
    if not request.if_match:
        raise Problem("invalid", "If-Match must be * or the ETag of the plan as it was read", field="If-Match")
    etag = _etag(_told(connection, store))
    if not etag or not request.if_match.contains_raw(etag):
        raise Problem("precondition_failed", "the plan has changed since you read it: read it again, then change that")


def _read(value: object, store: str) -> Plan:
    try:
        features = features_of(value)
    except BadMessage:
        raise Problem("invalid", "the body must be a GeoJSON FeatureCollection", field="features") from None
    wheres = [f"feature {number}" for number in range(1, len(features) + 1)]
    plans, faults = plans_of(zip(wheres, features, strict=True), store)
    if faults:
        raise Problem("invalid", f"nothing was stored; {faults[0]}", field=faults[0].field, errors=told(wheres, faults))
    if not plans:
        raise Problem("invalid", "features is empty: a plan has at least one section", field="features")
    return plans[0]
