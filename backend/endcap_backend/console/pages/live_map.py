"""The live map of a store: its plan, its shelves, shoppers as dots."""

from __future__ import annotations

from flask import Blueprint, Response, request

from endcap_backend.api.bodies import answer
from endcap_backend.console.pages.frame import drawn, page, stores_of
from endcap_backend.console.parts import Console


def add_to(routes: Blueprint, console: Console) -> None:
    @routes.get("")
    @console.door.open_to()
    def get_floor() -> Response:
        stores, store = stores_of(console)
        shelves = console.counter.shelves(store)
        floor = console.floor(store, shelves) if store else None
        on_offer = console.live()
        return page(
            "floor.html",
            stores=stores,
            store=store,
            promoted=[each for each in shelves if each.stock != 0 and on_offer.of(each)],
            dots=console.dots(floor) if floor else (),
            **drawn(floor, shelves, on_offer),
        )

    @routes.get("/live")
    @console.door.open_to()
    def get_live() -> Response:
        """The dots of a store, for the script."""
        floor = console.drawn(request.args.get("store", ""))
        return answer({"dots": console.dots(floor) if floor else []})
