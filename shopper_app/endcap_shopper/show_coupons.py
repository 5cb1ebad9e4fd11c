"""What the coupons, the card and the points show."""

from __future__ import annotations

from datetime import timedelta

from endcap_shopper.codes import MAX_QR_CHARS, Matrix, card_bars, qr
from endcap_shopper.coupons import ENDS_SOON, Coupon, Saving
from endcap_shopper.i18n import Words, later
from endcap_shopper.loyalty import Entry, Loyalty
from endcap_shopper.show_near import off
from endcap_shopper.state import State
from endcap_shopper.views import BestDeal, Card, CouponRow, Coupons, CouponState, LedgerRow, Points, SavedRow

VALID_S = 60  # of a code for the till

_REASONS = {
    "purchase": later("Purchase"),
    "reversal": later("Purchase taken back"),
    "expired": later("Points expired"),
}
_KIND: dict[str, CouponState] = {"clipped": "clipped", "redeemed": "redeemed", "expired": "expired"}


def coupons(state: State) -> Coupons:
    book, now = state.coupons, state.now
    reasons = {each.coupon: each.reason for each in state.best.refused} if state.best else {}
    open_now = [_row(state, each, reasons.get(each.id, "")) for each in book.open(now)]
    return Coupons(
        available=tuple(row for row in open_now if row.state == "available"),
        clipped=tuple(row for row in open_now if row.state == "clipped"),
        history=tuple(_row(state, each) for each in book.history(now)),
        auto_clip=state.settings.auto_clip,
        best=_best(state),
        empty_why=_why_empty(state),
        needs_yes=not state.granted,
        saved=tuple(_saved(each, state.words) for each in state.savings),
    )


def card(state: State) -> Card:
    words, loyalty = state.words, state.loyalty
    code = state.code if state.code is not None and state.code.good_at(state.now) else None
    carried = len(state.coupons.clipped(state.now))
    return Card(
        bars=_bars(loyalty),
        number=_spaced(loyalty.card) if loyalty is not None else "",
        code=qr(code.code) if code is not None and len(code.code) <= MAX_QR_CHARS else None,
        seconds_left=max(0, round((code.expires_at - state.now).total_seconds())) if code is not None else 0,
        valid_s=VALID_S,
        carries=words.n("Card and {count} coupon", "Card and {count} coupons", carried) if carried else words.t("Card"),
        why="" if code is not None else _why_no_code(state),
        forgotten=_forgotten(state),
        needs_yes=not state.granted,
    )


def _forgotten(state: State) -> str:
    """What is for her list and she could still clip, while she stands at the till."""
    products = ((item.sku, state.product_of(item)) for item in state.wishes.shown)
    skus = {sku if product is None else product.sku for sku, product in products} - {None}
    left = len(state.coupons.forgotten((sku for sku in skus if sku is not None), state.now))
    said = state.words.n(
        "{count} coupon for your list is not clipped yet", "{count} coupons for your list are not clipped yet", left
    )
    return said if left else ""


def points(state: State) -> Points:
    loyalty, words = state.loyalty, state.words
    if loyalty is None:
        why = _why_empty(state) or words.t("Your card is on its way.")
        return Points(empty_why=why, needs_yes=not state.granted)
    tier = loyalty.tier
    rows, balances = _ledger(loyalty, words)
    to_next = words.n("{count} point to {tier}", "{count} points to {tier}", tier.missing, tier=tier.next_name)
    return Points(
        balance=words.number(loyalty.balance),
        tier=tier.name,
        next_tier=to_next if tier.next_at else "",
        ratio=tier.share,
        expiring=tuple(
            words.n(
                "{count} point ends on {date}", "{count} points end on {date}", each.points, date=words.date(each.at)
            )
            for each in loyalty.expiring
        ),
        ledger=rows,
        trend=tuple(float(each) for each in reversed(balances)),
        empty_why="" if rows else words.t("Your first purchase with the card stands here."),
    )


