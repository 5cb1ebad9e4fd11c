"""What help and alternatives show."""

from __future__ import annotations

from endcap_shopper.goods import Product
from endcap_shopper.i18n import later
from endcap_shopper.reasons import said
from endcap_shopper.state import State
from endcap_shopper.views import Alternatives, Choice, Help, HelpState, HelpStep, ProductRow

_ORDER = ("queued", "accepted", "coming", "done")
_STEPS = {
    "queued": later("Asked"),
    "accepted": later("Somebody has seen it"),
    "coming": later("On the way to you"),
    "done": later("Done"),
}
_HEADLINES: dict[HelpState, str] = {
    "none": later("Ask somebody"),
    "waiting": later("Your call goes out with the network"),
    "queued": later("Your call is with the staff"),
    "accepted": later("Somebody has seen your call"),
    "coming": later("Somebody is on the way"),
    "done": later("Done"),
    "cancelled": later("You called it off"),
}
_KNOWN: dict[str, HelpState] = {
    "queued": "queued",
    "accepted": "accepted",
    "coming": "coming",
    "done": "done",
    "cancelled": "cancelled",
}
MAX_ITEMS = 12
SKU = "sku:"  # before the number, in the id of a product that is not on her list


def help_state(state: State) -> HelpState:
    if state.help_waits:
        return "waiting"
    return "none" if state.help is None else _KNOWN[state.help.state]


def help_page(state: State) -> Help:
    t, now = state.words.t, help_state(state)
    open_call = now in ("waiting", "queued", "accepted", "coming")
    return Help(
        state=now,
        headline=t(_HEADLINES[now]),
        detail=_detail(state, now),
        place=_place(state),
        items=_items(state),
        steps=_steps(state, now) if now not in ("none", "cancelled") else (),
        can_ask=bool(state.granted and state.store) and not open_call,
        needs_yes=not state.granted and not open_call,
        can_cancel=open_call,
    )


def alternatives(state: State) -> Alternatives:
    t, original = state.words.t, state.original
    known = state.products.get(original) if original is not None else None
    if original is None:
        return Alternatives(empty_why=t("Choose a product first: an offer, or something on your list."))
    row = _product(state, known) if known is not None else ProductRow(str(original), f"#{original}", "", sku=original)
    if state.alternatives is None:
        why = t("You're offline.") if state.online is False else t("Looking for alternatives.")
    else:
        why = "" if state.alternatives else t("Nothing here can take its place.")
    return Alternatives(row, tuple(_product(state, each) for each in state.alternatives or ()), why)


def _detail(state: State, now: HelpState) -> str:
    t, call = state.words.t, state.help
    if now == "none" and not state.granted:
        return t("To call for help, the shop has to know you: agree to something under Privacy.")
    if now == "none" and not state.store:
        return t("Choose a store on the map, so that somebody knows where to come.")
    if now == "waiting":
        return t("You're offline. You can also ask at the information desk.")
    if call is None or now in ("none", "cancelled"):
        return ""
    since = state.words.ago(state.now - call.changed_at) if call.changed_at else ""
    return " · ".join(filter(None, (call.by or "", since)))


def _place(state: State) -> str:
    if not state.store:
        return ""
    here, plan = state.located, state.plan
    section = plan.section_at(here.point) if here is not None and plan is not None and state.inside else None
    return " · ".join(filter(None, (state.store_name(state.store), section.name if section else "")))


def _items(state: State) -> tuple[Choice, ...]:
    wished = [Choice(item.id, item.text) for item in state.wishes.wanted]
    product = state.products.get(state.original) if state.original is not None else None
    looked_at = [Choice(f"{SKU}{product.sku}", product.name, chosen=True)] if product is not None else []
    return tuple([*looked_at, *wished][:MAX_ITEMS])


def _steps(state: State, now: HelpState) -> tuple[HelpStep, ...]:
    reached = _ORDER.index(now) if now in _ORDER else -1
    return tuple(
        HelpStep(state.words.t(_STEPS[each]), done=number <= reached, now=number == reached)
        for number, each in enumerate(_ORDER)
    )


def _product(state: State, product: Product) -> ProductRow:
    words = state.words
    away_m = state.walk_m(product.point) if state.inside and product.store == state.inside else None
    discount = product.promotion.discount if product.promotion else None
    price = product.price_now
    return ProductRow(
        id=str(product.sku),
        title=" · ".join(filter(None, (product.name, product.variant))),
        why=said(product.why or "", words, way_told=away_m is not None),
        price=words.money(price) if price is not None else "",
        where=" · ".join(filter(None, (product.section, words.distance(away_m) if away_m is not None else ""))),
        off=f"−{words.percent(discount)}" if discount else "",
        sku=product.sku,
    )
