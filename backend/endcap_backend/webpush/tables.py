"""Where browsers want their notifications sent."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from endcap_backend.retail.schema import Base, Instant


class PushSubscription(Base):
    """One browser's push subscription (RFC 8030), and whose it is. Who knows the endpoint may push to it."""

    __tablename__ = "push_subscriptions"

    endpoint: Mapped[str] = mapped_column(String(1024), primary_key=True)
    uid: Mapped[str] = mapped_column(String(64))
    p256dh: Mapped[str] = mapped_column(String(96))  # the browser's public key, base64url
    auth: Mapped[str] = mapped_column(String(32))  # the secret it shares with us, base64url
    since: Mapped[datetime] = mapped_column(Instant)

    __table_args__ = (Index("push_subscriptions_by_uid", "uid"),)
