"""Signing in and out."""

from __future__ import annotations

from flask import Blueprint, Response, request

from endcap_backend.api.problems import Problem
from endcap_backend.console.pages.frame import page
from endcap_backend.console.parts import Console


def add_to(routes: Blueprint, console: Console) -> None:
    door = console.door

    @routes.get("/sign-in")
    def get_sign_in() -> Response:
        return page("sign_in.html")

    @routes.post("/sign-in")
    def post_sign_in() -> Response:
        if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
            raise Problem("forbidden", "sign in on the console's own page")
        try:
            return door.enter(request.form.get("name", "")[:64], request.form.get("password", "")[:256])
        except Problem as fault:
            response = page("sign_in.html", said=f"Not signed in: {fault.detail}.", bad=True, status=fault.status)
            if fault.retry_after_s is not None:
                response.headers["Retry-After"] = str(int(fault.retry_after_s) + 1)
            return response

    @routes.post("/sign-out")
    @door.open_to()
    def post_sign_out() -> Response:
        return door.leave()
