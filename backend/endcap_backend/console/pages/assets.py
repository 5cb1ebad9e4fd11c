"""The style sheet and the scripts."""

from __future__ import annotations

from importlib import resources

from flask import Blueprint, Response, make_response, request

from endcap_backend.api.problems import Problem

TYPES = {"css": "text/css", "js": "text/javascript"}


def add_to(routes: Blueprint) -> None:
    @routes.get("/static/<name>")
    def get_static(name: str) -> Response:
        found = resources.files("endcap_backend.console").joinpath("static")
        if name not in {each.name for each in found.iterdir()}:
            raise Problem("not_found", "there is no such file")
        response = make_response(found.joinpath(name).read_bytes())
        response.mimetype = TYPES[name.rpartition(".")[2]]
        response.headers["Cache-Control"] = "no-cache"
        response.add_etag()
        response.make_conditional(request)
        return response
