"""The console's pages, each over what it shows; nothing is kept here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from importlib import resources
from typing import Any, cast, get_args

from flask import Blueprint, Response, g, make_response, render_template, request

from endcap.errors import BadMessage
from endcap.messages import StoreProduct
from endcap.wire import epoch_ms
from endcap_backend.api.bodies import answer
from endcap_backend.api.problems import Problem
from endcap_backend.api.roles import Role
from endcap_backend.console.floor import Floor, Spot
from endcap_backend.console.flow import flow
from endcap_backend.console.forms import PROMOTION_FIELDS, SHELF_FIELDS, filled, form_of, takes_off
from endcap_backend.console.funnel import STEPS, By, funnel, totals
from endcap_backend.console.parts import Console
from endcap_backend.retail.terms import ShopPromotion

NAV = (
    ("/console", "Live map"),
    ("/console/help", "Help"),
    ("/console/stream", "Stream"),
    ("/console/promotions", "Promotions"),
    ("/console/shelves", "Shelves"),
    ("/console/funnel", "Funnel"),
    ("/console/trail", "Audit trail"),
)
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "same-origin",
}
TYPES = {"css": "text/css", "js": "text/javascript"}
SHELVES = 2000  # drawn; more make no picture
ROWS = 500  # of a table; of 20,000 promotions the page was 7 MB
MAX_HOURS = 24 * 90


def blueprint(console: Console) -> Blueprint:
    pages = Blueprint("console", __name__, template_folder="templates", url_prefix="/console")
    door, counter = console.door, console.counter

    @pages.after_request
    def close(response: Response) -> Response:
        response.headers.update(HEADERS)
        return response

    @pages.get("/sign-in")
    def get_sign_in() -> Response:
        return _page("sign_in.html")

    @pages.post("/sign-in")
    def post_sign_in() -> Response:
        if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
            raise Problem("forbidden", "sign in on the console's own page")
        try:
            return door.enter(request.form.get("name", "")[:64], request.form.get("password", "")[:256])
        except Problem as fault:
            response = _page("sign_in.html", said=f"Not signed in: {fault.detail}.", bad=True)
            response.status_code = fault.status
            if fault.retry_after_s is not None:
                response.headers["Retry-After"] = str(int(fault.retry_after_s) + 1)
            return response

    @pages.post("/sign-out")
    @door.open_to()
    def post_sign_out() -> Response:
        return door.leave()

    @pages.get("")
    @door.open_to()
    def get_floor() -> Response:
        """The live map of a store."""
        stores, store = _stores(console)
        shelves = counter.shelves(store)
        floor = console.floor(store, shelves) if store else None
        on_offer = _promoted(shelves, console.live())
        return _page(
            "floor.html",
            stores=stores,
            store=store,
            promoted=[each for each in shelves if each.sku in on_offer and each.stock != 0],
            dots=console.dots(floor) if floor else (),
            **_drawn(floor, shelves, on_offer),
        )

    @pages.get("/live")
    @door.open_to()
    def get_live() -> Response:
        """The dots of a store, for the script."""
        floor = console.drawn(request.args.get("store", ""))
        return answer({"dots": console.dots(floor) if floor else []})

    @pages.get("/help")
    @door.open_to()
    def get_help() -> Response:
        """The board: who waits for somebody."""
        return _board(console)

    @pages.get("/board")
    @door.open_to()
    def get_board() -> Response:
        """The middle of the board, for the script."""
        _, store = _stores(console)
        return _page("board.html", store=store, calls=console.help.waiting(store), now=console.clock.now())

    @pages.post("/help")
    @door.open_to(Role.STAFF)
    def post_help() -> Response:
        """Somebody takes a call on, comes, or is done with it."""
        try:
            console.help.change(request.form.get("id", ""), g.guest.employee, {"state": request.form.get("state", "")})
        except Problem as fault:
            return _board(console, said=f"Not so: {fault.detail}.", bad=True, status=fault.status)
        return _board(console)

    @pages.get("/stream")
    @door.open_to()
    def get_stream() -> Response:
        return _page("stream.html", pipeline=console.pipeline, **_lineage(console))

    @pages.get("/lineage")
    @door.open_to()
    def get_lineage() -> Response:
        """The middle of the stream's page, for the script."""
        return _page("lineage.html", **_lineage(console))

    @pages.get("/funnel")
    @door.open_to()
    def get_funnel() -> Response:
        by = cast(By, _one_of("by", get_args(By)))
        hours = min(max(request.args.get("hours", 24, int), 1), MAX_HOURS)
        since = console.clock.now() - timedelta(hours=hours)
        rows = funnel(console.log, by, epoch_ms(since))
        names = {each.pid: each.title for each in counter.promotions()} if by == "promotion" else {}
        return _page(
            "funnel.html",
            by=by,
            hours=hours,
            rows=rows[:ROWS],
            rest=max(0, len(rows) - ROWS),
            totals=totals(rows),
            steps=STEPS,
            names=names,
        )

    @pages.get("/promotions")
    @door.open_to()
    def get_promotions() -> Response:
        found = counter.promotion(request.args["pid"]) if "pid" in request.args else None
        return _promotions(console, form_of(found.to_json()) if found else {}, editing=found is not None)

    @pages.post("/promotions")
    @door.open_to(Role.MANAGER)
    def post_promotions() -> Response:
        form = {name: request.form.get(name, "") for name, _, _ in PROMOTION_FIELDS}
        try:
            promotion = counter.publish(form, g.guest.employee)
        except BadMessage as fault:
            said = f"Not published: {fault.field} {fault.reason}."
            return _promotions(console, form, said=said, bad=True, field=fault.field, status=422)
        return _promotions(console, {}, said=f"{promotion.title or promotion.pid} is published.")

    @pages.post("/promotions/end")
    @door.open_to(Role.MANAGER)
    def post_promotions_end() -> Response:
        pid = request.form.get("pid", "")
        if not counter.end(pid, g.guest.employee):
            raise Problem("not_found", "there is no such promotion")
        return _promotions(console, {}, said=f"{pid} has ended.")

    @pages.get("/shelves")
    @door.open_to()
    def get_shelves() -> Response:
        _, store = _stores(console)
        wanted = request.args.get("sku", "")
        found = next((each for each in counter.shelves(store) if str(each.sku) == wanted), None)
        return _shelves(console, form_of(found.to_json()) if found else {})

    @pages.post("/shelves")
    @door.open_to(Role.MANAGER)
    def post_shelves() -> Response:
        form = {name: request.form.get(name, "") for name in ("store", *(each for each, _, _ in SHELF_FIELDS))}
        try:
            product = counter.place(form, g.guest.employee)
        except BadMessage as fault:
            said = f"Not put there: {fault.field} {fault.reason}."
            return _shelves(console, form, said=said, bad=True, field=fault.field, status=422)
        return _shelves(console, {}, said=f"{product.name or product.sku} stands there now.")

    @pages.get("/point")
    @door.open_to()
    def get_point() -> Response:
        """Where on Earth a place of the picture is, and in which section."""
        floor = console.drawn(request.args.get("store", ""))
        spot = Spot(request.args.get("x", -1.0, float), request.args.get("y", -1.0, float))
        if floor is None or not floor.holds(spot):
            raise Problem("not_found", "that is outside the plan")
        latitude_deg, longitude_deg = floor.point(spot)
        return answer({"latitude": latitude_deg, "longitude": longitude_deg, "section": floor.section_at(spot)})

    @pages.get("/trail")
    @door.open_to(Role.MANAGER)
    def get_trail() -> Response:
        return _page("trail.html", trail=counter.trail())

    @pages.get("/static/<name>")
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

    return pages


