"""The till's tables: coupons and who clipped them, loyalty accounts with their ledger, and redemptions.

Money is held in hundredths of the shop's currency, so that what is spent adds up to the cent.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Boolean, Float, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from endcap_backend.retail.schema import BIGINT, Base, Instant


class Coupon(Base):
    """What a shopper can clip. `number` is how a code names it: a byte or two instead of its id."""

    __tablename__ = "coupons"

    number: Mapped[int] = mapped_column(BIGINT, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(String(64), unique=True)
    title: Mapped[str] = mapped_column(String(128))
    description: Mapped[str | None] = mapped_column(String(256))
    kind: Mapped[str] = mapped_column(String(16))
    value: Mapped[float | None] = mapped_column(Float(53))
    n: Mapped[int | None] = mapped_column(Integer)
    m: Mapped[int | None] = mapped_column(Integer)
    sku: Mapped[int | None] = mapped_column(BigInteger)
    segment: Mapped[str | None] = mapped_column(String(64))
    starts_at: Mapped[datetime | None] = mapped_column(Instant)
    ends_at: Mapped[datetime | None] = mapped_column(Instant)
    members_only: Mapped[bool] = mapped_column(Boolean)
    tier: Mapped[str | None] = mapped_column(String(32))
    stacking_group: Mapped[str | None] = mapped_column(String(64))
    limit_per_shopper: Mapped[int] = mapped_column(Integer)
    limit_in_all: Mapped[int | None] = mapped_column(Integer)
    budget_cents: Mapped[int | None] = mapped_column(BigInteger)
    auto_clip: Mapped[bool] = mapped_column(Boolean)
    redeemed: Mapped[int] = mapped_column(Integer, default=0)
    spent_cents: Mapped[int] = mapped_column(BigInteger, default=0)


class Clip(Base):
    """One shopper's coupon: clipped, or not any more (`clipped_at` is null), and how often she redeemed it."""

    __tablename__ = "clips"

    uid: Mapped[str] = mapped_column(String(64), primary_key=True)
    coupon: Mapped[str] = mapped_column(String(64), ForeignKey("coupons.id"), primary_key=True)
    clipped_at: Mapped[datetime | None] = mapped_column(Instant)
    redeemed: Mapped[int] = mapped_column(Integer, default=0)
    redeemed_at: Mapped[datetime | None] = mapped_column(Instant)

    __table_args__ = (Index("clips_by_coupon", "coupon"),)


class LoyaltyAccount(Base):
    """A shopper's card. `balance` is the sum of her ledger, kept in the transaction that adds a line to it."""

    __tablename__ = "loyalty_accounts"

    uid: Mapped[str] = mapped_column(String(64), primary_key=True)
    card: Mapped[str] = mapped_column(String(13), unique=True)
    opened_at: Mapped[datetime] = mapped_column(Instant)
    balance: Mapped[int] = mapped_column(BigInteger, default=0)


class LoyaltyEntry(Base):
    """A line of the ledger, never changed: points given or taken, why, and until when those given are good."""

    __tablename__ = "loyalty_ledger"

    id: Mapped[int] = mapped_column(BIGINT, primary_key=True, autoincrement=True)
    uid: Mapped[str] = mapped_column(String(64), ForeignKey("loyalty_accounts.uid"))
    at: Mapped[datetime] = mapped_column(Instant)
    points: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str] = mapped_column(String(32))
    expires_at: Mapped[datetime | None] = mapped_column(Instant)
    store: Mapped[str | None] = mapped_column(String(64))
    redemption: Mapped[str | None] = mapped_column(String(64))

    __table_args__ = (Index("loyalty_ledger_by_uid", "uid"), {"sqlite_autoincrement": True})


class Redemption(Base):
    """One purchase at a till. A number and a code are good once; `uid` goes when she is erased, the sums stay.

    `asked` is a fingerprint of the request, `answer` what it was answered, word for word.
    """

    __tablename__ = "redemptions"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    nonce: Mapped[str] = mapped_column(String(32), unique=True)
    uid: Mapped[str | None] = mapped_column(String(64))
    asked: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(Instant)
    store: Mapped[str] = mapped_column(String(64))
    till: Mapped[str] = mapped_column(String(64))
    total_cents: Mapped[int] = mapped_column(BigInteger)
    off_cents: Mapped[int] = mapped_column(BigInteger)
    points: Mapped[int] = mapped_column(BigInteger)
    answer: Mapped[str] = mapped_column(Text)
    reversed_at: Mapped[datetime | None] = mapped_column(Instant)
    reversal: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (Index("redemptions_by_uid", "uid"),)


class RedeemedOffer(Base):
    """What one coupon or promotion took off one purchase."""

    __tablename__ = "redeemed_offers"

    redemption: Mapped[str] = mapped_column(String(64), ForeignKey("redemptions.id"), primary_key=True)
    source: Mapped[str] = mapped_column(String(16), primary_key=True)  # coupon, promotion
    offer: Mapped[str] = mapped_column(String(64), primary_key=True)
    off_cents: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (Index("redeemed_offers_by_offer", "source", "offer"),)
