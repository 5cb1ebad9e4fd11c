"""Guiding: the way through her list, found anew when the list, the store or her place has changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from endcap_shopper.asking import Asking
from endcap_shopper.ground import Ground
from endcap_shopper.route import Stop, find_route

MOVED_M = 3.0  # the route is found anew when she has moved so far
COLD = ("frozen", "ice", "chilled", "tiefkühl", "tk-")  # in the name of what is fetched last


class Guiding:
    """On the window's thread; the route itself is found on another."""

    def __init__(self, ground: Ground, asking: Asking) -> None:
        self._ground, self._asking = ground, asking
        self._routed: tuple[Any, ...] = ()

    def route(self) -> None:
        """Find the way through her list anew, when the list, the store or her place has changed."""
        state = self._ground.state
        stops = tuple(self._stops())
        here = state.located
        if here is None or not state.inside or state.plan is None or not stops:
            changed, self._routed = bool(state.route.legs), ()
            state.route = type(state.route)()
            if changed:
                self._ground.tell("map", "near", "wishlist")
            return
        east_m, north_m = state.plan.plane(here.point)
        sought = (state.store, stops, round(east_m / MOVED_M), round(north_m / MOVED_M))
        if sought == self._routed:
            return
        self._routed, aisles = sought, state.plan.aisles
        self._asking.work_out("route", lambda: find_route(aisles, here.point, stops), self._have_route)

    def _have_route(self, route: Any) -> None:
        self._ground.state.route = route
        self._ground.tell("map", "near")

    def _stops(self) -> Iterator[Stop]:
        state = self._ground.state
        for item in state.wishes.wanted:
            place = state.place_of(item)
            if place is not None:
                product = state.product_of(item)
                kind = (item.segment or (product.segment if product else None) or "").casefold()
                yield Stop(item.id, place[0], last=any(cold in kind for cold in COLD))
