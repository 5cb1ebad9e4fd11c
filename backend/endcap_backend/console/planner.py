"""Drawing a store's plan from the console's forms: a section or a door at a time, each change in the audit trail."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection

from endcap.clock import Clock
from endcap.errors import BadMessage, OutOfRange
from endcap.geo import LatLon
from endcap_backend.api.roles import Employee
from endcap_backend.console.forms import DOOR_FIELDS, SECTION_FIELDS, Fields, typed
from endcap_backend.console.overtaken import Overtaken, Shown, as_texts, opened_as
from endcap_backend.retail import plan_edits
from endcap_backend.retail.audit import note
from endcap_backend.retail.database import Database
from endcap_backend.retail.plan_edits import changing, plan_to_change
from endcap_backend.retail.plan_files import door_of, section_of
from endcap_backend.retail.plans import DECIMALS, Door, Plan, Section, kept_plan

_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")


class Planner:
    """Any thread; each change is one transaction with its audit entry.

    Two may change two parts of one plan at once. Of one part the form says in `seen` what it was opened with ("": it is
    new): what has changed since is not overwritten but told. All raise `Overtaken` then, and BadMessage, which names
    the field at fault.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def plan(self, store: str) -> Plan | None:
        """The plan as it is kept, or as a derived one would be kept; None where there is no store."""
        with self._database.reading() as connection:
            return plan_to_change(connection, store)

    def is_derived(self, store: str) -> bool:
        """True while nobody has drawn or loaded a plan of the store."""
        with self._database.reading() as connection:
            return kept_plan(connection, store) is None

    def put_section(self, store: str, form: Shown, seen: str, by: Employee) -> Section:
        section = _section(store, form)
        with self._database.writing() as connection:
            plan = changing(connection, store)
            was = _unchanged(seen, {each.id: shown_section(each) for each in plan.sections}, form)
            with _told_as(SECTION_FIELDS):
                plan_edits.put_section(connection, plan, was, section, self._clock.now())
            self._note(connection, by, "put", f"plans/{store}/sections/{section.id}", section.to_json())
        return section

    def remove_section(self, store: str, seen: str, by: Employee) -> str:
        """Its id."""
        with self._database.writing() as connection:
            plan = changing(connection, store)
            was = _standing(seen, {each.id: shown_section(each) for each in plan.sections})
            plan_edits.remove_section(connection, plan, was, self._clock.now())
            self._note(connection, by, "removed", f"plans/{store}/sections/{was}", {})
        return was

    def put_door(self, store: str, form: Shown, seen: str, by: Employee) -> Door:
        door = _door(store, form)
        with self._database.writing() as connection:
            plan = changing(connection, store)
            was = _unchanged(seen, {each.id: shown_door(each) for each in plan.doors}, form)
            plan_edits.put_door(connection, plan, was, door, self._clock.now())
            where = dict(zip(("latitude", "longitude"), door.point, strict=True))
            self._note(connection, by, "put", f"plans/{store}/doors/{door.id}", {"name": door.name, **where})
        return door

    def remove_door(self, store: str, seen: str, by: Employee) -> str:
        """Its id."""
        with self._database.writing() as connection:
            plan = changing(connection, store)
            was = _standing(seen, {each.id: shown_door(each) for each in plan.doors})
            plan_edits.remove_door(connection, plan, was, self._clock.now())
            self._note(connection, by, "removed", f"plans/{store}/doors/{was}", {})
        return was

    def _note(self, connection: Connection, by: Employee, action: str, thing: str, told: Mapping[str, Any]) -> None:
        note(connection, by, self._clock.now(), action, thing, told)


def shown_section(section: Section) -> dict[str, str]:
    """A section as its form shows it."""
    told = {
        "id": section.id,
        "name": section.name,
        "outline": "\n".join(", ".join(_degrees(each) for each in point) for point in section.polygon),
        "categories": "\n".join(section.categories),
        "skus": " ".join(map(str, section.skus)),
    }
    return as_texts(told, [name for name, _, _ in SECTION_FIELDS])


