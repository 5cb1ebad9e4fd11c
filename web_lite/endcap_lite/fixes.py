"""What the page posts as fixes, read strictly: one bad fix is named and its neighbours pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from endcap.errors import BadMessage
from endcap.messages import CustomerLocation
from endcap.wire import write_instant

MAX_FIXES = 200  # what a page keeps while nobody answers
AISLE_M = 50.0  # a vaguer fix says which store, never which shelf: it is no use to the match
MAX_AGE = timedelta(hours=24)  # of a fix that waited in the page
_SANE_MS = (0, 2**53 - 1)  # what a browser's clock can say


@dataclass(frozen=True, slots=True)
class Rejected:
    """One fix of a post that was not taken."""

    index: int
    field: str
    reason: str

    def to_json(self) -> dict[str, Any]:
        return {"index": self.index, "field": self.field, "reason": self.reason}


def read_fixes(
    body: object, *, visit_id: str, received_at: datetime, country: str | None = None
) -> tuple[list[CustomerLocation], list[Rejected]]:
    """The locations in a body `{"now": ms, "fixes": [{"latitude", "longitude", "accuracy_m", "at": ms}, ...]}`.

    `now` and `at` are the phone's clock, which may be hours off: only their difference counts, as the fix's age. The
    visit stands in for the pseudonym, and `visit:at` is the id, so that a post which is sent twice is stored once.

    Raises:
        BadMessage: the body as a whole can't be read.
    """
    if not isinstance(body, Mapping):
        raise BadMessage("", "must be a JSON object with now and fixes")
    now_ms = _milliseconds(body, "now")
    fixes = body.get("fixes")
    if not isinstance(fixes, list) or not 1 <= len(fixes) <= MAX_FIXES:
        raise BadMessage("fixes", f"must be an array of 1 to {MAX_FIXES} fixes")
    taken: list[CustomerLocation] = []
    rejected: list[Rejected] = []
    for index, fix in enumerate(fixes):
        try:
            taken.append(_location(fix, now_ms, visit_id, received_at, country))
        except BadMessage as fault:
            rejected.append(Rejected(index, fault.field, fault.reason))
    return taken, rejected


def _location(fix: object, now_ms: int, visit_id: str, received_at: datetime, country: str | None) -> CustomerLocation:
    if not isinstance(fix, Mapping):
        raise BadMessage("", "a fix must be a JSON object")
    at_ms = _milliseconds(fix, "at")
    age = timedelta(milliseconds=max(0, now_ms - at_ms))
    if age > MAX_AGE:
        raise BadMessage("at", "is more than a day old")
    location = CustomerLocation.from_json(
        {
            "latitude": fix.get("latitude"),
            "longitude": fix.get("longitude"),
            "accuracy_m": fix.get("accuracy_m"),
            "taken_at": write_instant(received_at - age),
            "uid": visit_id,
            "id": f"{visit_id}:{at_ms}",
            "country": country,
        }
    )
    if location.accuracy_m is None:
        raise BadMessage("accuracy_m", "is missing")
    if location.accuracy_m > AISLE_M:
        raise BadMessage("accuracy_m", f"is above {AISLE_M:g} m: too vague for a shelf")
    return location


def _milliseconds(fields: Mapping[str, object], name: str) -> int:
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not _SANE_MS[0] <= value <= _SANE_MS[1]:
        raise BadMessage(name, "must be a time in milliseconds since 1970")
    return int(value)
