"""The secret of each day: made when the day's first record leaves, destroyed 48 hours after the day began."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import delete, select
from sqlalchemy.exc import OperationalError

from endcap.clock import Clock
from endcap.errors import BadConfig, Unreachable
from endcap_backend.retail.database import Database, insertion
from endcap_backend.retail.rotation_tables import DaySecret
from endcap_backend.unused import blank_unused

# From the day's beginning. Raw fixes are kept for 24 h, so the day's last are gone then; of the day in autumn with 25
# hours nobody can lead back the last hour's fixes in their last hour.
LIFE = timedelta(hours=48)
SECRET_BYTES = 32


class Day(NamedTuple):
    """A day of the shop: its name (`20261124`), its first moment, and the next day's."""

    name: str
    began_at: datetime
    ends_at: datetime


class Secret(NamedTuple):
    """A day's secret, and when it is destroyed."""

    value: bytes
    dies_at: datetime


class DaySecrets:
    """The days' secrets in the shop's database, the same for every process on it. Safe from any thread.

    A day begins at midnight of `timezone`, when the shop is most likely closed. Backends of several time zones on one
    database share the secret of a date: it lives for 48 hours after the date began in the last zone that asked for it.
    Every call but `day_of` raises Unreachable when the database does not answer.

    Raises:
        BadConfig: no such time zone.
    """

    def __init__(self, database: Database, timezone: str = "UTC") -> None:
        self._database = database
        self._on_disk = False  # a reader was in the way: a destroyed secret still stands in the journal
        try:
            self._zone = ZoneInfo(timezone)
        except (ZoneInfoNotFoundError, ValueError):
            raise BadConfig("timezone", f"{timezone!r} is no time zone; name one such as Europe/Helsinki") from None

    def day_of(self, at: datetime) -> Day:
        date = at.astimezone(self._zone).date()
        midnights = (datetime.combine(each, time(), self._zone) for each in (date, date + timedelta(days=1)))
        began, ends = (each.astimezone(UTC) for each in midnights)  # where a day later is 24 hours later
        return Day(f"{date:%Y%m%d}", began, ends)

    def made(self, day: Day) -> Secret:
        """The day's secret; the first who asks makes it, for all, and who begins the day later makes it live longer."""
        row = {"day": day.name, "began_at": day.began_at, "secret": secrets.token_hex(SECRET_BYTES)}
        try:
            with self._database.writing() as connection:
                new = insertion(connection, DaySecret).values(row)
                later = new.excluded.began_at > DaySecret.began_at
                connection.execute(
                    new.on_conflict_do_update(
                        index_elements=["day"], set_={"began_at": new.excluded.began_at}, where=later
                    )
                )
                query = select(DaySecret.secret, DaySecret.began_at).where(DaySecret.day == day.name)
                found = connection.execute(query).one()
        except OperationalError as fault:
            raise _away(fault) from None
        return Secret(bytes.fromhex(found.secret), found.began_at + LIFE)

    def living(self, now: datetime) -> dict[str, Secret]:
        """The secrets whose time is not over, by their day, oldest first."""
        query = select(*DaySecret.__table__.columns).where(DaySecret.began_at > now - LIFE).order_by(DaySecret.day)
        try:
            with self._database.reading() as connection:
                rows = connection.execute(query).all()
        except OperationalError as fault:
            raise _away(fault) from None
        return {row.day: Secret(bytes.fromhex(row.secret), row.began_at + LIFE) for row in rows}

    def forget_old(self, clock: Clock) -> int:
        """Destroy the secrets whose time is over; returns how many. On the disk too, by the next call at the latest."""
        over = delete(DaySecret).where(DaySecret.began_at <= clock.now() - LIFE)
        with self._database.writing() as connection:
            gone = connection.execute(over).rowcount
        if gone or self._on_disk:
            self._on_disk = not self._cleared()
        return gone

    def _cleared(self) -> bool:
        if not self._database.fold([DaySecret]):
            return False
        return self._database.file is None or blank_unused(self._database.file).done


def _away(fault: OperationalError) -> Unreachable:
    return Unreachable(f"the shop's database, which holds the days' secrets, does not answer: {fault.orig}")
