"""What the shop's database knows of its shoppers, as the decision wants it: in bulk, and who changed since."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, or_, select

from endcap.clock import Clock
from endcap_backend.decide.knowledge import Clip as HerClip
from endcap_backend.decide.knowledge import Known, Terms
from endcap_backend.decide.reason import money
from endcap_backend.retail.database import Database
from endcap_backend.retail.knowing_tables import ShopperChange
from endcap_backend.retail.loyalty import EXPIRED
from endcap_backend.retail.preferences import Preferences, preferences_of
from endcap_backend.retail.schema import Promotion
from endcap_backend.retail.tiers import WINDOW, LoyaltyRules
from endcap_backend.retail.till_tables import Clip, Coupon, LoyaltyAccount, LoyaltyEntry, RedeemedOffer, Redemption
from endcap_backend.retail.wishes import wishes_of


@dataclass(frozen=True, slots=True)
class ShopperBooks:
    """Reads what is known of shoppers. Safe from any thread; some five queries for a few hundred shoppers."""

    database: Database
    rules: LoyaltyRules
    clock: Clock
    currency: str = "EUR"
    timezone: str = "UTC"  # the shop's

    def shoppers(self, uids: Collection[str]) -> Mapping[str, Known]:
        """What is known of each of these; of whom nothing is, is left out."""
        with self.database.reading() as connection:
            wishes = wishes_of(connection, uids)
            clips = self._clips(connection, uids)
            tiers = self._tiers(connection, uids)
            redeemed = _redeemed(connection, uids)
            asked = preferences_of(connection, uids)
        found = {*wishes, *clips, *tiers, *redeemed, *asked}
        return {
            uid: Known(
                wishes=wishes.get(uid, ()),
                clips=clips.get(uid, ()),
                tier=tiers.get(uid),
                redeemed=redeemed.get(uid, {}),
                quiet=asked.get(uid, NO_PREFERENCES).quiet(self.timezone),
                muted=asked.get(uid, NO_PREFERENCES).muted,
            )
            for uid in found
        }

    def changes(self, after: int, most: int) -> Mapping[str, int]:
        """Who changed after the change of a number, each with the number of her last one; of many the latest `most`."""
        changed = select(ShopperChange.uid, ShopperChange.number).where(ShopperChange.number > after)
        latest = changed.order_by(ShopperChange.number.desc()).limit(most)
        with self.database.reading() as connection:
            return {row.uid: row.number for row in connection.execute(latest)}

    def terms(self) -> Mapping[str, Terms]:
        """Who may have a promotion, of all promotions that are not for everybody without end."""
        query = select(
            Promotion.pid,
            Promotion.members_only,
            Promotion.limit_per_shopper,
            Promotion.budget_cents,
            Promotion.spent_cents,
        ).where(
            or_(
                Promotion.members_only.is_(True),
                Promotion.limit_per_shopper.is_not(None),
                Promotion.budget_cents.is_not(None),
            )
        )
        with self.database.reading() as connection:
            return {row.pid: _terms(row) for row in connection.execute(query)}

    def _clips(self, connection: Connection, uids: Collection[str]) -> dict[str, tuple[HerClip, ...]]:
        """The coupons she holds that are good now, for a product or a kind of product."""
        now = self.clock.now()
        query = (
            select(Clip.uid, *Coupon.__table__.columns)
            .join(Coupon, Coupon.id == Clip.coupon)
            .where(
                Clip.uid.in_(sorted(uids)),
                Clip.clipped_at.is_not(None),
                Clip.redeemed < Coupon.limit_per_shopper,
                or_(Coupon.sku.is_not(None), Coupon.segment.is_not(None)),
                or_(Coupon.starts_at.is_(None), Coupon.starts_at <= now),
                or_(Coupon.ends_at.is_(None), Coupon.ends_at > now),
                or_(Coupon.limit_in_all.is_(None), Coupon.redeemed < Coupon.limit_in_all),
                or_(Coupon.budget_cents.is_(None), Coupon.spent_cents < Coupon.budget_cents),
            )
            .order_by(Clip.uid, Coupon.number)
        )
        found: dict[str, list[HerClip]] = {}
        for row in connection.execute(query):
            found.setdefault(row.uid, []).append(self._clip(row))
        return {uid: tuple(each) for uid, each in found.items()}

    def _clip(self, row: Row[Any]) -> HerClip:
        if row.kind == "percent":
            worth = f"{row.value:g} % off"
        elif row.kind == "amount":
            worth = f"{money(row.value, self.currency)} off"
        else:
            worth = f"{row.n} for the price of {row.m}"
        discount = row.value if row.kind == "percent" else None
        return HerClip(row.id, row.title, worth, row.sku, row.segment, discount, row.ends_at)

    def _tiers(self, connection: Connection, uids: Collection[str]) -> dict[str, str]:
        counted = LoyaltyEntry.at > self.clock.now() - WINDOW, LoyaltyEntry.reason != EXPIRED
        query = (
            select(LoyaltyAccount.uid, func.coalesce(func.sum(LoyaltyEntry.points), 0))
            .outerjoin(LoyaltyEntry, (LoyaltyEntry.uid == LoyaltyAccount.uid) & counted[0] & counted[1])
            .where(LoyaltyAccount.uid.in_(sorted(uids)))
            .group_by(LoyaltyAccount.uid)
        )
        return {uid: self.rules.tier_at(int(points)).id for uid, points in connection.execute(query)}


NO_PREFERENCES = Preferences()


def _redeemed(connection: Connection, uids: Collection[str]) -> dict[str, dict[str, int]]:
    """How many purchases of each one's counted for promotions that have a limit; reversed ones do not count."""
    query = (
        select(Redemption.uid, RedeemedOffer.offer, func.count())
        .join(RedeemedOffer, RedeemedOffer.redemption == Redemption.id)
        .join(Promotion, Promotion.pid == RedeemedOffer.offer)
        .where(
            Redemption.uid.in_(sorted(uids)),
            Redemption.reversed_at.is_(None),
            RedeemedOffer.source == "promotion",
            Promotion.limit_per_shopper.is_not(None),
        )
        .group_by(Redemption.uid, RedeemedOffer.offer)
    )
    found: dict[str, dict[str, int]] = {}
    for uid, pid, times in connection.execute(query):
        found.setdefault(uid or "", {})[pid] = times
    return found


def _terms(row: Any) -> Terms:
    spent = row.budget_cents is not None and row.spent_cents >= row.budget_cents
    return Terms(bool(row.members_only), row.limit_per_shopper, spent)
