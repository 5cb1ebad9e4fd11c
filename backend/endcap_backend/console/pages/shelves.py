"""Where products stand; to put, move and count."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, g, request

from endcap.errors import BadMessage
from endcap_backend.api.bodies import answer
from endcap_backend.api.problems import Problem
from endcap_backend.api.roles import Role
from endcap_backend.console.floor import Spot
from endcap_backend.console.forms import SHELF_FIELDS, filled, form_of
from endcap_backend.console.pages.frame import drawn, page, promoted, stores_of
from endcap_backend.console.parts import Console


def add_to(routes: Blueprint, console: Console) -> None:
    door, counter = console.door, console.counter

    @routes.get("/shelves")
    @door.open_to()
    def get_shelves() -> Response:
        _, store = stores_of(console)
        wanted = request.args.get("sku", "")
        found = next((each for each in counter.shelves(store) if str(each.sku) == wanted), None)
        return _shelves(console, form_of(found.to_json()) if found else {})

    @routes.post("/shelves")
    @door.open_to(Role.MANAGER)
    def post_shelves() -> Response:
        form = {name: request.form.get(name, "") for name in ("store", *(each for each, _, _ in SHELF_FIELDS))}
        try:
            product = counter.place(form, g.guest.employee)
        except BadMessage as fault:
            said = f"Not put there: {fault.field} {fault.reason}."
            return _shelves(console, form, said=said, bad=True, field=fault.field, status=422)
        return _shelves(console, {}, said=f"{product.name or product.sku} stands there now.")

    @routes.get("/point")
    @door.open_to()
    def get_point() -> Response:
        """Where on Earth a place of the picture is, and in which section."""
        floor = console.drawn(request.args.get("store", ""))
        spot = Spot(request.args.get("x", -1.0, float), request.args.get("y", -1.0, float))
        if floor is None or not floor.holds(spot):
            raise Problem("not_found", "that is outside the plan")
        latitude_deg, longitude_deg = floor.point(spot)
        return answer({"latitude": latitude_deg, "longitude": longitude_deg, "section": floor.section_at(spot)})


def _shelves(console: Console, form: Mapping[str, Any], **more: Any) -> Response:
    stores, store = stores_of(console)
    products = console.counter.shelves(store)
    floor = console.floor(store, products) if store else None
    return page(
        "shelves.html",
        stores=stores,
        store=store,
        products=products,
        fields=SHELF_FIELDS,
        form=filled(form, SHELF_FIELDS),
        **drawn(floor, products, promoted(products, console.live())),
        **{"field": "", **more},
    )
