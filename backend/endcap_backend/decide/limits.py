"""How much a shopper may be told, and when not at all."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from endcap.errors import BadConfig

MAX_CAP = 1000  # alerts remembered of one shopper; a cap beyond it could not be kept
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From `start` (included) to `end` (excluded) on the shop's clock; over midnight when `end` is the earlier one."""

    start: time
    end: time
    zone: tzinfo = UTC

    @classmethod
    def parse(cls, text: str, zone: str = "UTC") -> Self:
        """Read "22:00-07:00" on the clock of a zone such as "Europe/Helsinki".

        Raises:
            BadConfig: names the setting at fault.
        """
        found = _HOURS.fullmatch(text.strip())
        if not found:
            raise BadConfig("quiet_hours", f"{text!r} is not of the form 22:00-07:00")
        hours = [int(each) for each in found.groups()]
        try:
            return cls(time(hours[0], hours[1]), time(hours[2], hours[3]), ZoneInfo(zone))
        except (ZoneInfoNotFoundError, ValueError):
            raise BadConfig("timezone", f"{zone!r} is no time zone; name one such as Europe/Helsinki") from None

    def hold(self, at_ms: int) -> bool:
        """True when the shop's clock stands within these hours at `at_ms`."""
        clock = datetime.fromtimestamp(at_ms / 1000, self.zone).time()
        if self.start <= self.end:
            return self.start <= clock < self.end
        return clock >= self.start or clock < self.end

    def begin_after(self, at: datetime) -> datetime | None:
        """When they begin next after `at` (aware); None for hours that never hold.

        Where the shop's clock is put forward over that moment, at most as much too early.
        """
        if self.start == self.end:
            return None
        today = at.astimezone(self.zone).date()
        starts = (
            datetime.combine(today + timedelta(days), self.start.replace(fold=fold), self.zone).astimezone(UTC)
            for days in (0, 1, 2)
            for fold in (0, 1)  # on the day on which the clock is put back it may come to that moment twice
        )
        return min(each for each in starts if each > at)


@dataclass(frozen=True, slots=True)
class Limits:
    """The operator's caps. Each counts alerts to one shopper; hours and days are the 60 min and 24 h just past.

    Raises:
        BadConfig: a cap outside 0 to 1000, or a time that is negative.
    """

    per_fix: int = 3
    per_visit: int = 6
    per_hour: int = 6
    per_day: int = 12
    per_promotion: int = 3  # a day; a promotion of a whole segment would otherwise fill every slot
    cooldown_s: float = 0.0  # silence after a fix that told her something
    visit_gap_s: float = 1800.0  # a visit ends when no fix came for so long
    alert_life_s: float = 900.0  # she has walked on by then; an alert older than that is not shown
    help_after_s: float = 180.0  # in one section without taking anything up; 0: help is never offered
    quiet: QuietHours | None = None

    @property
    def largest_cap(self) -> int:
        """How many of a shopper's alerts have to be remembered for these caps to hold."""
        return max(self.per_visit, self.per_hour, self.per_day, self.per_promotion)

    def __post_init__(self) -> None:
        for name in ("per_fix", "per_visit", "per_hour", "per_day", "per_promotion"):
            if not 0 <= getattr(self, name) <= MAX_CAP:
                raise BadConfig(name, f"must be between 0 and {MAX_CAP}")
        for name in ("cooldown_s", "visit_gap_s", "alert_life_s", "help_after_s"):
            if getattr(self, name) < 0:
                raise BadConfig(name, "must not be negative")
