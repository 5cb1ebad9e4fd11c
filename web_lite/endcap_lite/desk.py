"""What a shopper asks of the shop beyond its offers: one offer from close by, help, her orders, a list shared with her.

Plain pages and forms: they weigh nothing on the first view, and work without scripts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from flask import Blueprint, Response, make_response, redirect, render_template, request

from endcap.errors import NotAuthorised, Refused, Unreachable
from endcap.messages import CustomerAlert
from endcap.transports.api import Api, Reply
from endcap_lite import words
from endcap_lite.api import open_visit, unknown_visit, visit_of_request
from endcap_lite.assets import asset
from endcap_lite.page import card, language_asked
from endcap_lite.pages import known_offers
from endcap_lite.services import Services
from endcap_lite.web import away, problem, set_cookie
from endcap_lite.zones import LISTED

MOST_CHARS = 256  # of what she writes to the staff
HELP_STATES = {
    "queued": "ask_queued",
    "accepted": "ask_accepted",
    "coming": "ask_coming",
    "done": "ask_done",
    "cancelled": "ask_cancelled",
}
ORDER_STATES = {"preparing": "order_preparing", "ready": "order_ready", "collected": "order_collected"}
OPEN = ("queued", "accepted", "coming")  # states of a request that somebody still works on
SHOWN = 20  # rows of any list here
SKU = r"[0-9]{1,19}"  # 64 bits


def blueprint(services: Services) -> Blueprint:
    desk = Blueprint("desk", __name__)

    @desk.get("/offer/<id>")
    def get_offer(id: str) -> Response:
        """One offer of hers, what there is instead, and somebody to ask."""
        visit = visit_of_request(services)
        offer = next((each for each in known_offers(services, visit) if each.id == id), None)
        if visit is None or offer is None:
            return _shown("gone.html", status=404)
        return _shown(
            "offer.html",
            offer=card(offer, words.catalogue(language_asked())),
            alert=offer,
            instead=_alternatives(services, offer),
            push_key=services.backend.push_key(),
        )

    @desk.post("/push")
    def post_push() -> Response:
        """Her browser's push subscription, for the backend to keep."""
        visit = visit_of_request(services)
        if visit is None:
            return unknown_visit()
        subscription = request.get_json(silent=True)
        try:
            services.backend.ask(visit, lambda api, token: api.put("/push", subscription, token))
        except Unreachable as fault:
            return away(fault.retry_after_s)
        except (Refused, NotAuthorised) as fault:
            return problem(422, "The subscription was not taken", str(fault))
        return make_response("", 204)

    @desk.get("/ask")
    def get_ask() -> Response:
        """The form to ask for help by."""
        return _shown("ask.html", zones=list(services.zones)[:LISTED])

    @desk.post("/ask")
    def post_ask() -> Response:
        """She asks for help: at a place of the list, or at the offer whose page she comes from."""
        visit, secret = visit_of_request(services), ""
        if visit is None:
            visit, secret = open_visit(services)
        wanted = _wanted(services)
        if wanted is None:
            return _shown("ask.html", zones=list(services.zones)[:LISTED], said="ask_where", status=422)
        answer = _asked(services, visit, lambda api, token: api.post("/help", wanted, token))
        response = answer if isinstance(answer, Response) else _to_request(answer)
        if secret:
            set_cookie(response, services.settings, secret)
        return response

    @desk.get("/ask/<id>")
    def get_request(id: str) -> Response:
        """How far her request is."""
        path = "/help/" + quote(id, safe="")
        return _of_hers(services, path, lambda found: _shown("asked.html", found=found, states=HELP_STATES, open=OPEN))

    @desk.post("/ask/<id>/cancel")
    def post_cancel(id: str) -> Response:
        visit = visit_of_request(services)
        if visit is None:
            return _shown("gone.html", status=404)
        path = "/help/" + quote(id, safe="")
        answer = _asked(services, visit, lambda api, token: api.patch(path, {"state": "cancelled"}, token))
        return answer if isinstance(answer, Response) else _to_request(answer)

    @desk.get("/orders")
    def get_orders() -> Response:
        """What she has ordered and comes to fetch."""
        return _of_hers(services, "/pickups", _orders)

    @desk.get("/ready")
    def get_ready() -> Response:
        """A line on each order that waits for her, for the script: it hears only that there is one."""

        def told(found: Mapping[str, Any]) -> Response:
            response = make_response(
                " ".join(_told(each) for each in found.get("orders", ()) if each["state"] == "ready")
            )
            response.mimetype = "text/plain"
            return response

        return _of_hers(services, "/pickups", told)

    @desk.get("/list/<code>")
    def get_list(code: str) -> Response:
        """A wishlist that somebody shared, each thing with its place."""
        try:
            found = services.backend.look_up("/shared/" + quote(code, safe=""))
        except Refused:
            return _shown("gone.html", status=404)
        except Unreachable as fault:
            return away(fault.retry_after_s)
        return _shown("list.html", rows=_listed(services, found.get("items", ())[:SHOWN]))

    return desk


