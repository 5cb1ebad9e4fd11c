"""What the pages have in common: the frame about them, and which store they are of."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Response, g, make_response, render_template, request

from endcap.messages import StoreProduct
from endcap_backend.api.roles import Role
from endcap_backend.console.floor import Floor
from endcap_backend.console.forms import Fields
from endcap_backend.console.overtaken import Overtaken, seal
from endcap_backend.console.parts import Console
from endcap_backend.retail.terms import ShopPromotion

NAV = (
    ("/console", "Live map"),
    ("/console/help", "Help"),
    ("/console/stream", "Stream"),
    ("/console/promotions", "Promotions"),
    ("/console/shelves", "Shelves"),
    ("/console/plan", "Floor plan"),
    ("/console/funnel", "Funnel"),
    ("/console/trail", "Audit trail"),
)
SHELVES = 2000  # drawn; more make no picture
ROWS = 500  # of a table; of 20,000 promotions the page was 7 MB


def page(template: str, *, said: str = "", bad: bool = False, status: int = 200, **more: Any) -> Response:
    """A template within the frame; `said` is told on top of it."""
    guest = getattr(g, "guest", None)
    nav = [each for each in NAV if each[0] != "/console/trail" or (guest and guest.employee.role is Role.MANAGER)]
    can = {} if guest is None else {f"may_{role}": guest.employee.role.may_act_as(role) for role in Role}
    html = render_template(template, guest=guest, nav=nav, said=said, bad=bad, minutes=_minutes, **can, **more)
    return make_response(html, status)


def stores_of(console: Console) -> tuple[list[str], str]:
    """All stores, and the one that is asked for: by name, else the first."""
    stores = console.stores()
    asked = request.values.get("store", "")
    return stores, asked if asked in stores else next(iter(stores), "")


def one_of(name: str, choices: tuple[str, ...]) -> str:
    """What the query chooses; the first for anything else."""
    asked = request.args.get(name, choices[0])
    return asked if asked in choices else choices[0]


def typed_in(fields: Fields) -> dict[str, str]:
    """What a form's fields hold; a browser ends a line with two characters, a text with one."""
    return {name: request.form.get(name, "").replace("\r\n", "\n") for name, _, _ in fields}


def overtaken(fault: Overtaken, refused: str, there: str, *, field: str) -> dict[str, Any]:
    """What a page shows when somebody was quicker: what differs, and the form for another try.

    `there` is what is said when she meant something new, and it exists already: then nothing is taken over.
    """
    if fault.there:
        return {"form": fault.typed, "said": there, "bad": True, "field": field, "exists": True, "status": 409}
    if fault.now is None:
        said = f"{refused}: it was taken away meanwhile. What you typed stands below; press again to put it back."
        return {"form": fault.typed, "said": said, "bad": True, "status": 409}
    said = f"{refused}: somebody else has changed it since you opened it. Look through what differs, and press again."
    differences = fault.differences()
    return {
        "form": fault.merged(), "seen": seal(fault.now), "said": said, "bad": True, "differences": differences,
        "status": 409,
    }  # fmt: skip


def promoted(shelves: list[StoreProduct], live: list[ShopPromotion]) -> set[int]:
    """The products of these shelves that a promotion holds for."""
    skus = {each.sku for each in live if each.sku is not None}
    segments = {each.segment for each in live if each.sku is None}
    return {each.sku for each in shelves if each.sku in skus or each.segment in segments}


def drawn(floor: Floor | None, shelves: list[StoreProduct], on_offer: set[int]) -> dict[str, Any]:
    """What the plan's template needs; `unit` is a length that suits the picture, in metres."""
    if floor is None:
        return {"floor": None}
    spots = [(floor.spot(each.point), each.sku in on_offer) for each in shelves[:SHELVES]]
    return {"floor": floor, "shelves": spots, "unit": max(0.6, max(floor.width, floor.height) / 60)}


def _minutes(since: str, now: datetime) -> int:
    """Whole minutes from a time as the API tells it until now."""
    return int((now - datetime.fromisoformat(since)).total_seconds() // 60)
