"""What the store's map shows: the plan, her dot, the pins of her list, and the way in words."""

from __future__ import annotations

from endcap.geo import distance_m
from endcap_shopper.directions import next_step, steps
from endcap_shopper.i18n import Words
from endcap_shopper.route import Leg
from endcap_shopper.state import STALE, State
from endcap_shopper.views import Choice, Dot, Pin, StoreMap
from endcap_shopper.wishlist import Item


def store_map(state: State) -> StoreMap:
    plan, legs = state.plan, state.route.legs
    first = legs[0] if legs else None
    item = state.wishes.get(first.stop.item) if first is not None else None
    section = plan.section_at(first.stop.point) if plan is not None and first is not None else None
    words = state.words
    return StoreMap(
        plan=plan,
        stores=_stores(state),
        pins=_pins(state),
        dot=_dot(state),
        way=tuple(point for leg in legs for point in leg.path),
        next_leg=len(first.path) if first is not None else 0,
        highlighted="" if section is None else section.id,
        step=_step(state, first, item),
        stop=_stop(item, len(legs), words) if item is not None else "",
        stop_id=item.id if item is not None else "",
        can_speak=state.can_speak,
        can_walk=state.can_walk,
        empty_why=_why_empty(state),
    )


def _stores(state: State) -> tuple[Choice, ...]:
    """The nearest first where she is known to be, else by name."""
    here = state.located
    named = sorted(state.stores, key=lambda store: state.store_name(store.id).casefold())
    if here is not None:
        named.sort(key=lambda store: distance_m(store.point, here.point))
    return tuple(Choice(each.id, state.store_name(each.id), each.id == state.store) for each in named)


def _pins(state: State) -> tuple[Pin, ...]:
    deals = {card.alert.sku for card in state.inbox.at(state.now).cards}
    pins = []
    for number, leg in enumerate(state.route.legs, 1):
        item = state.wishes.get(leg.stop.item)
        if item is not None:
            product = state.product_of(item)
            deal = item.sku in deals or (product is not None and product.promotion is not None)
            pins.append(Pin(item.id, leg.stop.point, number, item.text, deal))
    return tuple(pins)


def _dot(state: State) -> Dot | None:
    here = state.located
    if here is None or "location" not in state.granted:
        return None
    return Dot(here.point, here.accuracy_m, here.heading_deg, stale=state.now - here.at > STALE)


def _stop(item: Item, stops: int, words: Words) -> str:
    """What she walks to next, and which of how many that is; "stop 1 of 3" never wraps."""
    which = words.t("stop {number} of {count}", number=1, count=stops).replace(" ", "\xa0")
    return f"{item.text} · {which}"


def _step(state: State, leg: Leg | None, item: Item | None) -> str:
    if leg is None or item is None or state.located is None:
        return ""
    heading = state.located.heading_deg
    return next_step(steps(leg.path, state.plan, heading), item.text, state.words)


def _why_empty(state: State) -> str:
    t = state.words.t
    if state.plan is not None:
        return ""
    if not state.stores:
        return t("The shop's stores are not known yet. They come with the next connection.")
    return t("Choose a store, or walk into one.") if not state.store else t("This store's map is on its way.")