def _shown(template: str, *, status: int = 200, said: str = "", **more: Any) -> Response:
    language = language_asked()
    sentences = words.catalogue(language)
    html = render_template(
        template,
        language=language,
        direction=words.direction(language),
        words=sentences,
        said=sentences[said] if said else "",
        asset=lambda name: asset(name).url,
        query=_language_kept(),
        **more,
    )
    response = make_response(html, status)
    response.cache_control.no_store = True
    response.vary.update(["Accept-Language", "Cookie"])
    return response


def _language_kept() -> str:
    """The query by which the next page speaks the language that she chose on this one."""
    return "?" + urlencode({"lang": request.args["lang"]}) if "lang" in request.args else ""


def _of_hers(services: Services, path: str, show: Callable[[Mapping[str, Any]], Response]) -> Response:
    """A page of what the backend holds of her; who has no visit has nothing there."""
    visit = visit_of_request(services)
    if visit is None:
        return _shown("gone.html", status=404)
    answer = _asked(services, visit, lambda api, token: api.get(path, token))
    return answer if isinstance(answer, Response) else show(answer.body)


def _orders(found: Mapping[str, Any]) -> Response:
    return _shown("orders.html", orders=found.get("orders", ())[:SHOWN], states=ORDER_STATES)


def _told(order: Mapping[str, Any]) -> str:
    sentences = words.catalogue(language_asked())
    door = f" · {sentences['order_door'].format(door=order['door'])}" if order.get("door") else ""
    return f"{order['id']}: {sentences['order_ready']}{door}."


def _asked(services: Services, visit: str, call: Callable[[Api, str], Reply]) -> Reply | Response:
    """The backend's answer, or the page that says why there is none."""
    try:
        return services.backend.ask(visit, call)
    except Unreachable:
        return _shown("gone.html", said="away", status=503)
    except NotAuthorised:
        return _shown("gone.html", status=404)
    except Refused as fault:
        busy = fault.status in (409, 429)
        return _shown("gone.html", said="ask_already" if busy else "", status=fault.status if busy else 404)


def _wanted(services: Services) -> dict[str, Any] | None:
    """The body of a request for help, None when the form names no place."""
    form = request.form
    zone = services.zones.get(form.get("zone", ""))
    store = zone.store if zone else form.get("store", "")
    if not store:
        return None
    wanted: dict[str, Any] = {"store": store}
    section = zone.name if zone else form.get("section", "")
    if section:
        wanted["section"] = section
    if re.fullmatch(SKU, form.get("sku", "")):
        wanted["sku"] = int(form["sku"])
    if text := " ".join(form.get("text", "").split())[:MOST_CHARS]:
        wanted["text"] = text
    return wanted


def _to_request(reply: Reply) -> Response:
    return make_response(redirect(f"/ask/{quote(str(reply.body['id']), safe='')}{_language_kept()}", 303))


def _alternatives(services: Services, offer: CustomerAlert) -> list[Mapping[str, Any]]:
    """What there is instead of an offer's product; nothing when the backend does not say."""
    if offer.sku is None:
        return []
    query = urlencode({"store": offer.store} if offer.store else {})
    try:
        found = services.backend.look_up(f"/products/{offer.sku}/alternatives?{query}")
    except (Unreachable, Refused, NotAuthorised):
        return []
    return list(found.get("alternatives", ()))[:SHOWN]


def _listed(services: Services, items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The things on a list, with the sections they stand in as long as the backend says so."""
    rows, away = [], False
    for item in items:
        places: dict[str, None] = {}
        try:
            places = {} if away else _places(services, item.get("text", ""))
        except Unreachable:  # each more would make her wait as long again
            away = True
        rows.append({"text": item.get("text", ""), "quantity": item.get("quantity", 1), "where": ", ".join(places)})
    return rows


def _places(services: Services, wanted: str) -> dict[str, None]:
    """The sections where what is wanted stands, the best first."""
    try:
        found = services.backend.look_up("/products?" + urlencode({"q": wanted, "limit": 3}))
    except (Refused, NotAuthorised):
        return {}
    return dict.fromkeys(each["section"] for each in found.get("products", ()) if each.get("section"))
