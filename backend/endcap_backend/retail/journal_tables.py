"""The journal of redemptions: rows that are only ever added, each bound to the one before it by a hash."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from endcap_backend.retail.schema import Base, Instant


class JournalRow(Base):
    """What happened to one purchase, in the order of its store; a reversal is a row of its own.

    `offers` is JSON: what each offer took off. `previous` is the `hash` of the store's row before. A row says nothing
    of the shopper, and so stays when she is erased.
    """

    __tablename__ = "redemption_journal"

    store: Mapped[str] = mapped_column(String(64), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(Instant)
    kind: Mapped[str] = mapped_column(String(16))  # redeemed, reversed
    redemption: Mapped[str] = mapped_column(String(64))
    actor: Mapped[str] = mapped_column(String(64))
    role: Mapped[str] = mapped_column(String(16))
    till: Mapped[str] = mapped_column(String(64))
    evidence: Mapped[str] = mapped_column(String(16))
    total_cents: Mapped[int] = mapped_column(BigInteger)
    off_cents: Mapped[int] = mapped_column(BigInteger)
    points: Mapped[int] = mapped_column(BigInteger)
    offers: Mapped[str] = mapped_column(Text)
    previous: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))

    __table_args__ = (Index("redemption_journal_by_redemption", "redemption"),)


class JournalHead(Base):
    """The last row of each store's journal: one row a store, on which its tills take turns."""

    __tablename__ = "redemption_heads"

    store: Mapped[str] = mapped_column(String(64), primary_key=True)
    number: Mapped[int] = mapped_column(Integer)
    hash: Mapped[str] = mapped_column(String(64))
