"""The funnel as it was last counted: a page that is loaded again, or by many at once, costs the log nothing."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import timedelta
from threading import Lock

from endcap.clock import Clock
from endcap.messages import CUSTOMERS_ALERTS, CUSTOMERS_EVENTS
from endcap.wire import epoch_ms
from endcap_backend.console.funnel import By, Row, funnel
from endcap_backend.log import Log

KEPT_S = 10.0  # at most: what is counted from moves on with the clock, and what is erased goes
REST = (
    20.0  # after a count of so long, events may come for so many times that before it is counted again: 5 % of a core
)
MOST = 9  # counts kept, the last that were asked for; of 20,000 promotions one is 10 MB
_NEWEST = "SELECT max(offset) FROM records WHERE topic = (SELECT number FROM topics WHERE name = ?)"


@dataclass(frozen=True, slots=True)
class _Count:
    rows: list[Row]
    newest: tuple[int, ...]
    at_s: float
    took_s: float

    def stands(self, newest: tuple[int, ...], now_s: float) -> bool:
        age_s = now_s - self.at_s
        return age_s < KEPT_S and (newest == self.newest or age_s < REST * self.took_s)


class Counted:
    """Counts that are kept. Any thread; they take turns, so that many who ask at once wait for one count.

    A count is good as long as no alert and no event has come, for ten seconds at most; one that took long to make also
    while some come, in proportion: what takes 0.1 s for 2 s, what takes half a second or more for the ten.
    """

    def __init__(self, log: Log, clock: Clock) -> None:
        self._log = log
        self._clock = clock
        self._turn = Lock()
        self._kept: OrderedDict[tuple[By, int], _Count] = OrderedDict()

    def rows(self, by: By, hours: int) -> list[Row]:
        """The funnel of the last hours; not to be changed by who gets it."""
        with self._turn:
            newest = self._newest()
            found = self._kept.get((by, hours))
            if found is None or not found.stands(newest, self._clock.monotonic()):
                found = self._kept[by, hours] = self._count(by, hours, newest)
            self._kept.move_to_end((by, hours))
            if len(self._kept) > MOST:
                self._kept.popitem(last=False)
            return found.rows

    def _count(self, by: By, hours: int, newest: tuple[int, ...]) -> _Count:
        begun_s = self._clock.monotonic()
        rows = funnel(self._log, by, epoch_ms(self._clock.now() - timedelta(hours=hours)))
        done_s = self._clock.monotonic()
        return _Count(rows, newest, done_s, done_s - begun_s)

    def _newest(self) -> tuple[int, ...]:
        """Where the two topics end."""
        with self._log.reading() as connection:
            ends = (connection.execute(_NEWEST, (topic,)).fetchone() for topic in (CUSTOMERS_ALERTS, CUSTOMERS_EVENTS))
            return tuple(offset or 0 for (offset,) in ends)
