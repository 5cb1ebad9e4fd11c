"""Changing one section or one door of a store's plan, while others change the rest of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection, select

from endcap.errors import BadMessage
from endcap.geo import LatLon, distance_m
from endcap_backend.retail.database import lock_table
from endcap_backend.retail.plans import Door, Plan, Section, kept_plan, plan_of, put_plans
from endcap_backend.retail.schema import Placement
from endcap_backend.retail.shop_tables import FloorPlan

P = TypeVar("P", Section, Door)

OUTSIDE_M = 100.0  # from all that is known of a store: further away it is a slip of the pen, or another store


def plan_to_change(connection: Connection, store: str) -> Plan | None:
    """The plan as it is kept: what its file left to the shelves is left to them. None where there is no store.

    One that is derived becomes one to keep: its sections by their names, so that what is placed in them stays theirs.
    """
    kept = kept_plan(connection, store)
    if kept is not None:
        return kept
    derived = plan_of(connection, store)
    return None if derived is None else replace(derived, sections=tuple(_named(derived.sections)), derived=False)


def changing(connection: Connection, store: str) -> Plan:
    """As `plan_to_change`, nobody else's until the transaction ends.

    Raises:
        BadMessage: there is no such store.
    """
    lock_table(connection, FloorPlan)
    plan = plan_to_change(connection, store)
    if plan is None:
        raise BadMessage("store", "is not known: put its shelves there first")
    return plan


def put_section(connection: Connection, plan: Plan, was: str, section: Section, at: datetime) -> None:
    """Put a section in the place of the one whose id `was`, or beside the others ("").

    Raises:
        BadMessage: its id is that of another, or it lies outside the store.
    """
    others = [each for each in plan.sections if each.id != was]
    _refuse_taken(section.id, others, "section")
    _refuse_outside("coordinates", section.polygon, list(_known(connection, replace(plan, sections=tuple(others)))))
    _keep(connection, replace(plan, sections=_in_place(plan.sections, was, section)), at)


def put_door(connection: Connection, plan: Plan, was: str, door: Door, at: datetime) -> None:
    """As `put_section`, of a door."""
    _refuse_taken(door.id, [each for each in plan.doors if each.id != was], "door")
    _refuse_outside("latitude", [door.point], list(_known(connection, replace(plan, doors=()))))
    _keep(connection, replace(plan, doors=_in_place(plan.doors, was, door)), at)


def remove_section(connection: Connection, plan: Plan, id: str, at: datetime) -> None:
    """Take a section off the plan; what is placed in it stays where it stands.

    Raises:
        BadMessage: it is the last one.
    """
    left = tuple(each for each in plan.sections if each.id != id)
    if not left:
        raise BadMessage("id", "is that of the only section: a plan has at least one")
    _keep(connection, replace(plan, sections=left), at)


def remove_door(connection: Connection, plan: Plan, id: str, at: datetime) -> None:
    """Take a door off the plan."""
    _keep(connection, replace(plan, doors=tuple(each for each in plan.doors if each.id != id)), at)


def _keep(connection: Connection, plan: Plan, at: datetime) -> None:
    put_plans(connection, [plan], at)


def _in_place(parts: Sequence[P], was: str, part: P) -> tuple[P, ...]:
    there = any(each.id == was for each in parts)
    return tuple(part if each.id == was else each for each in parts) + (() if there else (part,))


def _refuse_taken(id: str, others: Iterable[Section | Door], kind: str) -> None:
    if any(each.id == id for each in others):
        raise BadMessage("id", f"is that of another {kind} of the store: open that one, or choose another id")


def _refuse_outside(field: str, points: Iterable[LatLon], known: Sequence[LatLon]) -> None:
    """Raises BadMessage for a point more than 100 m from the rectangle about all that is known of the store."""
    if not known:
        return
    north, south = max(each.latitude_deg for each in known), min(each.latitude_deg for each in known)
    east, west = max(each.longitude_deg for each in known), min(each.longitude_deg for each in known)
    shown = f"{south:.5f} to {north:.5f}, {west:.5f} to {east:.5f}"
    for number, point in enumerate(points, 1):
        aside = LatLon(min(max(point.latitude_deg, south), north), min(max(point.longitude_deg, west), east))
        if distance_m(point, aside) > OUTSIDE_M:
            raise BadMessage(field, f"lie outside the store (corner {number}): all that is known of it is at {shown}")


def _known(connection: Connection, plan: Plan) -> Iterator[LatLon]:
    """Every place of a store that is known: of its plan, and of its shelves."""
    for section in plan.sections:
        yield from section.polygon
    yield from plan.nodes.values()
    yield from (door.point for door in plan.doors)
    rows = connection.execute(
        select(Placement.latitude_deg, Placement.longitude_deg).where(Placement.store == plan.store)
    )
    yield from (LatLon(*row) for row in rows)


def _named(sections: Iterable[Section]) -> Iterator[Section]:
    """Derived sections with ids that can be ids, and without what they have from their shelves."""
    taken: set[str] = set()
    for each in sections:
        plain = re.sub("[^A-Za-z0-9._~-]+", "-", each.name).strip("-")[:56] or "section"
        id = next(found for n in range(len(taken) + 1) if (found := f"{plain}-{n}" if n else plain) not in taken)
        taken.add(id)
        yield Section(id, each.name, each.polygon)
