"""A store's plan: its sections and doors; to draw, move, name, fill and take off."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from flask import Blueprint, Response, g, request

from endcap_backend.api.roles import Role
from endcap_backend.console.floor import Floor
from endcap_backend.console.forms import DOOR_FIELDS, SECTION_FIELDS, Fields
from endcap_backend.console.on_offer import OnOffer
from endcap_backend.console.overtaken import seal
from endcap_backend.console.pages.frame import changed, drawn, form_page, stores_of, typed_in
from endcap_backend.console.parts import Console
from endcap_backend.console.planner import shown_door, shown_section
from endcap_backend.retail.plans import Plan

MARGIN_M = 12.0  # about the store on this page: room to draw in
FIELDS: dict[str, Fields] = {"section": SECTION_FIELDS, "door": DOOR_FIELDS}


def add_to(routes: Blueprint, console: Console) -> None:
    door, planner = console.door, console.planner

    @routes.get("/plan")
    @door.open_to()
    def get_plan() -> Response:
        _, store = stores_of(console)
        what, shown = _opened(planner.plan(store))
        return _plan(console, what, shown or {}, seen=seal(shown))

    @routes.post("/plan/<any(section, door):what>")
    @door.open_to(Role.MANAGER)
    def post_plan(what: str) -> Response:
        put = planner.put_door if what == "door" else planner.put_section
        return _changed(
            console, what, lambda store, form, seen: f"{put(store, form, seen, g.guest.employee).name} is on the plan."
        )

    @routes.post("/plan/<any(section, door):what>/remove")
    @door.open_to(Role.MANAGER)
    def post_plan_remove(what: str) -> Response:
        remove = planner.remove_door if what == "door" else planner.remove_section
        return _changed(
            console, what, lambda store, form, seen: f"{remove(store, seen, g.guest.employee)} is off the plan."
        )


def _changed(console: Console, what: str, change: Callable[[str, dict[str, str], str], str]) -> Response:
    store, form, seen = request.form.get("store", ""), typed_in(FIELDS[what]), request.form.get("seen", "")
    return changed(partial(_plan, console, what), form, lambda: change(store, form, seen), "Not changed")


def _opened(plan: Plan | None) -> tuple[str, dict[str, str] | None]:
    """Which form the page shows, and of what."""
    if plan is not None and "door" in request.args:
        found = next((each for each in plan.doors if each.id == request.args["door"]), None)
        return "door", None if found is None else shown_door(found)
    wanted = request.args.get("section", "")
    section = next((each for each in plan.sections if each.id == wanted), None) if plan is not None else None
    return "section", None if section is None else shown_section(section)


def _plan(console: Console, what: str, form: Mapping[str, Any], *, seen: str = "", **more: Any) -> Response:
    stores, store = stores_of(console)
    plan = console.planner.plan(store)
    products = console.counter.shelves(store)
    floor = None if plan is None else Floor(plan, [each.point for each in products], MARGIN_M)
    return form_page(
        "plan_edit.html",
        FIELDS[what],
        form,
        seen,
        more,
        stores=stores,
        store=store,
        plan=plan,
        derived=console.planner.is_derived(store),
        what=what,
        chosen=form.get("id", "") if what == "section" and seen else "",
        **drawn(floor, products, OnOffer(())),
    )
