"""Numbers in order of time, then of arrival: what a join looks through."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field


class TimeLine:
    """Numbers by timestamp, 16 B each; those of one timestamp in order of arrival."""

    def __init__(self) -> None:
        self._timestamps_ms = array("q")
        self._numbers = array("Q")

    def __len__(self) -> int:
        return len(self._numbers)

    def add(self, timestamp_ms: int, number: int) -> None:
        at = bisect_right(self._timestamps_ms, timestamp_ms)
        self._timestamps_ms.insert(at, timestamp_ms)
        self._numbers.insert(at, number)

    def between(self, first_ms: int, last_ms: int) -> array[int]:
        """The numbers from one time to another, both included."""
        at = bisect_left(self._timestamps_ms, first_ms)
        return self._numbers[at : bisect_right(self._timestamps_ms, last_ms, lo=at)]

    def until(self, last_ms: int) -> array[int]:
        """The numbers up to a time, included."""
        return self._numbers[: bisect_right(self._timestamps_ms, last_ms)]

    def oldest(self) -> int:
        """The first number; there must be one."""
        return self._numbers[0]

    def remove(self, timestamp_ms: int, number: int) -> None:
        """Take a number out; it must be there."""
        at = self._numbers.index(number, bisect_left(self._timestamps_ms, timestamp_ms))
        del self._timestamps_ms[at], self._numbers[at]


@dataclass(slots=True, eq=False)
class Group:
    """The records of one key, the segment or the country, in order of time."""

    key: str
    line: TimeLine = field(default_factory=TimeLine)
    nowhere: TimeLine = field(default_factory=TimeLine)  # those of them whose position GEO_DISTANCE refuses
