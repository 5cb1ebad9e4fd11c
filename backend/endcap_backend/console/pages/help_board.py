"""The board: who waits for somebody."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, g, request

from endcap_backend.api.problems import Problem
from endcap_backend.api.roles import Role
from endcap_backend.console.pages.frame import page, stores_of
from endcap_backend.console.parts import Console


def add_to(routes: Blueprint, console: Console) -> None:
    @routes.get("/help")
    @console.door.open_to()
    def get_help() -> Response:
        return _board(console)

    @routes.get("/board")
    @console.door.open_to()
    def get_board() -> Response:
        """The middle of the board, for the script."""
        _, store = stores_of(console)
        return page("board.html", store=store, **_waiting(console, store))

    @routes.post("/help")
    @console.door.open_to(Role.STAFF)
    def post_help() -> Response:
        """Somebody takes a call on, comes, or is done with it."""
        try:
            console.help.change(request.form.get("id", ""), g.guest.employee, {"state": request.form.get("state", "")})
        except Problem as fault:
            return _board(console, said=f"Not so: {fault.detail}.", bad=True, status=fault.status)
        return _board(console)


def _board(console: Console, **more: Any) -> Response:
    stores, store = stores_of(console)
    return page("help.html", stores=stores, store=store, **_waiting(console, store), **more)


def _waiting(console: Console, store: str) -> dict[str, Any]:
    calls = console.help.waiting(store)
    names = console.counter.names(each["sku"] for each in calls if each.get("sku") is not None)
    return {"calls": calls, "names": names, "now": console.clock.now()}