def _page(template: str, *, said: str = "", bad: bool = False, status: int = 200, **more: Any) -> Response:
    guest = getattr(g, "guest", None)
    nav = [each for each in NAV if each[0] != "/console/trail" or (guest and guest.employee.role is Role.MANAGER)]
    can = {} if guest is None else {f"may_{role}": guest.employee.role.may_act_as(role) for role in Role}
    html = render_template(template, guest=guest, nav=nav, said=said, bad=bad, minutes=_minutes, **can, **more)
    return make_response(html, status)


def _stores(console: Console) -> tuple[list[str], str]:
    """All stores, and the one that is asked for: by name, else the first."""
    stores = console.stores()
    asked = request.values.get("store", "")
    return stores, asked if asked in stores else next(iter(stores), "")


def _promoted(shelves: list[StoreProduct], live: list[ShopPromotion]) -> set[int]:
    """The products of these shelves that a promotion holds for."""
    skus = {each.sku for each in live if each.sku is not None}
    segments = {each.segment for each in live if each.sku is None}
    return {each.sku for each in shelves if each.sku in skus or each.segment in segments}


def _drawn(floor: Floor | None, shelves: list[StoreProduct], on_offer: set[int]) -> dict[str, Any]:
    """What the plan's template needs; `unit` is a length that suits the picture, in metres."""
    if floor is None:
        return {"floor": None}
    spots = [(floor.spot(each.point), each.sku in on_offer) for each in shelves[:SHELVES]]
    return {"floor": floor, "shelves": spots, "unit": max(0.6, max(floor.width, floor.height) / 60)}


def _board(console: Console, **more: Any) -> Response:
    stores, store = _stores(console)
    calls = console.help.waiting(store)
    return _page("help.html", stores=stores, store=store, calls=calls, now=console.clock.now(), **more)


def _lineage(console: Console) -> dict[str, Any]:
    topics, stages = console.lineage.topics(), console.lineage.stages()
    return {"topics": topics, "stages": stages, "flow": flow(topics, stages)}


def _promotions(console: Console, form: Mapping[str, Any], *, editing: bool = False, **more: Any) -> Response:
    found = console.counter.promotions()
    return _page(
        "promotions.html",
        promotions=found[:ROWS],
        rest=max(0, len(found) - ROWS),
        now=console.clock.now(),
        fields=PROMOTION_FIELDS,
        form=filled(form, PROMOTION_FIELDS),
        editing=editing,
        takes_off=takes_off,
        **{"field": "", **more},
    )


def _shelves(console: Console, form: Mapping[str, Any], **more: Any) -> Response:
    stores, store = _stores(console)
    products = console.counter.shelves(store)
    floor = console.floor(store, products) if store else None
    return _page(
        "shelves.html",
        stores=stores,
        store=store,
        products=products,
        fields=SHELF_FIELDS,
        form=filled(form, SHELF_FIELDS),
        **_drawn(floor, products, _promoted(products, console.live())),
        **{"field": "", **more},
    )


def _minutes(since: str, now: datetime) -> int:
    """Whole minutes from a time as the API tells it until now."""
    return int((now - datetime.fromisoformat(since)).total_seconds() // 60)


def _one_of(name: str, choices: tuple[str, ...]) -> str:
    asked = request.args.get(name, choices[0])
    return asked if asked in choices else choices[0]
