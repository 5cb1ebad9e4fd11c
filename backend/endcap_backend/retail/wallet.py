"""A shopper's coupons: which there are for her, which she clipped, and the offers they are at the till."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import BigInteger, Connection, Row, and_, bindparam, or_, select, update

from endcap.errors import EndcapError
from endcap_backend.retail.codes import MAX_COUPONS
from endcap_backend.retail.database import insertion
from endcap_backend.retail.offers import Buyer, Offer
from endcap_backend.retail.schema import Instant
from endcap_backend.retail.till_tables import Clip, Coupon

State = Literal["available", "clipped", "redeemed", "expired"]
STATES: tuple[State, ...] = ("available", "clipped", "redeemed", "expired")
SHOWN_AHEAD = timedelta(days=7)  # a coupon is shown so long before it begins
SHOWN_AFTER = timedelta(days=30)  # and so long after it ended, where she never clipped it; her own stay
LISTED = 500

# Made once: a purchase runs both for each coupon, and making them takes longer than running them.
_BY_HER = (
    update(Clip)
    .where(
        Clip.uid == bindparam("her"),
        Clip.coupon == bindparam("which"),
        Clip.clipped_at.is_not(None),
        Clip.redeemed < select(Coupon.limit_per_shopper).where(Coupon.id == bindparam("which")).scalar_subquery(),
    )
    .values(redeemed=Clip.redeemed + 1, redeemed_at=bindparam("now", type_=Instant))
)
_SPENT = Coupon.spent_cents + bindparam("off", type_=BigInteger)
_IN_ALL = (
    update(Coupon)
    .where(
        Coupon.id == bindparam("which"),
        or_(Coupon.limit_in_all.is_(None), Coupon.redeemed < Coupon.limit_in_all),
        or_(Coupon.budget_cents.is_(None), Coupon.budget_cents >= _SPENT),
    )
    .values(redeemed=Coupon.redeemed + 1, spent_cents=_SPENT)
)


class NotForHer(EndcapError):
    """A coupon she can't clip, and why in words; `because` for a program."""

    def __init__(self, because: str, reason: str) -> None:
        super().__init__(reason)
        self.because = because


@dataclass(frozen=True, slots=True)
class HerCoupon:
    """A coupon as it stands for one shopper: its row with that of her clip."""

    row: Row[Any]
    state: State
    offer: Offer

    @property
    def left(self) -> int:
        """How often she may still redeem it."""
        return min(each for each in (self.offer.left, self.offer.left_in_all) if each is not None)


def coupons_of(connection: Connection, uid: str, moment: datetime) -> list[HerCoupon]:
    """Her coupons, those that end soonest first: what she may clip, what she clipped, and what became of it."""
    query = _with_clips(uid).where(
        or_(
            Clip.clipped_at.is_not(None),
            Clip.redeemed > 0,
            and_(
                or_(Coupon.starts_at.is_(None), Coupon.starts_at <= moment + SHOWN_AHEAD),
                or_(Coupon.ends_at.is_(None), Coupon.ends_at > moment - SHOWN_AFTER),
            ),
        )
    )
    ordered = query.order_by(Coupon.ends_at.is_(None), Coupon.ends_at, Coupon.id).limit(LISTED)
    return [_hers(row, moment) for row in connection.execute(ordered)]


def coupon_of(connection: Connection, uid: str, coupon: str, moment: datetime) -> HerCoupon | None:
    """One coupon as it stands for her; None when there is none of that id."""
    row = connection.execute(_with_clips(uid).where(Coupon.id == coupon)).first()
    return None if row is None else _hers(row, moment)


def clip(connection: Connection, uid: str, coupon: str, buyer: Buyer, moment: datetime) -> HerCoupon | None:
    """Clip a coupon; one that is clipped or redeemed stays as it is. None when there is none of that id.

    Raises:
        NotForHer: it has ended, is for others, is all gone, or she has as many as a code holds.
    """
    found = coupon_of(connection, uid, coupon, moment)
    if found is None or found.state in ("clipped", "redeemed"):
        return found
    _check(found, buyer)
    if len(clipped(connection, uid, moment)) >= MAX_COUPONS:
        raise NotForHer("too_many", f"{MAX_COUPONS} coupons are clipped, and a code holds no more: let one go first")
    _clip(connection, [{"uid": uid, "coupon": coupon, "clipped_at": moment, "redeemed": 0}])
    return coupon_of(connection, uid, coupon, moment)


def unclip(connection: Connection, uid: str, coupon: str, moment: datetime) -> HerCoupon | None:
    """Let a coupon go; it is not clipped for her by itself again. None when there is none of that id."""
    if coupon_of(connection, uid, coupon, moment) is None:
        return None
    row = {"uid": uid, "coupon": coupon, "clipped_at": None, "redeemed": 0}
    let_go = insertion(connection, Clip).values(row)
    keys = ["uid", "coupon"]
    connection.execute(let_go.on_conflict_do_update(index_elements=keys, set_={"clipped_at": None}))
    return coupon_of(connection, uid, coupon, moment)