def _row(state: State, coupon: Coupon, reason: str = "") -> CouponRow:
    left = coupon.left(state.now)
    state_now: CouponState = _KIND.get(coupon.state, "available")
    return CouponRow(
        id=coupon.id,
        title=coupon.title,
        off=off(coupon, state.words),
        detail=coupon.description or _for_whom(coupon, state.words),
        ends=_ends(coupon, left, state),
        urgent=state_now in ("available", "clipped") and left is not None and left <= ENDS_SOON,
        state=state_now,
        reason=reason,
    )


def _saved(saving: Saving, words: Words) -> SavedRow:
    bought = words.n("{count} purchase", "{count} purchases", saving.purchases)
    return SavedRow(words.month(saving.month), bought, words.money(saving.off))


def _ends(coupon: Coupon, left: timedelta | None, state: State) -> str:
    words = state.words
    if coupon.state == "redeemed" and coupon.redeemed_at is not None:
        return words.t("Redeemed on {date}", date=words.date(coupon.redeemed_at))
    if coupon.ends_at is None or left is None:
        return ""
    if coupon.state == "expired":
        return words.t("Ended on {date}", date=words.date(coupon.ends_at))
    if coupon.starts_at is not None and coupon.starts_at > state.now:
        return words.t("From {date}", date=words.date(coupon.starts_at))
    return words.t("{time} left", time=words.left(left))


def _for_whom(coupon: Coupon, words: Words) -> str:
    if coupon.tier:
        return words.t("For {tier} and above", tier=coupon.tier.capitalize())
    return words.t("With your card") if coupon.members_only else ""


def _best(state: State) -> BestDeal | None:
    best = state.best
    if best is None:
        return None
    words = state.words
    applied = []
    for each in best.applied:
        coupon = state.coupons.get(each.coupon)
        if coupon is not None:
            applied.append(_row(state, coupon, " · ".join(filter(None, (each.why, f"−{words.money(each.off)}")))))
    refused = []
    for other in best.refused:
        coupon = state.coupons.get(other.coupon)
        if coupon is not None:
            refused.append(_row(state, coupon, other.reason))
    return BestDeal(f"−{words.money(best.off)}", words.money(best.total), tuple(applied), tuple(refused))


def _bars(loyalty: Loyalty | None) -> Matrix | None:
    try:
        return None if loyalty is None else card_bars(loyalty.card)
    except ValueError:  # a shop's card that no bars can hold is still shown as a number
        return None


def _spaced(number: str) -> str:
    """The digits as they stand below the bars of an EAN-13: 1, 6 and 6."""
    return f"{number[0]} {number[1:7]} {number[7:]}" if len(number) == 13 else number


def _why_no_code(state: State) -> str:
    t = state.words.t
    if not state.granted:
        return t("The shop gives you a card when you have agreed to something under Privacy.")
    if state.online is False:
        return t("You're offline: the bars below count your points, coupons need a fresh code.")
    return t("Your code is on its way.")


def _why_empty(state: State) -> str:
    t = state.words.t
    if not state.granted:
        return t("The shop does not know you. Agree to something under Privacy, and your coupons are here.")
    if state.book.coupons:
        return ""
    return t("You're offline, and no coupons were fetched before.") if state.online is False else t("No coupons now.")


def _ledger(loyalty: Loyalty, words: Words) -> tuple[tuple[LedgerRow, ...], list[int]]:
    """The lines, latest first, each with the balance after it."""
    balance, rows, balances = loyalty.balance, [], []
    for entry in loyalty.ledger:
        rows.append(_line(entry, balance, words))
        balances.append(balance)
        balance -= entry.points
    return tuple(rows), balances


def _line(entry: Entry, balance: int, words: Words) -> LedgerRow:
    sign = "+" if entry.points >= 0 else "−"
    what = words.t(_REASONS.get(entry.reason, entry.reason))
    return LedgerRow(
        id=entry.id,
        what=" · ".join(filter(None, (what, entry.store))),
        when=words.moment(entry.at),
        points=f"{sign}{words.number(abs(entry.points))}",
        balance=words.number(balance),
        gain=entry.points >= 0,
    )
