"""She says where she is: by a scanned sign, a typed code or the list. And the display of a till, whose sign rotates."""

from __future__ import annotations

from threading import Event

from flask import Blueprint, Response, jsonify, make_response, render_template, request

from endcap.messages import CustomerAlert, CustomerLocation
from endcap.wire import epoch_ms
from endcap_lite import words
from endcap_lite.api import open_visit, unknown_visit, visit_of_request
from endcap_lite.buckets import Buckets
from endcap_lite.page import language_asked, page
from endcap_lite.pages import known_offers
from endcap_lite.services import Services
from endcap_lite.signs.codes import zone_of
from endcap_lite.signs.keys import Claim
from endcap_lite.signs.qr import qr_of
from endcap_lite.web import away, set_cookie, too_many

SIGN_ACCURACY_M = 3.0  # who reads a sign stands before it
LOOKS_S = (0.05, 0.1, 0.2, 0.4, 0.8)  # how a page without scripts waits for its offers; 1.5 s in all
TRIES, TRIES_EACH_S = 10, 6.0  # claims that fail, from one address: so many at once, then one each so many seconds


def blueprint(services: Services) -> Blueprint:
    claims = Blueprint("claims", __name__)
    tries = Buckets(TRIES, TRIES_EACH_S, services.clock)

    @claims.post("/sign")
    def post_sign() -> Response:
        """Her claim. Scripts get JSON, and their offers by stream; a form gets the page with them."""
        who = request.remote_addr or ""
        wait_s = tries.wait_s(who)
        claim = _claim(services) if wait_s == 0 else None
        if claim is not None:
            return _claim_by_script(services, claim) if _is_script() else _claim_by_form(services, claim)
        tries.take(who)
        return _said(services, "bad_code") if wait_s == 0 else too_many(_said(services, "too_many"), wait_s)

    @claims.get("/till/<text>")
    def get_till(text: str) -> Response:
        """A till's display: the zone's sign of this half minute."""
        found = services.keyring.till(text, services.zones)
        if found is None:
            return make_response("This display is not known, or its key was revoked.\n", 404)
        key, zone = found
        url = f"{services.settings.public_url or request.host_url.rstrip('/')}/z/{services.keyring.text(key, zone)}"
        language = language_asked()
        code = qr_of(url).svg_inline(scale=8, border=4, light="#fff", omitsize=True)
        html = render_template("till.html", language=language, words=words.catalogue(language), zone=zone, code=code)
        response = make_response(html)
        response.cache_control.no_store = True
        return response

    return claims


def _claim_by_script(services: Services, claim: Claim) -> Response:
    visit = visit_of_request(services)
    if visit is None:
        return unknown_visit()  # its page has joined before: the cookie did not last
    if not services.relay.put([_location(services, visit, claim)]):
        return away(None)
    return jsonify(say="claimed", zone=claim.zone.name)


def _claim_by_form(services: Services, claim: Claim) -> Response:
    visit, secret = visit_of_request(services), ""
    if visit is None:
        visit, secret = open_visit(services)
    before = {offer.id for offer in known_offers(services, visit)}
    if not services.relay.put([_location(services, visit, claim)]):
        return page(services, said="away", status=503)
    offers = _awaited(services, visit, before)
    said = "claimed" if any(offer.id not in before for offer in offers) else "nothing_new"
    response = page(services, said=said, claim=claim, offers=offers)
    if secret:
        set_cookie(response, services.settings, secret)
    return response


def _is_script() -> bool:
    return request.accept_mimetypes.best == "application/json"


def _said(services: Services, name: str) -> Response:
    return jsonify(say=name) if _is_script() else page(services, said=name)


def _claim(services: Services) -> Claim | None:
    form = request.form
    if form.get("sign"):
        return services.keyring.claim(form["sign"], services.zones)
    typed = form.get("code", "").strip()
    zone = zone_of(typed, services.keyring, services.zones) if typed else services.zones.get(form.get("zone", ""))
    return Claim(zone, 0) if zone else None


def _location(services: Services, visit: str, claim: Claim) -> CustomerLocation:
    now = services.clock.now()
    return CustomerLocation(
        uid=visit,
        id=f"{visit}:{epoch_ms(now)}",
        latitude_deg=claim.zone.point.latitude_deg,
        longitude_deg=claim.zone.point.longitude_deg,
        accuracy_m=SIGN_ACCURACY_M,
        taken_at=now,
        source="sign" if claim.level else "manual",
        sign=claim.sign,
        store=claim.zone.store,
        country=services.settings.country,
    )


def _awaited(services: Services, visit: str, before: set[str]) -> list[CustomerAlert]:
    """Her offers once a new one is there, or what there is after a second and a half."""
    offers: list[CustomerAlert] = []
    for wait_s in LOOKS_S:
        services.clock.wait(Event(), wait_s)
        offers = known_offers(services, visit)
        if any(offer.id not in before for offer in offers):
            break
    return offers
