"""What the page's script calls: consent and stream, fixes, polling, stop."""

from __future__ import annotations

import logging
from urllib.parse import quote

from flask import Blueprint, Response, jsonify, make_response, request

from endcap.errors import BadMessage, NotAuthorised, Refused, Unreachable
from endcap.wire import epoch_ms, parse_json
from endcap_lite.buckets import TooMany
from endcap_lite.fixes import read_fixes
from endcap_lite.services import Services
from endcap_lite.settings import ABLY_CLOUD
from endcap_lite.web import away, cookie_name, drop_cookie, problem, set_cookie

log = logging.getLogger("endcap.lite")

SSE_VERSION = "1.2"  # of Ably's protocol


KEY_HEADER = "X-Visit"  # a browser that keeps no cookie sends the visit's secret itself


def visit_of_request(services: Services) -> str | None:
    """The id of the visit that this browser's cookie, or key, opens."""
    secret = request.cookies.get(cookie_name(services.settings)) or request.headers.get(KEY_HEADER)
    return services.visits.opened_by(secret) if secret else None


def open_visit(services: Services) -> tuple[str, str]:
    """A new visit and its secret.

    Raises:
        TooMany: from this address, for now.
    """
    address = request.remote_addr or ""
    wait_s = services.openings.wait_s(address)
    if wait_s > 0:
        raise TooMany(wait_s)
    services.openings.take(address)
    return services.visits.open()


def blueprint(services: Services) -> Blueprint:
    api = Blueprint("api", __name__)

    @api.post("/stream")
    def post_stream() -> Response:
        """Her yes: opens the visit if there is none yet, and says where her offers stream from, and for how long.

        A new visit's secret goes into the cookie; with `?keyed`, which a page asks for when cookies did not last, into
        the answer as well.
        """
        secret = ""
        visit = visit_of_request(services)
        if visit is None:
            visit, secret = open_visit(services)
        response = _ticket(services, visit, secret if "keyed" in request.args else "")
        if secret:
            set_cookie(response, services.settings, secret)
        return response

    @api.post("/fix")
    def post_fix() -> Response:
        """202: the fixes named `accepted` are on this server's disk and go out from there."""
        visit = visit_of_request(services)
        if visit is None:
            return unknown_visit()
        try:
            taken, rejected = read_fixes(
                parse_json(request.get_data()),
                visit_id=visit,
                received_at=services.clock.now(),
                country=services.settings.country,
            )
        except BadMessage as fault:
            return problem(400, "The fixes can't be read", str(fault), field=fault.field)
        errors = [each.to_json() for each in rejected]
        if not taken:
            return problem(422, "No fix could be taken", "Each is named in errors.", errors=errors)
        if not services.relay.put(taken):
            return away(5.0)
        response = jsonify(accepted=len(taken), rejected=errors)
        response.status_code = 202
        return response

    @api.get("/offers")
    def get_offers() -> Response:
        """Her live offers, newest first, with an ETag: the way of browsers that no stream reaches."""
        visit = visit_of_request(services)
        if visit is None:
            return unknown_visit()
        try:
            offers = services.offers.of(visit)
        except (Unreachable, Refused) as fault:
            return away(getattr(fault, "retry_after_s", None))
        except NotAuthorised:
            return unknown_visit()
        response = jsonify(offers=[offer.to_json() for offer in offers])
        response.add_etag()
        response.cache_control.private = True
        response.cache_control.no_cache = True
        response.make_conditional(request)
        return response

    @api.post("/stop")
    def post_stop() -> Response:
        """Her no: what waits is thrown away at once, and the backend is told to erase the rest."""
        visit = visit_of_request(services)
        if visit is not None:
            services.relay.forget(visit)
            services.offers.forget(visit)
        response = make_response("", 204)
        drop_cookie(response, services.settings)
        return response

    return api


def _ticket(services: Services, visit: str, key: str) -> Response:
    try:
        ticket = services.backend.page_token(visit)
    except (Unreachable, Refused, NotAuthorised) as fault:
        return away(getattr(fault, "retry_after_s", None))
    now = services.clock.now()
    if (ticket.endpoint or ABLY_CLOUD) != services.settings.ably_url:
        log.error("the backend uses another Ably (%s) than --ably-endpoint says: no offer will come", ticket.endpoint)
    query = f"v={SSE_VERSION}&channels={quote(ticket.channel, safe='')}&accessToken={quote(ticket.token, safe='')}"
    return jsonify(
        url=f"{services.settings.ably_url}/sse?{query}",
        seconds=max(1, int((ticket.expires_at - now).total_seconds())),
        now=epoch_ms(now),
        **({"visit": key} if key else {}),
    )


def unknown_visit() -> Response:
    return problem(401, "This visit is not known", "It was stopped, or is over a day old; POST /stream begins another.")
