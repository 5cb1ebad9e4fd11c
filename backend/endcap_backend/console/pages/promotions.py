"""All promotions; to publish, change, end and take off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, g, request

from endcap.errors import BadMessage
from endcap_backend.api.problems import Problem
from endcap_backend.api.roles import Role
from endcap_backend.console.forms import PROMOTION_FIELDS, shown_in, takes_off
from endcap_backend.console.overtaken import Overtaken, seal
from endcap_backend.console.pages.frame import ROWS, overtaken, page, typed_in
from endcap_backend.console.parts import Console


def add_to(routes: Blueprint, console: Console) -> None:
    door, counter = console.door, console.counter

    @routes.get("/promotions")
    @door.open_to()
    def get_promotions() -> Response:
        found = counter.promotion(request.args["pid"]) if "pid" in request.args else None
        shown = None if found is None else shown_in(PROMOTION_FIELDS, found)
        return _promotions(console, shown or {}, seen=seal(shown))

    @routes.post("/promotions")
    @door.open_to(Role.MANAGER)
    def post_promotions() -> Response:
        form, seen = typed_in(PROMOTION_FIELDS), request.form.get("seen", "")
        try:
            promotion = counter.publish(form, g.guest.employee, seen)
        except BadMessage as fault:
            said = f"Not published: {fault.field} {fault.reason}."
            return _promotions(console, form, seen=seen, said=said, bad=True, field=fault.field, status=422)
        except Overtaken as fault:
            there = f"Not published: there is a promotion {form['pid'].strip()} already. Open it, or choose another id."
            return _promotions(console, **overtaken(fault, "Not published", there, field="pid"))
        return _promotions(console, {}, said=f"{promotion.title or promotion.pid} is published.")

    @routes.post("/promotions/end")
    @door.open_to(Role.MANAGER)
    def post_promotions_end() -> Response:
        pid = request.form.get("pid", "")
        if not counter.end(pid, g.guest.employee):
            raise Problem("not_found", "there is no such promotion")
        return _promotions(console, {}, said=f"{pid} has ended.")

    @routes.post("/promotions/delete")
    @door.open_to(Role.MANAGER)
    def post_promotions_delete() -> Response:
        pid = request.form.get("pid", "")
        became = counter.withdraw(pid, g.guest.employee)
        if not became:
            raise Problem("not_found", "there is no such promotion, or no more: it was deleted")
        why = "" if became == "deleted" else ", since it was redeemed: the books name it"
        return _promotions(console, {}, said=f"{pid} has ended and is {became}{why}.")


def _promotions(console: Console, form: Mapping[str, Any], *, seen: str = "", **more: Any) -> Response:
    archived = "archived" in request.args
    found = console.counter.promotions(archived=archived)
    return page(
        "promotions.html",
        promotions=found[:ROWS],
        rest=max(0, len(found) - ROWS),
        archived=archived,
        now=console.clock.now(),
        fields=PROMOTION_FIELDS,
        form=form,
        seen=seen,
        editing=bool(seen),
        takes_off=takes_off,
        names=console.counter.names(each.sku for each in found[:ROWS] if each.sku is not None),
        **{"field": "", "differences": (), **more},
    )
