"""create_app: the lite server as a Flask application."""

from __future__ import annotations

from flask import Flask, Response, request

from endcap_lite import api, claims, desk, pages
from endcap_lite.buckets import TooMany
from endcap_lite.services import Services
from endcap_lite.web import file_headers, is_foreign, page_headers, problem, too_many, zipped

WORKER_PATH = "/sw.js"  # its requests are held to its own policy, not to the page's
MAX_BODY_BYTES = 64 * 1024  # 200 fixes are 24 kB


def create_app(services: Services) -> Flask:
    """The application over started `services`; it keeps nothing of its own."""
    app = Flask("endcap_lite", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    of_pages, of_files = page_headers(services.settings), file_headers(services.settings)

    @app.before_request
    def refuse_foreign_posts() -> Response | None:
        if request.method != "GET" and request.path != "/csp" and is_foreign(request, services.settings):
            return problem(403, "Not from this page", "Only the page itself may post here.")
        return None

    @app.after_request
    def finish(response: Response) -> Response:
        runs = response.mimetype == "text/html" or request.path == WORKER_PATH
        response.headers.extend(of_pages if runs else of_files)
        return zipped(request, response)

    @app.errorhandler(404)
    @app.errorhandler(405)
    @app.errorhandler(413)
    def refuse(fault: Exception) -> Response:
        status = getattr(fault, "code", 400)
        return problem(status, getattr(fault, "name", "Bad request"), getattr(fault, "description", ""))

    @app.errorhandler(TooMany)
    def refuse_for_now(fault: TooMany) -> Response:
        return too_many(problem(429, "Too many visits from this address", str(fault)), fault.wait_s)

    app.register_blueprint(api.blueprint(services))
    app.register_blueprint(claims.blueprint(services))
    app.register_blueprint(desk.blueprint(services))
    app.register_blueprint(pages.blueprint(services))
    return app
