"""The console's pages, one file a page, each over what it shows; nothing is kept here."""

from __future__ import annotations

from flask import Blueprint, Response

from endcap_backend.console.pages import (
    assets,
    entrance,
    funnel,
    help_board,
    live_map,
    plan,
    promotions,
    shelves,
    stream,
    trail,
)
from endcap_backend.console.parts import Console

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "same-origin",
}
PAGES = (entrance, live_map, help_board, stream, promotions, shelves, plan, funnel, trail)


def blueprint(console: Console) -> Blueprint:
    routes = Blueprint("console", "endcap_backend.console", template_folder="templates", url_prefix="/console")

    @routes.after_request
    def close(response: Response) -> Response:
        response.headers.update(HEADERS)
        return response

    for page in PAGES:
        page.add_to(routes, console)
    assets.add_to(routes)
    return routes
