"""What "near you" and the line around every screen show."""

from __future__ import annotations

from datetime import datetime, timedelta

from endcap_shopper.coupons import Coupon
from endcap_shopper.goods import Product
from endcap_shopper.i18n import Words
from endcap_shopper.inbox import Card
from endcap_shopper.reasons import said
from endcap_shopper.state import State
from endcap_shopper.views import Chrome, CouponState, DealCard, NearYou, Notice, Undo

DEALS_KEPT = 300  # cards as they were written last; an inbox holds 100


def near_you(state: State) -> NearYou:
    t = state.words.t
    coupons = state.coupons.open(state.now)
    headline, detail = _matters_now(state)
    title, why = _why_empty(state)
    return NearYou(
        place=t("You're in {store}", store=state.store_name(state.inside)) if state.inside else t("No store near"),
        headline=headline,
        detail=detail,
        can_guide=bool(state.route.legs),
        deals=tuple(_deal(state, card, coupons) for card in state.inbox.ordered(state.now, state.walk_to_offer_m)),
        empty_title=title,
        empty_why=why,
        needs_yes=not {"location", "promotions"} <= state.granted,
    )


def chrome(state: State) -> Chrome:
    undo = state.undo if state.undo is not None and state.now < state.undo.until else None
    return Chrome(
        sharing=state.sharing_location,
        sharing_text=_sharing_text(state),
        notice=_notice(state),
        undo=None if undo is None else Undo(undo.id, undo.text),
        unseen=state.inbox.at(state.now).unseen,
    )


def off(coupon: Coupon, words: Words) -> str:
    """What a coupon takes off: −20 %, −2,00 €, 3 for 2."""
    if coupon.kind == "n_for_m":
        return words.t("{n} for {m}", n=coupon.n, m=coupon.m)
    value = coupon.value or 0.0
    return f"−{words.percent(value) if coupon.kind == 'percent' else words.money(value)}"


def _deal(state: State, card: Card, coupons: tuple[Coupon, ...]) -> DealCard:
    """The card as it was written last, unless something of it has changed."""
    alert, left = card.alert, card.alert.expires_at - state.now
    coupon = state.coupon_for(alert, coupons)
    product = state.products.get(alert.sku) if alert.sku is not None else None
    seconds = int(left.total_seconds())
    of = (alert, card.seen, card.distance_m, coupon, product, state.words, seconds if seconds < 120 else seconds // 30)
    kept = state.deals.get(alert.id)
    if kept is None or kept[0] != of:
        if len(state.deals) >= DEALS_KEPT:
            state.deals.clear()
        kept = state.deals[alert.id] = of, _written(card, coupon, product, left, state.words)
    return kept[1]


def _written(card: Card, coupon: Coupon | None, product: Product | None, left: timedelta, words: Words) -> DealCard:
    alert = card.alert
    discount = product.promotion.discount if product is not None and product.promotion else None
    where = [words.distance(card.distance_m)] if card.distance_m is not None else []
    reduced = f"−{words.percent(discount)}" if discount else ""
    return DealCard(
        id=alert.id,
        title=said(alert.title, words, what="title"),
        why=said(alert.why, words, way_told=bool(where)),
        off=reduced or (off(coupon, words) if coupon is not None else ""),
        where=" · ".join([*where, *([alert.section] if alert.section else [])]),
        ends=words.t("{time} left", time=words.left(left)),
        kind=alert.kind,
        segment=(product.segment if product is not None else None) or alert.section or "",
        fresh=not card.seen,
        coupon=None if coupon is None else _clip_state(coupon),
        sku=alert.sku,
    )


def _clip_state(coupon: Coupon) -> CouponState:
    return "clipped" if coupon.state == "clipped" else "available"


def _matters_now(state: State) -> tuple[str, str]:
    words = state.words
    if state.help is not None and state.help.open:
        return words.t("Help is on its way"), words.t("See the Help page for how far it is.")
    ready = [order for order in state.pickups if order.state == "ready"]
    if ready:
        detail = words.t("At {door}, {store}", door=ready[0].door or "", store=state.store_name(ready[0].store))
        elsewhere = words.t("In {store}", store=state.store_name(ready[0].store))
        said = words.n("Your order is ready", "{count} of your orders are ready", len(ready))
        return said, detail if ready[0].door else elsewhere
    here = [item for item in state.wishes.wanted if state.place_of(item) is not None] if state.inside else []
    if here:
        first = state.route.legs[0] if state.route.legs else None
        item = state.wishes.get(first.stop.item) if first is not None else None
        detail = (
            words.t("First: {item}, {distance}", item=item.text, distance=words.distance(first.length_m))
            if first is not None and item is not None
            else ""
        )
        return words.n("{count} thing of your list is here", "{count} things of your list are here", len(here)), detail
    ending = state.coupons.ending_soon(state.now)
    if ending:
        left = ending[0].left(state.now)
        detail = words.t("{title}: {time} left", title=ending[0].title, time=words.left(left)) if left else ""
        return words.n("{count} clipped coupon ends soon", "{count} clipped coupons end soon", len(ending)), detail
    wanted = len(state.wishes.wanted)
    if wanted:
        return words.n("{count} thing on your list", "{count} things on your list", wanted), ""
    return "", ""


def _why_empty(state: State) -> tuple[str, str]:
    t = state.words.t
    if not state.granted:
        return t("Nothing is shared"), t(
            "Your list, the map and your settings work all the same. Offers need your yes."
        )
    if "promotions" not in state.granted:
        return t("Offers are off"), t("You have not agreed to offers. You can do so under Privacy.")
    if state.is_quiet:
        until = datetime.combine(state.now, state.settings.quiet_until, state.zone)
        why = t("No offers come until {time}. You can change that under Settings.", time=state.words.time(until))
        return t("Quiet hours"), why
    if state.sharing_location == "off":
        return t("No offers yet"), t("Without your location, offers come only from signs you scan.")
    if state.sharing_location == "paused":
        return t("Paused"), t("While you are paused, no offers come by where you are.")
    if state.can_walk and state.located is None:
        return t("No offers yet"), t(
            "Here you walk by clicking: choose a store on the map, then click where you stand."
        )
    return t("No offers yet"), t("Walk past a shelf with an offer, and it is here.")


def _sharing_text(state: State) -> str:
    t, until = state.words.t, state.settings.paused_until
    if state.sharing_location == "paused" and until is not None:
        return t("Paused until {time}", time=state.words.time(until))
    if state.sharing_location == "off":
        return t("Location off")
    return t("Location on") if state.source in ("running", "ended") else t("Looking for you")


def _notice(state: State) -> Notice | None:
    t = state.words.t
    if state.fault:
        return Notice(state.fault, "warning")
    if state.granted and state.online is False:
        waits = state.words.n("{count} thing waits", "{count} things wait", state.waiting) if state.waiting else ""
        if state.fresh_at is None:
            return Notice(" · ".join(filter(None, (t("You're offline."), waits))), "warning")
        age = state.words.ago(state.now - state.fresh_at)
        said = t("You're offline. What you see is from {when}.", when=age)
        return Notice(" · ".join(filter(None, (said, waits))), "warning")
    if "location" in state.granted and state.source == "denied":
        return Notice(t("Your phone does not let the app see where you are."), "warning", t("Privacy"), "privacy")
    if "location" in state.granted and state.source == "off" and not state.paused:
        return Notice(t("Location is switched off on your phone."), "warning")
    return None
