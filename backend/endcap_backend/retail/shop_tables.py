"""The shop floor's tables: plans, wishlists, calls for help, pickups, and what waits to be said over Ably.

The index of the search is made by the migration alone: SQLite and PostgreSQL each have their own (`search`).
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Boolean, Float, ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from endcap_backend.retail.schema import BIGINT, Base, Instant

OPEN = text("state IN ('queued', 'accepted', 'coming')")  # calls for help that still wait for somebody


class FloorPlan(Base):
    """A store's plan. It is read and replaced as a whole: `document` is JSON, as `plans.Plan` writes it."""

    __tablename__ = "floor_plans"

    store: Mapped[str] = mapped_column(String(64), primary_key=True)
    document: Mapped[str] = mapped_column(Text)
    changed_at: Mapped[datetime] = mapped_column(Instant)


class Wishlist(Base):
    """A shopper's list as a whole: `version` counts the merges that changed it."""

    __tablename__ = "wishlists"

    uid: Mapped[str] = mapped_column(String(64), primary_key=True)
    version: Mapped[int] = mapped_column(Integer)


class WishlistItem(Base):
    """One line of a list. A removed one stays, so that a device that was away does not bring it back.

    `changed_at` is the device's word; of two writings of one item the later counts. `price_alert_cents`: she wants to
    hear when it costs so much or less.
    """

    __tablename__ = "wishlist_items"

    uid: Mapped[str] = mapped_column(String(64), ForeignKey("wishlists.uid"), primary_key=True)
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    text: Mapped[str] = mapped_column(String(128))
    sku: Mapped[int | None] = mapped_column(BigInteger)
    segment: Mapped[str | None] = mapped_column(String(64))
    quantity: Mapped[int] = mapped_column(Integer)
    note: Mapped[str | None] = mapped_column(String(256))
    price_alert_cents: Mapped[int | None] = mapped_column(BigInteger)
    position: Mapped[float] = mapped_column(Float(53))
    done: Mapped[bool] = mapped_column(Boolean)
    removed: Mapped[bool] = mapped_column(Boolean)
    changed_at: Mapped[datetime] = mapped_column(Instant)

    __table_args__ = (Index("wishlist_items_by_sku", "sku"), Index("wishlist_items_by_segment", "segment"))


class SharedList(Base):
    """A link to a shopper's list, as it stands when it is looked at. `code` is a hash of what the link holds."""

    __tablename__ = "shared_lists"

    code: Mapped[str] = mapped_column(String(64), primary_key=True)
    uid: Mapped[str] = mapped_column(String(64))
    expires_at: Mapped[datetime] = mapped_column(Instant)

    __table_args__ = (Index("shared_lists_by_uid", "uid"),)


class HelpRequest(Base):
    """A shopper's call for help, and how far it is. She has one open at most: the index sees to it."""

    __tablename__ = "help_requests"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    uid: Mapped[str] = mapped_column(String(64))
    store: Mapped[str] = mapped_column(String(64))
    section: Mapped[str | None] = mapped_column(String(64))
    sku: Mapped[int | None] = mapped_column(BigInteger)
    text: Mapped[str | None] = mapped_column(String(256))
    latitude_deg: Mapped[float | None] = mapped_column(Float(53))
    longitude_deg: Mapped[float | None] = mapped_column(Float(53))
    state: Mapped[str] = mapped_column(String(16))
    asked_at: Mapped[datetime] = mapped_column(Instant)
    changed_at: Mapped[datetime] = mapped_column(Instant)
    by: Mapped[str | None] = mapped_column(String(64))

    __table_args__ = (
        Index("help_requests_open", "uid", unique=True, sqlite_where=OPEN, postgresql_where=OPEN),
        Index("help_requests_by_uid", "uid", "asked_at"),
        Index("help_requests_by_store", "store", "asked_at"),
    )


class Pickup(Base):
    """An order she comes to fetch."""

    __tablename__ = "pickups"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    uid: Mapped[str] = mapped_column(String(64))
    store: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16))
    door: Mapped[str | None] = mapped_column(String(64))
    items: Mapped[int] = mapped_column(Integer)
    ready_at: Mapped[datetime | None] = mapped_column(Instant)
    changed_at: Mapped[datetime] = mapped_column(Instant)

    __table_args__ = (Index("pickups_by_uid", "uid"),)


class Notice(Base):
    """A message on its way to an Ably channel, written in the transaction it tells of; gone once it is there.

    `uid` is whom it is about, also where staff hear it.
    """

    __tablename__ = "notices"

    number: Mapped[int] = mapped_column(BIGINT, primary_key=True, autoincrement=True)
    uid: Mapped[str] = mapped_column(String(64))
    channel: Mapped[str] = mapped_column(String(128))
    name: Mapped[str] = mapped_column(String(32))
    data: Mapped[str] = mapped_column(Text)
    at_ms: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (Index("notices_by_uid", "uid"), {"sqlite_autoincrement": True})
