"""What the wishlist shows."""

from __future__ import annotations

from endcap_shopper.codes import MAX_QR_CHARS, qr
from endcap_shopper.goods import Product
from endcap_shopper.state import State
from endcap_shopper.views import Choice, Share, Tone, Wishlist, WishRow
from endcap_shopper.wishlist import Item


def wishlist(state: State) -> Wishlist:
    words, items = state.words, state.wishes.shown
    done = sum(item.done for item in items)
    by_aisle = state.settings.by_aisle and state.plan is not None
    ordered = in_aisle_order(state) if by_aisle else items
    return Wishlist(
        rows=tuple(_row(state, item) for item in ordered),
        progress=words.t("{done} of {count} in the basket", done=done, count=len(items)) if items else "",
        done_ratio=done / len(items) if items else 0.0,
        by_aisle=by_aisle,
        can_sort=state.plan is not None,
        suggestions=tuple(Choice(str(each.sku), _suggestion(state, each)) for each in state.suggestions),
        share=_share(state) if state.sharing else None,
        empty_why="" if items else words.t("Write down what you want. It stays on this phone until you agree to more."),
    )


def in_aisle_order(state: State) -> tuple[Item, ...]:
    """Her list in the order of this store: as the route goes, then by the way from the door; what is missing last."""
    turn = {leg.stop.item: float(number) for number, leg in enumerate(state.route.legs)}
    plan = state.plan
    door = plan.doors[0].point if plan is not None and plan.doors else None

    def way(item: Item) -> float | None:
        if item.id in turn:
            return turn[item.id]
        place = state.place_of(item)
        if place is None or plan is None:
            return None
        east_m, north_m = plan.plane(place[0])
        from_m = plan.plane(door) if door is not None else (0.0, 0.0)
        return float(len(turn)) + abs(east_m - from_m[0]) + abs(north_m - from_m[1])

    return state.wishes.by_aisle(way)


def alerts_now(item: Item, product: Product | None) -> bool:
    """True when an item has fallen to the price she waits for."""
    price = product.price_now if product is not None else None
    return item.price_alert is not None and price is not None and price <= item.price_alert


def _row(state: State, item: Item) -> WishRow:
    product, words = state.product_of(item), state.words
    detail, tone = _detail(state, item, product)
    price = product.price_now if product is not None else None
    was = product.price if product is not None and product.price != price else None
    return WishRow(
        id=item.id,
        text=item.text,
        quantity=item.quantity,
        detail=detail,
        tone=tone,
        price=words.money(price) if price is not None else "",
        was=words.money(was) if was is not None else "",
        note=item.note or "",
        price_alert=item.price_alert,
        alert_text=words.t("Tell me at {price}", price=words.money(item.price_alert)) if item.price_alert else "",
        done=item.done,
        sku=product.sku if product is not None else item.sku,
    )


def _detail(state: State, item: Item, product: Product | None) -> tuple[str, Tone]:
    t = state.words.t
    if alerts_now(item, product) and product is not None and product.price is not None:
        was, now = state.words.money(product.price), state.words.money(product.price_now or 0.0)
        return (t("Now {price}, was {was}", price=now, was=was) if was != now else t("Now {price}", price=now)), "good"
    place = state.place_of(item)
    if place is not None:
        away_m = state.walk_m(place[0]) if state.inside else None
        parts = [place[1], state.words.distance(away_m) if away_m is not None else ""]
        if product is not None and product.stock == 0:
            return t("Sold out here"), "warning"
        return " · ".join(filter(None, parts)), "good" if product is not None and product.promotion else "plain"
    known = product is not None or item.sku is not None
    return (t("Not in this store"), "warning") if state.inside and known else ("", "plain")


def _suggestion(state: State, product: Product) -> str:
    price = product.price_now
    parts = [product.name, state.words.money(price) if price is not None else "", product.section or ""]
    return " · ".join(filter(None, parts))


def _share(state: State) -> Share:
    text = state.wishes.as_text()
    if state.share is None:
        return Share(text, code=qr(text) if 0 < len(text) <= MAX_QR_CHARS else None)
    page = f"{state.lite_url.rstrip('/')}/list/{state.share.code}"
    link = page if state.lite_url else f"{state.backend_url.rstrip('/')}{state.share.path}"
    until = state.words.t("Until {date}", date=state.words.date(state.share.expires_at))
    return Share(text, link, qr(link), until)
