"""When a store is open, in its own time zone: summer time, spans past midnight, closed days."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from endcap.errors import BadMessage

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

DAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")  # as OpenStreetMap's opening_hours
DAY = timedelta(days=1)
LOOK_BACK_DAYS = 8  # a weekly schedule repeats within them
_RULE = re.compile(
    r"(?:(?P<days>[A-Z][a-z](?:[-,][A-Z][a-z])*) +)?(?P<times>\d\d:\d\d-\d\d:\d\d(?: *, *\d\d:\d\d-\d\d:\d\d)*)"
)


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """A weekly schedule such as `OpeningHours("Mo-Fr 09:00-21:00; Sa 10:00-18:00", "Europe/Helsinki")`.

    The text is the common part of OpenStreetMap's opening_hours: days and ranges of days, several spans a day, spans
    that run past midnight, `24/7`. A day that is not named is closed. The opening minute belongs to it, the closing one
    does not.

    Raises:
        BadMessage: text that does not read so, or a time zone this machine does not know.
    """

    text: str
    zone: str
    _zone: ZoneInfo = field(init=False, repr=False, compare=False)
    _week: tuple[tuple[tuple[time, int], ...], ...] = field(init=False, repr=False, compare=False)  # opens, minutes

    def __post_init__(self) -> None:
        object.__setattr__(self, "_zone", _zone_of(self.zone))
        object.__setattr__(self, "_week", _week_of(self.text))

    def open_at(self, moment: datetime) -> bool:
        """True from the opening on and before the closing, by the clock of the store's time zone."""
        return any(opens <= moment < closes for opens, closes in self._spans(moment))

    def since(self, moment: datetime) -> datetime | None:
        """When the present state (open or closed) began: the last edge at or before `moment`; None: over a week ago."""
        spans = list(self._spans(moment))
        inside = [opens for opens, closes in spans if opens <= moment < closes]
        if inside:
            return min(inside)
        return max((closes for _, closes in spans if closes <= moment), default=None)

    def _spans(self, moment: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Spans that began on the last days, up to today, in UTC."""
        today = moment.astimezone(self._zone).date()
        for back in range(LOOK_BACK_DAYS, -1, -1):
            yield from self._day(today - back * DAY)

    def _day(self, day: date) -> Iterator[tuple[datetime, datetime]]:
        for opens, minutes in self._week[day.weekday()]:
            local = datetime.combine(day, opens)
            closes = local + timedelta(
                minutes=minutes
            )  # wall-clock arithmetic: a shop shuts at 21:00, summer or winter
            yield (local.replace(tzinfo=self._zone).astimezone(UTC), closes.replace(tzinfo=self._zone).astimezone(UTC))


def _zone_of(name: str) -> ZoneInfo:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # only who has opening hours pays for it

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadMessage(
            "zone", "must be an IANA time zone such as Europe/Helsinki; where the system has none: pip install tzdata"
        ) from None


def _week_of(text: str) -> tuple[tuple[tuple[time, int], ...], ...]:
    if text.strip() == "24/7":
        return (((time(0), 1440),),) * 7
    week: list[list[tuple[time, int]]] = [[] for _ in DAYS]
    for rule in filter(None, (part.strip() for part in text.split(";"))):
        match = _RULE.fullmatch(rule)
        if match is None:
            raise BadMessage("hours", "must read like 'Mo-Fr 09:00-21:00; Sa 10:00-18:00' or '24/7'")
        spans = [_span(part.strip()) for part in match["times"].split(",")]
        for day in _days(match["days"]):
            week[day].extend(spans)
    return tuple(tuple(sorted(spans)) for spans in week)


def _days(text: str | None) -> list[int]:
    days: list[int] = []
    for part in text.split(",") if text else ["Mo-Su"]:
        first, _, last = part.partition("-")
        if first not in DAYS or (last and last not in DAYS):
            raise BadMessage("hours", f"days must be of {', '.join(DAYS)}")
        start, end = DAYS.index(first), DAYS.index(last or first)
        days += [(start + step) % 7 for step in range((end - start) % 7 + 1)]
    return days


def _span(text: str) -> tuple[time, int]:
    """Opening time and length in minutes; 24:00 is midnight at the day's end."""
    (opens, closes) = (_minutes(part) for part in text.split("-"))
    if opens == 1440:
        raise BadMessage("hours", "can open at 23:59 at the latest")
    return time(opens // 60, opens % 60), (closes - opens) if closes > opens else closes + 1440 - opens


def _minutes(text: str) -> int:
    hour, minute = int(text[:2]), int(text[3:])
    if minute > 59 or hour * 60 + minute > 1440:
        raise BadMessage("hours", "times must be from 00:00 to 24:00")
    return hour * 60 + minute
