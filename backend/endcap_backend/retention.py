"""What the log may forget: raw fixes after a day, other topics by age, all but the latest where the latest wins."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from itertools import takewhile

from endcap.clock import Clock
from endcap.messages import CUSTOMERS_ALERTS, CUSTOMERS_EVENTS, CUSTOMERS_LOCATIONS
from endcap.wire import epoch_ms
from endcap_backend.config import Settings
from endcap_backend.log import GROUP_ROWS, LATEST_WINS, Log
from endcap_backend.logreader import thing
from endcap_backend.unused import blank_unused

log = logging.getLogger("endcap.log")

REPEATS_KNOWN_H = 24.0  # a record that comes twice within this time is recognised: nothing goes earlier
DEAD_LETTERS = "_dlq"  # ends the name of a topic that holds what was refused: as private as raw fixes


class Retention:
    """Deletes what is older than its topic is kept, counted from when it was appended. Any one thread.

    What a consumer has not read yet goes too, with a warning: how long a fix is kept is a promise to the shopper.
    """

    def __init__(self, records: Log, clock: Clock, keep_h: Mapping[str, float], otherwise_h: float) -> None:
        self._log = records
        self._clock = clock
        self._keep_h = keep_h
        self._otherwise_h = otherwise_h
        self._in_journal = False  # a reader was in the way: what was deleted still stands in the journal
        self._in_pages = False  # and maybe in the unused part of a page

    @classmethod
    def of(cls, settings: Settings, records: Log, clock: Clock) -> Retention:
        keep_h = {
            CUSTOMERS_LOCATIONS: settings.keep_locations_h,
            CUSTOMERS_EVENTS: settings.keep_events_h,
            CUSTOMERS_ALERTS: settings.keep_alerts_h,
        }
        return cls(records, clock, keep_h, settings.keep_events_h)

    def expire(self) -> int:
        """Delete what is too old, from the journal too; returns how many records."""
        deleted = sum(self._expire(topic) for topic in self._log.topics() if topic not in LATEST_WINS)
        self._fold(deleted, "forgot %d records that were kept long enough")
        return deleted

    def compact(self) -> int:
        """Delete records of the latest-wins topics that a later one replaced a day ago or more; returns how many.

        Blanks what SQLite keeps of all that was deleted since the last time.
        """
        deleted = sum(self._log.discard(self._replaced(topic)) for topic in LATEST_WINS)
        self._fold(deleted, "forgot %d records that later ones had replaced")
        if self._in_pages:
            self._in_pages = not blank_unused(self._log.path).done
        return deleted

    def _fold(self, deleted: int, told: str) -> None:
        if deleted:
            log.info(told, deleted)
            self._in_pages = True
        if deleted or self._in_journal:
            self._in_journal = not self._log.fold()

    def _expire(self, topic: str) -> int:
        before_ms = self._before_ms(self._kept_h(topic))
        deleted = 0
        while offsets := [
            offset for offset, appended_ms in takewhile(lambda row: row[1] < before_ms, self._oldest(topic))
        ]:
            self._warn_of_unread(topic, offsets)
            deleted += self._log.discard(offsets)
        return deleted

    def _kept_h(self, topic: str) -> float:
        known = CUSTOMERS_LOCATIONS if topic.endswith(DEAD_LETTERS) else topic
        return self._keep_h.get(known, self._otherwise_h)

    def _oldest(self, topic: str) -> list[tuple[int, int]]:
        query = (
            "SELECT offset, appended_ms FROM records "
            "WHERE topic = (SELECT number FROM topics WHERE name = ?) ORDER BY offset LIMIT ?"
        )
        with self._log.reading() as connection:
            return connection.execute(query, (topic, GROUP_ROWS)).fetchall()

    def _replaced(self, topic: str) -> list[int]:
        query = (
            "WITH own AS (SELECT offset, appended_ms, value FROM records "
            "             WHERE topic = (SELECT number FROM topics WHERE name = ?)) "
            f"SELECT offset FROM own WHERE appended_ms < ? "
            f"AND offset NOT IN (SELECT max(offset) FROM own GROUP BY {thing(topic)})"
        )
        with self._log.reading() as connection:
            return [offset for (offset,) in connection.execute(query, (topic, self._before_ms(REPEATS_KNOWN_H)))]

    def _warn_of_unread(self, topic: str, offsets: list[int]) -> None:
        for consumer, position in self._log.positions().items():
            unread = sum(offset > position for offset in offsets)
            if unread:
                log.warning("%d records of %s go before %s has read them", unread, topic, consumer)

    def _before_ms(self, hours: float) -> int:
        return epoch_ms(self._clock.now()) - round(hours * 3_600_000)
