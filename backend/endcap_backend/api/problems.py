"""What goes wrong, as RFC 9457 tells it: `application/problem+json` with type, title, status, detail, field, errors."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

from flask import Response

from endcap.errors import BadMessage

# kind -> (status, title). The type of a problem is urn:endcap:problem:<kind>; docs/api.md says what to do about each.
KINDS: dict[str, tuple[int, str]] = {
    "malformed": (400, "The body can't be read"),
    "unauthorised": (401, "The token was refused"),
    "consent_required": (403, "The shopper has not agreed to this"),
    "forbidden": (403, "This is for another role"),
    "not_found": (404, "There is nothing here"),
    "method_not_allowed": (405, "This can't be done here"),
    "conflict": (409, "This does not go with what is there"),
    "gone": (410, "It is not there any more"),
    "precondition_failed": (412, "It has changed meanwhile"),
    "too_large": (413, "The body is too large"),
    "unsupported_media_type": (415, "The body is of another kind than JSON"),
    "invalid": (422, "A field is wrong"),
    "too_many_requests": (429, "Slower, please"),
    "internal": (500, "A fault of ours"),
    "unavailable": (503, "Not now"),
}


class Problem(Exception):
    """An answer that is no success. `detail` and `errors` never repeat what was sent.

    `field` is the wire name at fault; `errors` has one entry an item of a batch, `{"index", "field", "reason"}`
    and, of a file, `where`.
    """

    def __init__(
        self,
        kind: str,
        detail: str,
        *,
        field: str = "",
        errors: Sequence[Mapping[str, Any]] = (),
        retry_after_s: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.status, self.title = KINDS[kind]
        self.detail = detail
        self.field = field
        self.errors = errors
        self.retry_after_s = retry_after_s
        self.headers = dict(headers or {})

    def response(self) -> Response:
        body: dict[str, Any] = {
            "type": f"urn:endcap:problem:{self.kind}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
        }
        if self.field:
            body["field"] = self.field
        if self.errors:
            body["errors"] = list(self.errors)
        answer = Response(json.dumps(body), self.status, self.headers, mimetype="application/problem+json")
        if self.retry_after_s is not None:
            answer.headers["Retry-After"] = str(max(1, ceil(self.retry_after_s)))
        return answer


def invalid(fault: BadMessage, within: str = "") -> Problem:
    """The problem for a field that was refused; `within` names what the field is part of."""
    field = ".".join(part for part in (within, fault.field) if part)
    return Problem("invalid", f"{field}: {fault.reason}" if field else fault.reason, field=field)


SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457: what was wrong and what to do.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "enum": [f"urn:endcap:problem:{kind}" for kind in KINDS]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "field": {"type": "string", "description": "the wire name of the field at fault"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["index", "reason"],
                "properties": {
                    "index": {"type": "integer"},
                    "status": {"const": "rejected"},
                    "field": {"type": "string"},
                    "reason": {"type": "string"},
                    "where": {"type": "string", "description": "of a file: its line or feature"},
                },
            },
        },
    },
}
