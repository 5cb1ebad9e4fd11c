"""What the pages have in common: the frame about them, and which store they are of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Response, g, make_response, render_template, request

from endcap.errors import BadMessage
from endcap.messages import StoreProduct
from endcap.wire import Message
from endcap_backend.api.roles import Role
from endcap_backend.console.floor import Floor, Spot
from endcap_backend.console.forms import Fields, shown_in
from endcap_backend.console.on_offer import OnOffer, in_words
from endcap_backend.console.overtaken import Overtaken, seal
from endcap_backend.console.parts import Console

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


def opened(fields: Fields, message: Message | None) -> tuple[dict[str, str], str]:
    """A form as it is opened with a message, and its hidden field `seen`; an empty one for None."""
    shown = None if message is None else shown_in(fields, message)
    return shown or {}, seal(shown)


def form_page(
    template: str, fields: Fields, form: Mapping[str, Any], seen: str, told: Mapping[str, Any], **more: Any
) -> Response:
    """A page with a form on it; `told` is what `changed` has to say."""
    return page(template, fields=fields, form=form, seen=seen, **more, **{"field": "", "differences": (), **told})


def changed(
    show: Callable[..., Response], form: Mapping[str, Any], change: Callable[[], str], refused: str,
    *, there: str = "", key: str = "",
) -> Response:  # fmt: skip
    """The page after a change, with what `change` says; or with what was typed, and why it was not done.

    `refused` says that it was not, `there` what is the matter when something new exists already, by its field `key`.
    """
    try:
        said = change()
    except BadMessage as fault:
        said = f"{refused}: {fault.field} {fault.reason}."
        seen = request.form.get("seen", "")
        return show(form, seen=seen, said=said, bad=True, field=fault.field, status=422)
    except Overtaken as fault:
        return show(**_overtaken(fault, refused, there, key))
    return show({}, said=said)


def _overtaken(fault: Overtaken, refused: str, there: str, field: str) -> dict[str, Any]:
    """When somebody was quicker: what differs, and the form for another try; what exists is never taken over."""
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


@dataclass(frozen=True, slots=True)
class Square:
    """A shelf as drawn. `meant`: the page is about it."""

    sku: int
    spot: Spot
    told: str
    promoted: bool
    meant: bool


def drawn(
    floor: Floor | None, shelves: Sequence[StoreProduct], on_offer: OnOffer, meant: frozenset[int] = frozenset()
) -> dict[str, Any]:
    """What the plan's template needs; `unit` is a length that suits the picture, in metres."""
    if floor is None:
        return {"floor": None}
    first = sorted(shelves, key=lambda each: each.sku not in meant)[:SHELVES]
    squares = [_square(floor, each, on_offer, each.sku in meant) for each in first]
    return {"floor": floor, "shelves": squares, "unit": max(0.6, max(floor.width, floor.height) / 60)}


def _square(floor: Floor, product: StoreProduct, on_offer: OnOffer, meant: bool) -> Square:
    promotions = on_offer.of(product)
    return Square(product.sku, floor.spot(product.point), in_words(product, promotions), bool(promotions), meant)


def _minutes(since: str, now: datetime) -> int:
    """Whole minutes from a time as the API tells it until now."""
    return int((now - datetime.fromisoformat(since)).total_seconds() // 60)
