"""The staff's tables: accounts, the sessions they work in, and the trail of what they changed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from endcap_backend.retail.schema import BIGINT, Base, Instant


class StaffAccount(Base):
    """Somebody of the shop. `password` is what `passwords.hashed` made of it."""

    __tablename__ = "staff_accounts"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    role: Mapped[str] = mapped_column(String(16))
    password: Mapped[str] = mapped_column(String(256))
    made_at: Mapped[datetime] = mapped_column(Instant)


class StaffSession(Base):
    """From signing in to signing out. `id` is a hash of what the token names: the table opens nothing by itself."""

    __tablename__ = "staff_sessions"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), ForeignKey("staff_accounts.name"))
    began_at: Mapped[datetime] = mapped_column(Instant)
    ends_at: Mapped[datetime] = mapped_column(Instant)

    __table_args__ = (Index("staff_sessions_by_name", "name"),)


class AuditEntry(Base):
    """One thing that staff did, written in the transaction that did it and never changed.

    `thing` is what was changed, such as "promotions/p1"; `detail` is JSON. The name outlives its account.
    """

    __tablename__ = "audit"

    number: Mapped[int] = mapped_column(BIGINT, primary_key=True, autoincrement=True)
    at: Mapped[datetime] = mapped_column(Instant)
    who: Mapped[str] = mapped_column(String(64))
    role: Mapped[str] = mapped_column(String(16))
    action: Mapped[str] = mapped_column(String(32))
    thing: Mapped[str] = mapped_column(String(128))
    detail: Mapped[str] = mapped_column(Text)

    __table_args__ = (Index("audit_by_time", "at"), {"sqlite_autoincrement": True})
