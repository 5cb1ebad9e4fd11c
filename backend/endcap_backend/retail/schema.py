"""The shop's tables. What is here is the truth; the topics carry what became of it (`outbox`)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, Dialect, Float, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from endcap.wire import epoch_ms, from_epoch_ms

VERSION = "0008"  # the last of the migrations
BIGINT = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts rows up only in a column called INTEGER
NO_STORE = ""  # the seed's records name none; a primary key holds no NULL


class Instant(TypeDecorator[datetime]):
    """An aware UTC time as epoch milliseconds: the same on SQLite, which knows no times, and on PostgreSQL."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else epoch_ms(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return None if value is None else from_epoch_ms(value)


class Base(DeclarativeBase):
    """Every table."""


class Identity(Base):
    """Facts about the database itself: its `uuid`, and the uuid of the log it has fed (`fed_log`)."""

    __tablename__ = "identity"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    value: Mapped[str] = mapped_column(String(64))


class Product(Base):
    """What a product is, whichever shelf it stands on."""

    __tablename__ = "products"

    sku: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    segment: Mapped[str] = mapped_column(String(64), index=True)
    variant: Mapped[str | None] = mapped_column(String(64))
    name: Mapped[str | None] = mapped_column(String(128))


class Placement(Base):
    """Where a product stands in a store, what it costs there and how many are left."""

    __tablename__ = "placements"

    sku: Mapped[int] = mapped_column(BigInteger, ForeignKey("products.sku"), primary_key=True, autoincrement=False)
    store: Mapped[str] = mapped_column(String(64), primary_key=True)
    latitude_deg: Mapped[float] = mapped_column(Float(53))
    longitude_deg: Mapped[float] = mapped_column(Float(53))
    country: Mapped[str | None] = mapped_column(String(64))
    section: Mapped[str | None] = mapped_column(String(64))
    price: Mapped[float | None] = mapped_column(Float(53))
    stock: Mapped[int | None] = mapped_column(Integer)

    __table_args__ = (Index("placements_by_store", "store"),)


class Promotion(Base):
    """What is promoted: one product, or a whole segment where `sku` is null. `spent_cents` of its budget are gone.

    Without a `kind` it is `discount` per cent off; `value` is per cent, or currency off each piece; `n` for the price
    of `m`. Since `archived_at` it is only kept for the purchases that were made with it.
    """

    __tablename__ = "promotions"

    pid: Mapped[str] = mapped_column(String(64), primary_key=True)
    segment: Mapped[str] = mapped_column(String(64), index=True)
    sku: Mapped[int | None] = mapped_column(BigInteger)
    title: Mapped[str | None] = mapped_column(String(128))
    discount: Mapped[float | None] = mapped_column(Float(53))
    starts_at: Mapped[datetime | None] = mapped_column(Instant)
    ends_at: Mapped[datetime | None] = mapped_column(Instant)
    kind: Mapped[str | None] = mapped_column(String(16))
    value: Mapped[float | None] = mapped_column(Float(53))
    n: Mapped[int | None] = mapped_column(Integer)
    m: Mapped[int | None] = mapped_column(Integer)
    members_only: Mapped[bool] = mapped_column(Boolean, default=False)
    budget_cents: Mapped[int | None] = mapped_column(BigInteger)
    limit_per_shopper: Mapped[int | None] = mapped_column(Integer)
    stacking_group: Mapped[str | None] = mapped_column(String(64))
    spent_cents: Mapped[int] = mapped_column(BigInteger, default=0)
    archived_at: Mapped[datetime | None] = mapped_column(Instant)


class Outbox(Base):
    """A record on its way to a topic, written in the transaction that changed what it tells of; gone once it is there.

    Numbers are never given twice: by them the log knows a record that comes a second time.
    """

    __tablename__ = "outbox"

    number: Mapped[int] = mapped_column(BIGINT, primary_key=True, autoincrement=True)
    topic: Mapped[str] = mapped_column(String(64))
    key: Mapped[str] = mapped_column(String(128))
    value: Mapped[str] = mapped_column(Text)
    at_ms: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = ({"sqlite_autoincrement": True},)
