"""What a browser gets: the page, its files, and a place to complain at."""

from __future__ import annotations

import logging

from flask import Blueprint, Response, jsonify, make_response, request

from endcap.errors import NotAuthorised, Refused, Unreachable
from endcap.messages import CustomerAlert
from endcap_lite import words
from endcap_lite.api import visit_of_request
from endcap_lite.assets import asset, worker
from endcap_lite.page import language_asked, page
from endcap_lite.services import Services

log = logging.getLogger("endcap.lite")

PAPER, LEAF = "#fafaf0", "#44673b"  # as in lite.css
YEAR_S = 365 * 24 * 3600
_REPORT_BYTES = 8192


def known_offers(services: Services, visit: str | None) -> list[CustomerAlert]:
    """Her offers, as far as they can be had now."""
    try:
        return services.offers.of(visit) if visit else []
    except (Unreachable, Refused, NotAuthorised):
        return []


def blueprint(services: Services) -> Blueprint:
    pages = Blueprint("pages", __name__)

    @pages.get("/")
    def get_page() -> Response:
        """The page. It sets no state and no cookie: nothing is kept of who only looks."""
        return page(services, offers=known_offers(services, visit_of_request(services)))

    @pages.get("/z/<text>")
    @pages.get("/Z/<text>")
    def get_sign(text: str) -> Response:
        """A scanned sign: the page, at that zone if the sign is one of ours. Nothing is claimed yet: link previews
        and prefetching come here, too."""
        claim = services.keyring.claim(text, services.zones)
        return page(services, claim=claim, offers=known_offers(services, visit_of_request(services)))

    @pages.get("/help")
    def get_help() -> Response:
        """How to allow location after all, in this browser: asked for when she has refused."""
        sentence = words.settings_help(request.user_agent.string)
        response = make_response(words.catalogue(language_asked())[sentence])
        response.mimetype = "text/plain"
        return response

    @pages.get("/static/<name>")
    def get_static(name: str) -> Response:
        try:
            found = asset(name)
        except FileNotFoundError:
            return make_response("There is no such file.\n", 404)
        response = make_response(found.body)
        response.mimetype = found.mimetype
        response.cache_control.public = True
        response.cache_control.max_age = YEAR_S
        response.cache_control.immutable = True
        return response

    @pages.get("/icon.svg")
    def get_icon() -> Response:
        return get_static("icon.svg")

    @pages.get("/offline")
    def get_offline() -> Response:
        """The page as a stranger gets it: the worker keeps this one for when there is no network."""
        return page(services)

    @pages.get("/sw.js")
    def get_worker() -> Response:
        response = make_response(worker(f"/offline?lang={language_asked()}"))
        response.mimetype = "text/javascript"
        response.cache_control.no_cache = True
        return response

    @pages.get("/manifest.webmanifest")
    def get_manifest() -> Response:
        """What a phone needs to know to put the page on its home screen."""
        name = services.settings.store_name or "Endcap"
        icon = {"src": "/icon.svg", "sizes": "any", "type": "image/svg+xml", "purpose": "any"}
        response = jsonify(
            name=name, short_name=name[:12], start_url="/", display="standalone", icons=[icon],
            background_color=PAPER, theme_color=LEAF,
        )  # fmt: skip
        response.mimetype = "application/manifest+json"
        return response

    @pages.get("/captive")
    def get_captive() -> Response:
        """The store Wi-Fi's captive portal API (RFC 8908): nobody is held, and this page tells about the place."""
        venue = services.settings.public_url or request.host_url.rstrip("/")
        response = jsonify({"captive": False, "venue-info-url": f"{venue}/"})
        response.mimetype = "application/captive+json"
        response.cache_control.private = True
        response.cache_control.max_age = 300
        return response

    @pages.post("/csp")
    def post_csp() -> Response:
        """A browser reports that our policy stopped something: always worth a look."""
        report = request.get_data()[:_REPORT_BYTES].decode(errors="replace")
        log.warning("a browser reports a breach of our policy: %s", report)
        return make_response("", 204)

    @pages.get("/healthz")
    def get_health() -> Response:
        """`waiting`: fixes the backend has not taken yet; `lost`: those it never will, by reason."""
        return jsonify(status="ok", waiting=services.relay.waiting(), lost=services.outbox.lost)

    return pages