def self_clipping(connection: Connection, uid: str, buyer: Buyer, moment: datetime) -> list[str]:
    """What clips itself, is for her, and she has neither clipped nor let go: for `clip_all`."""
    live = (
        Coupon.auto_clip.is_(True),
        or_(Coupon.starts_at.is_(None), Coupon.starts_at <= moment),
        or_(Coupon.ends_at.is_(None), Coupon.ends_at > moment),
        Clip.uid.is_(None),
    )
    found = [_hers(row, moment) for row in connection.execute(_with_clips(uid).where(*live).limit(MAX_COUPONS))]
    mine = [each for each in found if not _unfit(each, buyer)]
    room = max(0, MAX_COUPONS - len(clipped(connection, uid, moment))) if mine else 0
    return [each.offer.id for each in mine[:room]]


def clip_all(connection: Connection, uid: str, coupons: Sequence[str], moment: datetime) -> None:
    """Clip coupons that were found to be for her."""
    _clip(connection, [{"uid": uid, "coupon": coupon, "clipped_at": moment, "redeemed": 0} for coupon in coupons])


def clipped(connection: Connection, uid: str, moment: datetime) -> list[HerCoupon]:
    """What she can use at the till now, or soon: clipped, not used up and not ended."""
    query = _with_clips(uid).where(Clip.clipped_at.is_not(None), or_(Coupon.ends_at.is_(None), Coupon.ends_at > moment))
    hers = (_hers(row, moment) for row in connection.execute(query.order_by(Coupon.number)))
    return [each for each in hers if each.state == "clipped"]


def shown_at_the_till(
    connection: Connection, uid: str, numbers: Collection[int], moment: datetime
) -> tuple[list[HerCoupon], list[HerCoupon]]:
    """The coupons a code names: those she has clipped, and those she let go or never had."""
    rows = connection.execute(_with_clips(uid).where(Coupon.number.in_(numbers)).order_by(Coupon.number))
    hers = [_hers(row, moment) for row in rows]
    return [each for each in hers if each.row.clipped_at], [each for each in hers if not each.row.clipped_at]


def use(connection: Connection, uid: str, coupon: str, off_cents: int, moment: datetime) -> bool:
    """Redeem a clipped coupon of hers, once: False when its limits or its budget do not allow it (any more)."""
    given = {"her": uid, "which": coupon, "off": off_cents, "now": moment}
    return all(connection.execute(statement, given).rowcount == 1 for statement in (_BY_HER, _IN_ALL))


def give_back(connection: Connection, uid: str | None, coupon: str, off_cents: int) -> None:
    """Undo `use`: she may redeem it again, if she is still known."""
    hers = update(Clip).where(Clip.uid == uid, Clip.coupon == coupon, Clip.redeemed > 0)
    connection.execute(hers.values(redeemed=Clip.redeemed - 1))
    less = {"redeemed": Coupon.redeemed - 1, "spent_cents": Coupon.spent_cents - off_cents}
    connection.execute(update(Coupon).where(Coupon.id == coupon).values(less))


def _with_clips(uid: str) -> Any:
    clip = (Clip.clipped_at, Clip.redeemed.label("by_her"), Clip.redeemed_at)
    joined = and_(Clip.coupon == Coupon.id, Clip.uid == uid)
    return select(*Coupon.__table__.columns, *clip).outerjoin(Clip, joined)


def _hers(row: Row[Any], moment: datetime) -> HerCoupon:
    offer = _offer(row)
    return HerCoupon(row, _state(row, offer, moment), offer)


def _state(row: Row[Any], offer: Offer, moment: datetime) -> State:
    if offer.left == 0:
        return "redeemed"
    if row.ends_at is not None and row.ends_at <= moment:
        return "expired"
    return "clipped" if row.clipped_at is not None else "available"


def _offer(row: Row[Any]) -> Offer:
    left_in_all = None if row.limit_in_all is None else max(0, row.limit_in_all - row.redeemed)
    left = max(0, row.limit_per_shopper - (row.by_her or 0))
    return Offer.of("coupon", row.id, row.title, row, tier=row.tier, left=left, left_in_all=left_in_all)


def _unfit(found: HerCoupon, buyer: Buyer) -> tuple[str, str] | None:
    """Why she can't clip a coupon that has not ended."""
    offer = found.offer
    if offer.members_only and not buyer.member:
        return "members_only", "it is for who has a card: open GET /v1/loyalty first"
    if offer.tier is not None and offer.tier not in buyer.tiers:
        return "tier", f"it is for the tier {offer.tier} and above"
    if offer.left_in_all == 0 or offer.budget_left_cents == 0:
        return "limit_in_all", "all there were of it are redeemed"
    return None


def _check(found: HerCoupon, buyer: Buyer) -> None:
    if found.state == "expired":
        raise NotForHer("ended", "it has ended")
    unfit = _unfit(found, buyer)
    if unfit is not None:
        raise NotForHer(*unfit)


def _clip(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    for row in rows:
        statement = insertion(connection, Clip).values(row)
        keys = ["uid", "coupon"]
        kept = {"clipped_at": statement.excluded.clipped_at}
        connection.execute(
            statement.on_conflict_do_update(index_elements=keys, set_=kept, where=Clip.clipped_at.is_(None))
        )