def shown_door(door: Door) -> dict[str, str]:
    """A door as its form shows it."""
    latitude, longitude = map(_degrees, door.point)
    told = {"id": door.id, "name": door.name, "latitude": latitude, "longitude": longitude}
    return as_texts(told, [name for name, _, _ in DOOR_FIELDS])


def _unchanged(seen: str, now: Mapping[str, Shown], typed: Shown) -> str:
    """The id of what the form was opened with, "" for something new; raises Overtaken when it has changed since."""
    opened = opened_as(seen)
    if opened is None:
        return ""
    was = opened.get("id", "")
    if now.get(was) != opened:
        raise Overtaken(opened, now.get(was), typed)
    return was


def _standing(seen: str, now: Mapping[str, Shown]) -> str:
    """As `_unchanged`, of what is to be taken off: BadMessage when the form was not opened with anything."""
    opened = opened_as(seen)
    if opened is None:
        raise BadMessage("seen", "is missing: open what is to be taken off the plan, and take it off there")
    return _unchanged(seen, now, opened)


def _section(store: str, form: Shown) -> Section:
    corners = _corners(form.get("outline", ""))
    ring = [[longitude, latitude] for latitude, longitude in (*corners, *corners[:1])]
    properties = {
        "kind": "section",
        **_named(form),
        "categories": [each.strip() for each in form.get("categories", "").split("\n") if each.strip()],
        "skus": _numbers(form.get("skus", "")),
    }
    with _told_as(SECTION_FIELDS):
        return section_of(store, _feature("Polygon", [ring], properties))


def _door(store: str, form: Shown) -> Door:
    at = typed({name: form.get(name, "") for name in ("latitude", "longitude")})
    for name in ("latitude", "longitude"):
        if name not in at:
            raise BadMessage(name, "is missing")
    with _told_as(DOOR_FIELDS):
        return door_of(store, _feature("Point", [at["longitude"], at["latitude"]], {"kind": "door", **_named(form)}))


def _named(form: Shown) -> dict[str, str]:
    return {name: text for name in ("id", "name") if (text := form.get(name, "").strip())}


def _feature(kind: str, coordinates: object, properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "Feature", "geometry": {"type": kind, "coordinates": coordinates}, "properties": properties}


def _corners(outline: str) -> list[LatLon]:
    lines = [(number, line) for number, line in enumerate(outline.split("\n"), 1) if line.strip()]
    corners = [_corner(number, line) for number, line in lines]
    if len(corners) < 3:
        raise BadMessage("outline", f"has {len(corners)} corners; an outline has three at least")
    return corners[:-1] if corners[0] == corners[-1] and len(corners) > 3 else corners


def _corner(number: int, line: str) -> LatLon:
    found = _NUMBER.findall(line)
    if len(found) != 2 or re.search(r"[^\s\d.,;+-]", line):
        raise BadMessage("outline", f"line {number} must be a latitude and a longitude, such as 60.16952, 24.93545")
    latitude_deg, longitude_deg = map(float, found)
    return LatLon(latitude_deg, longitude_deg)


def _numbers(text: str) -> Sequence[int]:
    words = re.split(r"[\s,;]+", text.strip())
    if any(not re.fullmatch(r"\d{1,19}", word) for word in words if word):
        raise BadMessage("skus", "must be numbers of products, with spaces or commas between them")
    return [int(word) for word in words if word]


def _degrees(each: float) -> str:
    return f"{each:.{DECIMALS}f}".rstrip("0").rstrip(".")


@contextmanager
def _told_as(fields: Fields) -> Iterator[None]:
    """Name a fault by the form's own field, where a file has it in `coordinates`."""
    own = "outline" if fields is SECTION_FIELDS else "latitude"
    try:
        yield
    except BadMessage as fault:
        raise BadMessage(own if fault.field in ("coordinates", "geometry") else fault.field, fault.reason) from None
    except OutOfRange as fault:
        raise BadMessage(own, str(fault)) from None
