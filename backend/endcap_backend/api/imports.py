"""What staff send in bulk: JSON, or a file of CSV, JSON lines or GeoJSON as the body; all of it counts, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from flask import request

from endcap.errors import BadConfig
from endcap.wire import Message
from endcap_backend.api.bodies import read_object, read_raw, unpacked
from endcap_backend.api.openapi import COUNT, object_of
from endcap_backend.api.problems import Problem
from endcap_backend.retail.catalogue import Stored
from endcap_backend.retail.files import Row, read_rows
from endcap_backend.retail.rows import Checked, Fault

M = TypeVar("M", bound=Message)

FILES = {  # content type -> the ending its files have
    "text/csv": ".csv",
    "application/jsonl": ".jsonl",
    "application/x-ndjson": ".jsonl",
    "application/geo+json": ".geojson",
}
MOST_FAULTS = 50  # told of one body
DRY_RUN: dict[str, Any] = {
    "name": "dry_run",
    "in": "query",
    "required": False,
    "schema": {"type": "boolean", "default": False},
    "description": "check and compare only; store nothing",
}
STORED = object_of({"new": COUNT, "changed": COUNT, "unchanged": COUNT, "dry_run": {"type": "boolean"}})
CHANGING = (
    "malformed", "unauthorised", "forbidden", "too_large", "unsupported_media_type", "invalid", "unavailable",
)  # fmt: skip


def list_of(name: str, item: Any) -> dict[str, Any]:
    """The JSON Schema of a body that holds one array."""
    return object_of({name: {"type": "array", "minItems": 1, "items": item}})


def is_dry_run() -> bool:
    """What the query says of it; raises the problem 422 for anything but true and false."""
    said = request.args.get("dry_run", "false")
    if said not in ("true", "false"):
        raise Problem("invalid", "dry_run must be true or false", field="dry_run")
    return said == "true"


def stored_json(stored: Stored, *, dry: bool) -> dict[str, Any]:
    return {"new": stored.new, "changed": stored.changed, "unchanged": stored.unchanged, "dry_run": dry}


def read_body_rows(cls: type[Message], name: str, max_bytes: int) -> list[Row]:
    """The rows of the request's body: the array `name` of a JSON object, or a file by the content type.

    Raises:
        Problem: as `read_json`; 422 none, or a file that as a whole can't be read.
    """
    ending = FILES.get(request.mimetype)
    rows = _array(name, max_bytes) if ending is None else _file(cls, ending, max_bytes)
    if not rows:
        raise Problem("invalid", f"{name} is empty: send at least one", field=name)
    return rows


def all_good(rows: Sequence[Row], checked: Checked[M]) -> list[M]:
    """What was read, when nothing is wrong with any of it; else the problem 422 with an entry for each fault."""
    if checked.faults:
        first = checked.faults[0]
        raise Problem(
            "invalid",
            f"nothing was stored; {first}",
            field=first.field,
            errors=told([each.where for each in rows], checked.faults),
        )
    return checked.messages


def told(wheres: Sequence[str], faults: Sequence[Fault]) -> list[dict[str, Any]]:
    """Faults as entries of a problem's `errors`: `index` counts rows from 0; one of no row stands in `detail` alone."""
    index = {where: number for number, where in enumerate(wheres)}
    return [
        {"index": index[each.where], "field": each.field, "reason": each.reason, "where": each.where}
        for each in faults[:MOST_FAULTS]
        if each.where in index
    ]


def _array(name: str, max_bytes: int) -> list[Row]:
    found = read_object(max_bytes).get(name)
    if not isinstance(found, list):
        raise Problem("invalid", f"{name} must be an array", field=name)
    return [Row(f"item {number}", each) for number, each in enumerate(found)]


def _file(cls: type[Message], ending: str, max_bytes: int) -> list[Row]:
    raw = unpacked(read_raw(max_bytes), max_bytes)
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"body{ending}"
        path.write_bytes(raw)
        try:
            return list(read_rows(path, cls))
        except BadConfig as fault:
            raise Problem("invalid", f"the body {fault.reason}") from None
