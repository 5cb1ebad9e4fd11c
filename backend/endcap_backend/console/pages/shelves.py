"""Where products stand; to put, move, count and take off."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from flask import Blueprint, Response, g, request

from endcap.errors import BadMessage
from endcap.messages import StoreProduct
from endcap_backend.api.bodies import answer
from endcap_backend.api.problems import Problem
from endcap_backend.api.roles import Role
from endcap_backend.console.floor import Spot
from endcap_backend.console.forms import SHELF_FIELDS, takes_off
from endcap_backend.console.pages.frame import changed, drawn, form_page, opened, stores_of, typed_in
from endcap_backend.console.parts import Console


def add_to(routes: Blueprint, console: Console) -> None:
    door, counter = console.door, console.counter

    @routes.get("/shelves")
    @door.open_to()
    def get_shelves() -> Response:
        _, store = stores_of(console)
        wanted = request.args.get("sku", "")
        found = next((each for each in counter.shelves(store) if str(each.sku) == wanted), None)
        form, seen = opened(SHELF_FIELDS, found)
        return _shelves(console, form, seen=seen)

    @routes.post("/shelves")
    @door.open_to(Role.MANAGER)
    def post_shelves() -> Response:
        form, seen = typed_in(SHELF_FIELDS), request.form.get("seen", "")

        def place() -> str:
            product = counter.place({"store": request.form.get("store", ""), **form}, g.guest.employee, seen)
            return f"{product.name or product.sku} stands there now."

        there = f"Not put there: product {form['SKU'].strip()} has a shelf in this store already. Open that one."
        return changed(partial(_shelves, console), form, place, "Not put there", there=there, key="SKU")

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


def _shelves(console: Console, form: Mapping[str, Any], *, seen: str = "", **told: Any) -> Response:
    stores, store = stores_of(console)
    products = console.counter.shelves(store)
    floor = console.floor(store, products) if store else None
    on_offer = console.live()
    product = next((each for each in products if seen and str(each.sku) == form.get("SKU")), None)
    return form_page(
        "shelves.html",
        SHELF_FIELDS,
        form,
        seen,
        told,
        stores=stores,
        store=store,
        products=products,
        promotions=() if product is None else on_offer.of(product),
        takes_off=takes_off,
        pick="/console/shelves",
        **drawn(floor, products, on_offer, frozenset() if product is None else frozenset({product.sku})),
    )
