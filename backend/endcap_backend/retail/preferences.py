"""How a shopper wants to be told: her own quiet hours, and the kinds of alert she does not want."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from endcap.errors import BadConfig, BadMessage
from endcap.messages import ALERT_KINDS
from endcap_backend.decide import QuietHours
from endcap_backend.retail.database import upsert
from endcap_backend.retail.knowing_tables import ShopperPreferences


@dataclass(frozen=True, slots=True)
class Preferences:
    """What she asked for. Without a time zone her hours are on the shop's clock.

    Raises:
        BadMessage: names the field.
    """

    quiet_hours: str | None = None
    timezone: str | None = None
    muted: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        try:
            self.quiet()
        except BadConfig as fault:
            raise BadMessage(fault.setting, fault.reason) from None
        for kind in sorted(self.muted):
            if kind not in ALERT_KINDS:
                raise BadMessage("muted", f"{kind[:32]!r} is no kind of alert; there are {', '.join(ALERT_KINDS)}")

    def quiet(self, zone: str = "UTC") -> QuietHours | None:
        """Her quiet hours, where she has any; `zone` is the shop's."""
        if self.quiet_hours is None:
            QuietHours.parse("00:00-00:00", self.timezone or zone)
            return None
        return QuietHours.parse(self.quiet_hours, self.timezone or zone)


def preferences_of(connection: Connection, uids: Collection[str]) -> dict[str, Preferences]:
    """The preferences of these shoppers, of those who have said any."""
    columns = ShopperPreferences.__table__.columns
    rows = connection.execute(select(*columns).where(ShopperPreferences.uid.in_(sorted(uids))))
    return {row.uid: _preferences(row) for row in rows}


def put_preferences(connection: Connection, uid: str, preferences: Preferences) -> None:
    """Replace what she asked for."""
    row = {
        "uid": uid,
        "quiet_hours": preferences.quiet_hours,
        "timezone": preferences.timezone,
        "muted": " ".join(sorted(preferences.muted)),
    }
    upsert(connection, ShopperPreferences, [row])


def _preferences(row: Row[Any]) -> Preferences:
    return Preferences(row.quiet_hours, row.timezone, frozenset(row.muted.split()))
