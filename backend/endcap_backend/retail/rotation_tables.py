"""The secrets of the last days, by which shoppers' names in Kafka's raw topics change from day to day."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from endcap_backend.retail.schema import Base, Instant


class DaySecret(Base):
    """One day's secret, 256 random bits in hexadecimal; deleted 48 hours after the day began where it began last."""

    __tablename__ = "day_secrets"

    day: Mapped[str] = mapped_column(String(8), primary_key=True)
    began_at: Mapped[datetime] = mapped_column(Instant)
    secret: Mapped[str] = mapped_column(String(64))
