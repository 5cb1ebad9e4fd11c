"""The API's own description: OpenAPI 3.1, made from the routes as they are declared and the messages as they travel."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, TypeVar

from flask import Blueprint, Flask, Response

from endcap.messages import CustomerEvent, CustomerLocation
from endcap.wire import Message
from endcap_backend.api.bodies import answer
from endcap_backend.api.problems import KINDS, SCHEMA
from endcap_backend.api.roles import Role

T = TypeVar("T", bound=Callable[..., Any])
JSON = "application/json"
VERSION = "1"
_STATUS = dict(KINDS.values())
_ETAG = {"ETag": {"schema": {"type": "string"}, "description": "of what is told, for If-None-Match"}}


def object_of(
    required: Mapping[str, Any], optional: Mapping[str, Any] | None = None, about: str = ""
) -> dict[str, Any]:
    """The JSON Schema of an object."""
    schema: dict[str, Any] = {"type": "object", "properties": {**required, **(optional or {})}}
    if required:
        schema["required"] = list(required)
    if about:
        schema["description"] = about
    return schema


TEXT: dict[str, Any] = {"type": "string"}
COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}
INSTANT: dict[str, Any] = {"type": "string", "format": "date-time"}


def text(about: str, **bounds: Any) -> dict[str, Any]:
    return {"type": "string", "description": about, **bounds}


@dataclass(frozen=True, slots=True)
class Operation:
    """What one route does, takes and answers. `problems` are the kinds of `problems.KINDS` it may give."""

    summary: str
    tag: str
    answers: Mapping[int, Mapping[str, Any] | None]  # status -> JSON Schema; None: no JSON
    body: Mapping[str, Any] | None = None
    body_required: bool = True
    problems: tuple[str, ...] = ()
    bearer: bool = False
    role: Role | None = None  # whose token it takes; a manager's is taken too
    staff: bool = False  # it takes the token of any role
    gzip: bool = False
    cached: bool = False  # a reading that goes through `places.cached`: with an ETag, and 304 to who has it already
    media: str = JSON  # of the answers
    parameters: tuple[Mapping[str, Any], ...] = field(default=())


def operation(described: Operation) -> Callable[[T], T]:
    """Describe the view beneath; a route without it fails the tests."""

    def describe(view: T) -> T:
        view.operation = described  # type: ignore[attr-defined]
        return view

    return describe


def document(app: Flask) -> dict[str, Any]:
    """The whole document, for the routes `app` has."""
    paths: dict[str, dict[str, Any]] = {}
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        described: Operation | None = getattr(app.view_functions[rule.endpoint], "operation", None)
        if described is not None:
            path = paths.setdefault(re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), {})
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                path[method.lower()] = _operation(described, rule.endpoint, sorted(rule.arguments))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Endcap",
            "version": VERSION,
            "description": "Fixes in, offers out. Every 202 is on disk. Errors are RFC 9457 problems.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": {each.__name__: _as_sent(each) for each in (CustomerLocation, CustomerEvent)}
            | {"Problem": SCHEMA},
            "securitySchemes": {
                "session": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "POST /v1/sessions",
                },
                "staff": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "POST /v1/staff/sessions; the roles that may are named",
                },
            },
        },
    }


def reference(name: str) -> dict[str, Any]:
    """A pointer to one of the document's own schemas."""
    return {"$ref": f"#/components/schemas/{name}"}


def blueprint() -> Blueprint:
    """`GET /openapi.json`."""
    routes = Blueprint("openapi", __name__)

    @routes.get("/openapi.json")
    @operation(Operation("This document", "operating", {200: {"type": "object"}}))
    def openapi() -> Response:
        from flask import current_app

        return answer(document(current_app))

    return routes


def _as_sent(message: type[Message]) -> dict[str, Any]:
    """The message's schema, with the uid left to the token."""
    schema = message.schema()
    return {**schema, "required": [name for name in schema["required"] if name != "uid"]}


def _operation(described: Operation, endpoint: str, arguments: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "summary": described.summary,
        "operationId": endpoint.replace(".", "_"),
        "tags": [described.tag],
        "responses": {str(status): _answer(described, status) for status in described.answers},
    }
    if described.cached:
        found["responses"]["304"] = {"description": "as it was: nothing is sent again", "headers": _ETAG}
    for kind in described.problems:
        status = KINDS[kind][0]
        found["responses"].setdefault(str(status), _problem(status))
    parameters = [{"name": name, "in": "path", "required": True, "schema": TEXT} for name in arguments]
    if described.gzip:
        about = "gzip, or left out"
        parameters.append(
            {"name": "Content-Encoding", "in": "header", "required": False, "schema": text(about, enum=["gzip"])}
        )
    if described.cached:
        about = "the ETag of the answer before: 304 while it holds"
        parameters.append({"name": "If-None-Match", "in": "header", "required": False, "schema": text(about)})
    if parameters or described.parameters:
        found["parameters"] = [*parameters, *described.parameters]
    if described.body is not None:
        found["requestBody"] = {"required": described.body_required, "content": {JSON: {"schema": described.body}}}
    needed = described.role
    schemes: list[dict[str, Any]] = [{"session": []}] if described.bearer else []
    if described.staff or needed is not None:
        schemes.append({"staff": [each for each in Role if needed is None or each.may_act_as(needed)]})
    if schemes:
        found["security"] = schemes
    return found


def _answer(described: Operation, status: int) -> dict[str, Any]:
    schema = described.answers[status]
    found: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    if schema is not None:
        found["content"] = {described.media: {"schema": schema}}
    if described.cached:
        found["headers"] = _ETAG
    return found


def _problem(status: int) -> dict[str, Any]:
    found: dict[str, Any] = {
        "description": _STATUS[status],
        "content": {"application/problem+json": {"schema": reference("Problem")}},
    }
    if status in (429, 503):
        found["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "seconds"}}
    return found
