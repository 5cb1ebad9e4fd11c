"""All promotions; to publish, change and end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, g, request

from endcap.errors import BadMessage
from endcap_backend.api.problems import Problem
from endcap_backend.api.roles import Role
from endcap_backend.console.forms import PROMOTION_FIELDS, filled, form_of, takes_off
from endcap_backend.console.pages.frame import ROWS, page
from endcap_backend.console.parts import Console


def add_to(routes: Blueprint, console: Console) -> None:
    door, counter = console.door, console.counter

    @routes.get("/promotions")
    @door.open_to()
    def get_promotions() -> Response:
        found = counter.promotion(request.args["pid"]) if "pid" in request.args else None
        return _promotions(console, form_of(found.to_json()) if found else {}, editing=found is not None)

    @routes.post("/promotions")
    @door.open_to(Role.MANAGER)
    def post_promotions() -> Response:
        form = {name: request.form.get(name, "") for name, _, _ in PROMOTION_FIELDS}
        try:
            promotion = counter.publish(form, g.guest.employee)
        except BadMessage as fault:
            said = f"Not published: {fault.field} {fault.reason}."
            return _promotions(console, form, said=said, bad=True, field=fault.field, status=422)
        return _promotions(console, {}, said=f"{promotion.title or promotion.pid} is published.")

    @routes.post("/promotions/end")
    @door.open_to(Role.MANAGER)
    def post_promotions_end() -> Response:
        pid = request.form.get("pid", "")
        if not counter.end(pid, g.guest.employee):
            raise Problem("not_found", "there is no such promotion")
        return _promotions(console, {}, said=f"{pid} has ended.")


def _promotions(console: Console, form: Mapping[str, Any], *, editing: bool = False, **more: Any) -> Response:
    found = console.counter.promotions()
    return page(
        "promotions.html",
        promotions=found[:ROWS],
        rest=max(0, len(found) - ROWS),
        now=console.clock.now(),
        fields=PROMOTION_FIELDS,
        form=filled(form, PROMOTION_FIELDS),
        editing=editing,
        takes_off=takes_off,
        **{"field": "", **more},
    )
