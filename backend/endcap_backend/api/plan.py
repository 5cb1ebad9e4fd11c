"""`GET` and `PUT /v1/stores/{store}/plan`: a store from above."""

from __future__ import annotations

from flask import Blueprint, Response

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
from endcap_backend.retail.database import Database
from endcap_backend.retail.files import features_of
from endcap_backend.retail.plan_files import plans_of
from endcap_backend.retail.plans import Plan, plan_of, put_plans

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
GET_PLAN = Operation("A store from above: sections, aisles, doors", "shop", {200: PLAN}, problems=("not_found",))
PUT_PLAN = Operation(
    "Replace a store's plan by a GeoJSON FeatureCollection; docs/loading.md says what is in it",
    "staff",
    {200: STORED},
    body=object_of(
        {"type": {"const": "FeatureCollection"}, "features": {"type": "array", "items": {"type": "object"}}}
    ),
    problems=CHANGING,
    role=Role.MANAGER,
    parameters=(DRY_RUN,),
)


def blueprint(guard: Guard, database: Database, clock: Clock, max_bytes: int) -> Blueprint:
    routes = Blueprint("plan", __name__)

    @routes.get("/v1/stores/<store>/plan")
    @operation(GET_PLAN)
    def get_plan(store: str) -> Response:
        with database.reading() as connection:
            plan = plan_of(connection, id_in_path(store))
        if plan is None:
            raise Problem("not_found", "there is no such store, or nothing stands in it")
        return cached(answer(plan.to_json()))

    @routes.put("/v1/stores/<store>/plan")
    @operation(PUT_PLAN)
    def put_plan(store: str) -> Response:
        employee = guard.staff(Role.MANAGER)
        dry, plan = is_dry_run(), _read(read_json(max_bytes, GEOJSON), id_in_path(store))
        with database.writing(keep=not dry) as connection:
            stored = put_plans(connection, [plan], clock.now())
            size = {"sections": len(plan.sections), "doors": len(plan.doors), "nodes": len(plan.nodes)}
            note(connection, employee, clock.now(), "put", f"plans/{store}", size)
        return answer(stored_json(stored, dry=dry))

    return routes


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
