"""A geofence: a shape that means something to a shop."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from math import isfinite

from endcap.errors import BadMessage
from endcap.fences.hours import OpeningHours
from endcap.fences.shapes import Circle, Polygon, Shape

MAX_ID_CHARS = 128  # what a customers_events record may carry in `fence`


@dataclass(frozen=True, slots=True)
class Geofence:
    """A store, a section or a spot; `id` is the shop's own, such as "s1/coffee".

    Raises:
        BadMessage: names the field that can't be, and says what it should be.
    """

    id: str
    shape: Shape
    floor: int | None = None  # 0 is the ground floor; a fence with a floor stays silent until the floor is known
    hours: OpeningHours | None = None  # None: always open
    valid_from: datetime | None = None  # included
    valid_until: datetime | None = None  # excluded
    tags: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()  # kinds of product that stand here
    skus: tuple[int, ...] = ()  # products that stand here
    dwell_s: float | None = None  # a visit this long is a dwell; None: never
    approach_m: float | None = None  # tell when she comes this near to the boundary; None: never
    crossing: bool = False  # tell when she passes through between two fixes
    enter_hold_s: float | None = None  # None: the monitor's rules
    exit_hold_s: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.id, str) or not 1 <= len(self.id) <= MAX_ID_CHARS:
            raise BadMessage("id", f"must be text of 1 to {MAX_ID_CHARS} characters")
        if not isinstance(self.shape, Circle | Polygon):
            raise BadMessage("shape", "must be a Circle or a Polygon")
        for name in ("valid_from", "valid_until"):
            moment: datetime | None = getattr(self, name)
            if moment is not None and moment.tzinfo is None:
                raise BadMessage(name, "must have a time zone")
        if self.valid_from and self.valid_until and self.valid_from >= self.valid_until:
            raise BadMessage("valid_until", "must be after valid_from")
        _positive("dwell_s", self.dwell_s)
        _positive("approach_m", self.approach_m)
        _positive("enter_hold_s", self.enter_hold_s, zero=True)
        _positive("exit_hold_s", self.exit_hold_s, zero=True)

    def live_at(self, moment: datetime) -> bool:
        """True while the fence is valid and its store open."""
        if (self.valid_from and moment < self.valid_from) or (self.valid_until and moment >= self.valid_until):
            return False
        return self.hours is None or self.hours.open_at(moment)

    def shut_since(self, moment: datetime) -> datetime | None:
        """For a fence that is not live at `moment`: since when; None when it never was within the last week."""
        if self.valid_until and moment >= self.valid_until:
            return self.valid_until
        if self.valid_from and moment < self.valid_from:
            return None
        return self.hours.since(moment) if self.hours else None


def _positive(name: str, value: float | None, *, zero: bool = False) -> None:
    if value is not None and not (isfinite(value) and (value > 0 or (zero and value == 0))):
        raise BadMessage(name, "must be 0 or more" if zero else "must be over 0")
