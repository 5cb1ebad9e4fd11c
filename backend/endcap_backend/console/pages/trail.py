"""Who changed what, when and how."""

from __future__ import annotations

from flask import Blueprint, Response

from endcap_backend.api.roles import Role
from endcap_backend.console.pages.frame import page
from endcap_backend.console.parts import Console


def add_to(routes: Blueprint, console: Console) -> None:
    @routes.get("/trail")
    @console.door.open_to(Role.MANAGER)
    def get_trail() -> Response:
        return page("trail.html", trail=console.counter.trail())
