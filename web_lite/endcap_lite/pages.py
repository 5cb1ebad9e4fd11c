"""The page itself, in each of its states, and the form that works without scripts."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from threading import Event
from typing import Any

from flask import Blueprint, Response, jsonify, make_response, render_template, request
from markupsafe import Markup

from endcap.errors import NotAuthorised, Refused, Unreachable
from endcap.messages import CustomerAlert, CustomerLocation
from endcap.wire import epoch_ms
from endcap_lite import words
from endcap_lite.api import visit_of_request
from endcap_lite.assets import asset
from endcap_lite.fixes import AISLE_M
from endcap_lite.services import Services
from endcap_lite.web import set_cookie
from endcap_lite.zones import LISTED, Zone

log = logging.getLogger("endcap.lite")

SIGN_ACCURACY_M = 3.0  # who reads a sign stands before it
LOOKS_S = (0.05, 0.1, 0.2, 0.4, 0.8)  # how a page without scripts waits for its offers; 1.5 s in all
METRES_PER_FOOT = 0.3048
_REPORT_BYTES = 8192


def blueprint(services: Services) -> Blueprint:
    pages = Blueprint("pages", __name__)

    @pages.get("/")
    def get_page() -> Response:
        """The page. It sets no state and no cookie: nothing is kept of who only looks."""
        visit = visit_of_request(services)
        return _page(services, offers=_known(services, visit) if visit else ())

    @pages.post("/sign")
    def post_sign() -> Response:
        """She says which sign she sees. Scripts get JSON, and their offers by stream; a form gets the page."""
        zone = services.zones.get(request.form.get("zone", ""))
        wants_json = request.accept_mimetypes.best == "application/json"
        if zone is None:
            return jsonify(say="bad_code") if wants_json else _page(services, said="bad_code")
        visit, secret = visit_of_request(services), ""
        if visit is None:
            visit, secret = services.visits.open()
        before = {offer.id for offer in _known(services, visit)} if not wants_json else set()
        services.relay.put([_location(services, visit, zone)])
        if wants_json:
            response = jsonify(say="claimed", zone=zone.name)
        else:
            offers = _awaited(services, visit, before)
            response = _page(services, said="claimed" if offers else "claimed_none", zone=zone, offers=offers)
        if secret:
            set_cookie(response, services.settings, secret)
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
        response.cache_control.max_age = 365 * 24 * 3600
        response.cache_control.immutable = True
        return response

    @pages.get("/icon.svg")
    def get_icon() -> Response:
        return get_static("icon.svg")

    @pages.post("/csp")
    def post_csp() -> Response:
        """A browser reports that our policy stopped something: always worth a look."""
        report = request.get_data()[:_REPORT_BYTES].decode(errors="replace")
        log.warning("a browser reports a breach of our policy: %s", report)
        return make_response("", 204)

    @pages.get("/healthz")
    def get_health() -> Response:
        return jsonify(status="ok", waiting=services.relay.waiting())

    return pages


def _page(
    services: Services, *, said: str = "", zone: Zone | None = None, offers: Sequence[CustomerAlert] = ()
) -> Response:
    language = words.best_language(request.args.get("lang"), request.accept_languages)
    sentences = words.catalogue(language)
    settings = services.settings
    html = render_template(
        "lite.html",
        language=language,
        direction=words.direction(language),
        words=sentences,
        scripted=_attribute(words.scripted(language)),
        settings_help=words.settings_help(request.user_agent.string),
        store_name=settings.store_name,
        hours=settings.kept_hours,
        vague_m=int(AISLE_M),
        zones=list(services.zones)[:LISTED],
        zone=zone,
        said=sentences[said].format(zone=zone.name if zone else "") if said else "",
        offers=[_card(offer, sentences) for offer in offers],
        asset=lambda name: asset(name).url,
    )
    response = make_response(html)
    response.cache_control.no_store = True
    response.vary.update(["Accept-Language", "Cookie"])
    return response


def _attribute(value: object) -> Markup:
    """JSON for an attribute in single quotes: shorter than with every double quote escaped."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("&", "&amp;").replace("'", "&#39;"))


def _card(offer: CustomerAlert, sentences: Any) -> dict[str, str]:
    metres = None if offer.distance_ft is None else f"{offer.distance_ft * METRES_PER_FOOT:.0f} m"
    until = sentences["until"].format(time=f"{offer.expires_at:%H:%M} UTC")
    return {
        "kind": offer.kind,
        "title": offer.title,
        "why": offer.why,
        "where": " · ".join(part for part in (metres, offer.section, until) if part),
    }


def _location(services: Services, visit: str, zone: Zone) -> CustomerLocation:
    now = services.clock.now()
    return CustomerLocation(
        uid=visit,
        id=f"{visit}:{epoch_ms(now)}",
        latitude_deg=zone.point.latitude_deg,
        longitude_deg=zone.point.longitude_deg,
        accuracy_m=SIGN_ACCURACY_M,
        taken_at=now,
        source="manual",
        store=zone.store,
        country=services.settings.country,
    )


def _known(services: Services, visit: str) -> list[CustomerAlert]:
    try:
        return services.offers.of(visit)
    except (Unreachable, Refused, NotAuthorised):
        return []


def _awaited(services: Services, visit: str, before: set[str]) -> list[CustomerAlert]:
    """Her offers once a new one is there, or what there is after a second and a half."""
    offers: list[CustomerAlert] = []
    for wait_s in LOOKS_S:
        services.clock.wait(Event(), wait_s)
        offers = _known(services, visit)
        if any(offer.id not in before for offer in offers):
            break
    return offers
