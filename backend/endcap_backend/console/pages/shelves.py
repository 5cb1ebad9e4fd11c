"""Where products stand; to put, move, count and take off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, g, request

from endcap.errors import BadMessage
from endcap.messages import StoreProduct
from endcap_backend.api.bodies import answer
from endcap_backend.api.problems import Problem
from endcap_backend.api.roles import Role
from endcap_backend.console.floor import Spot
from endcap_backend.console.forms import SHELF_FIELDS, shown_in
from endcap_backend.console.overtaken import Overtaken, seal
from endcap_backend.console.pages.frame import drawn, overtaken, page, promoted, stores_of, typed_in
from endcap_backend.console.parts import Console


def add_to(routes: Blueprint, console: Console) -> None:
    door, counter = console.door, console.counter

    @routes.get("/shelves")
    @door.open_to()
    def get_shelves() -> Response:
        _, store = stores_of(console)
        wanted = request.args.get("sku", "")
        found = next((each for each in counter.shelves(store) if str(each.sku) == wanted), None)
        shown = None if found is None else shown_in(SHELF_FIELDS, found)
        return _shelves(console, shown or {}, seen=seal(shown))

    @routes.post("/shelves")
    @door.open_to(Role.MANAGER)
    def post_shelves() -> Response:
        form, seen = typed_in(SHELF_FIELDS), request.form.get("seen", "")
        try:
            product = counter.place({"store": request.form.get("store", ""), **form}, g.guest.employee, seen)
        except BadMessage as fault:
            said = f"Not put there: {fault.field} {fault.reason}."
            return _shelves(console, form, seen=seen, said=said, bad=True, field=fault.field, status=422)
        except Overtaken as fault:
            there = f"Not put there: product {form['SKU'].strip()} has a shelf in this store already. Open that one."
            return _shelves(console, **overtaken(fault, "Not put there", there, field="SKU"))
        return _shelves(console, {}, said=f"{product.name or product.sku} stands there now.")

    @routes.post("/shelves/remove")
    @door.open_to(Role.MANAGER)
    def post_shelves_remove() -> Response:
        store, sku = request.form.get("store", ""), request.form.get("SKU", "")
        gone = counter.take_off(store, _sku(sku), g.guest.employee)
        if gone is None:
            raise Problem("not_found", "that product stands on no shelf there, or no more: it was taken off")
        return _shelves(console, {}, said=f"{gone.name or gone.sku} is taken off its shelf.")

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


def _sku(text: str) -> int:
    try:
        return int(str(StoreProduct.wires()["sku"].read(int(text[:20]))))
    except (ValueError, BadMessage):
        raise Problem("not_found", "there is no product of such a number") from None


def _shelves(console: Console, form: Mapping[str, Any], *, seen: str = "", **more: Any) -> Response:
    stores, store = stores_of(console)
    products = console.counter.shelves(store)
    floor = console.floor(store, products) if store else None
    return page(
        "shelves.html",
        stores=stores,
        store=store,
        products=products,
        fields=SHELF_FIELDS,
        form=form,
        seen=seen,
        **drawn(floor, products, promoted(products, console.live())),
        **{"field": "", "differences": (), **more},
    )
