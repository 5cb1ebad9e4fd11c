"""Promotions, of all the shop or of what is picked on a store's plan; to publish, change, end and take off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from flask import Blueprint, Response, g, request

from endcap.messages import StoreProduct
from endcap_backend.api.problems import Problem
from endcap_backend.api.roles import Role
from endcap_backend.console.forms import PROMOTION_FIELDS, takes_off
from endcap_backend.console.on_offer import OnOffer, called, holds, is_over
from endcap_backend.console.pages.frame import ROWS, changed, drawn, form_page, opened, stores_of, typed_in
from endcap_backend.console.parts import Console
from endcap_backend.console.picked import Picked, pick
from endcap_backend.retail.terms import ShopPromotion


def add_to(routes: Blueprint, console: Console) -> None:
    door, counter = console.door, console.counter

    @routes.get("/promotions")
    @door.open_to()
    def get_promotions() -> Response:
        found = counter.promotion(request.args["pid"]) if "pid" in request.args else None
        form, seen = opened(PROMOTION_FIELDS, found)
        return _promotions(console, form, seen=seen)

    @routes.post("/promotions")
    @door.open_to(Role.MANAGER)
    def post_promotions() -> Response:
        form, seen = typed_in(PROMOTION_FIELDS), request.form.get("seen", "")

        def publish() -> str:
            promotion = counter.publish(form, g.guest.employee, seen)
            return f"{promotion.title or promotion.pid} is published."

        there = f"Not published: there is a promotion {form['pid'].strip()} already. Open it, or choose another id."
        return changed(partial(_promotions, console), form, publish, "Not published", there=there, key="pid")

    @routes.post("/promotions/end")
    @door.open_to(Role.MANAGER)
    def post_promotions_end() -> Response:
        pid = request.form.get("pid", "")
        if not counter.end(pid, g.guest.employee):
            raise Problem("not_found", "there is no such promotion")
        return _promotions(console, {}, said=f"{pid} has ended.")

    @routes.post("/promotions/delete")
    @door.open_to(Role.MANAGER)
    def post_promotions_delete() -> Response:
        pid = request.form.get("pid", "")
        became = counter.withdraw(pid, g.guest.employee)
        if not became:
            raise Problem("not_found", "there is no such promotion, or no more: it was deleted")
        why = "" if became == "deleted" else ", since it was redeemed: the books name it"
        return _promotions(console, {}, said=f"{pid} has ended and is {became}{why}.")


def _promotions(console: Console, form: Mapping[str, Any], *, seen: str = "", **told: Any) -> Response:
    archived, now = "archived" in request.args, console.clock.now()
    stores, store = stores_of(console)
    shelves = console.counter.shelves(store) if store else []
    floor = console.floor(store, shelves) if store else None
    picked = _picked(shelves, floor.sections if floor is not None else ())
    every = console.counter.promotions(archived=archived)
    found = every if picked is None else _last_first(every, picked)
    on_offer = OnOffer(each for each in every if holds(each, now))
    return form_page(
        "promotions.html",
        PROMOTION_FIELDS,
        form or _begun(picked),
        seen,
        told,
        promotions=found[:ROWS],
        rest=max(0, len(found) - ROWS),
        archived=archived,
        is_over=lambda each: is_over(each, now),
        takes_off=takes_off,
        names=console.counter.names(each.sku for each in found[:ROWS] if each.sku is not None),
        stores=stores,
        store=store,
        picked=picked,
        here={} if picked is None else {"section": _asked("section"), "sku": _asked("sku")},
        products=[] if picked is None else picked.products[:ROWS],
        called=called,
        on_offer=on_offer,
        pick="/console/promotions",
        **drawn(floor, shelves, on_offer, _meant(form if seen else {}, picked, shelves)),
    )


def _asked(name: str) -> str:
    return request.values.get(name, "")


def _picked(shelves: Sequence[StoreProduct], sections: Any) -> Picked | None:
    return pick(sections, shelves, _asked("section"), _asked("sku"))


def _last_first(every: Sequence[ShopPromotion], picked: Picked) -> list[ShopPromotion]:
    """Those of a pick, in the order of all of them."""
    here = {each.pid for each in picked.promotions(OnOffer(every))}
    return [each for each in every if each.pid in here]


def _begun(picked: Picked | None) -> dict[str, str]:
    """A new promotion for what is picked, or for a segment of it."""
    if request.args.get("segment"):
        return {"segment": request.args["segment"]}
    return {} if picked is None else picked.new_promotion()


def _meant(form: Mapping[str, str], picked: Picked | None, shelves: Sequence[StoreProduct]) -> frozenset[int]:
    """The products to be seen on the plan: those that the opened promotion is for, else those that are picked."""
    if not form:
        return frozenset() if picked is None else frozenset(each.sku for each in picked.products)
    if form.get("SKU"):
        return frozenset(each.sku for each in shelves if str(each.sku) == form["SKU"].strip())
    return frozenset(each.sku for each in shelves if each.segment == form.get("segment", "").strip())
