"""What deciding needs beside the shop's other tables: how a shopper wants to be told, and whose rows changed."""

from __future__ import annotations

from sqlalchemy import BigInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from endcap_backend.retail.schema import Base


class ShopperPreferences(Base):
    """How a shopper wants to be told. `muted` holds kinds of alert, separated by blanks."""

    __tablename__ = "shopper_preferences"

    uid: Mapped[str] = mapped_column(String(64), primary_key=True)
    quiet_hours: Mapped[str | None] = mapped_column(String(16))
    timezone: Mapped[str | None] = mapped_column(String(64))
    muted: Mapped[str] = mapped_column(String(64))


class ShopperChange(Base):
    """Something changed of a shopper: of her list, coupons, card or preferences. Each change has a higher number.

    Triggers write it (migration 0004), so that no writer can forget to. Numbers of transactions under way at once may
    appear out of order.
    """

    __tablename__ = "shopper_changes"

    uid: Mapped[str] = mapped_column(String(64), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, index=True)
