"""The log in blocks, for who carries all of it on and looks into none of it: plain rows, a quarter of the work."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from endcap_backend.log import LogReader

Row = tuple[int, str, str | None, str | None, int]  # offset, topic, key, value, the event's time in ms
Found = tuple[int, int, str | None, str | None, int]  # the same with the topic's number

# Over all topics: to find the records of some by their index costs three times as much a record. As text: bytes are
# read and handed over no faster, and rewriting them under names of the day takes a tenth more.
_QUERY = "SELECT offset, topic, key, value, timestamp_ms FROM records WHERE offset > ? ORDER BY offset LIMIT ?"


class Block(NamedTuple):
    """Some topics' records, in order of their offsets.

    The log has been read up to and including `end`. `full`: there may be more behind it.
    """

    rows: list[Row]
    end: int
    full: bool


class LogBlocks:
    """Reads `topics` of a log, block by block. Any one thread."""

    def __init__(self, records: LogReader, topics: Collection[str]) -> None:
        self._log = records
        self._topics = topics
        self._names: dict[int, str | None] = {}  # by number; None: not one of ours

    def after(self, offset: int, most: int) -> Block:
        """What is ours among the next `most` records behind an offset.

        Raises:
            LogError: the log can't be read.
        """
        found = self._read(offset, most)
        names = self._names
        rows = [(at, name, key, value, ms) for at, number, key, value, ms in found if (name := names[number])]
        return Block(rows, found[-1][0] if found else offset, len(found) == most)

    def _read(self, offset: int, most: int) -> list[Found]:
        """The next records of all topics; `_names` then has theirs."""
        with self._log.reading() as connection:
            found = connection.execute(_QUERY, (offset, most)).fetchall()
            if not {row[1] for row in found} <= self._names.keys():
                numbers = connection.execute("SELECT number, name FROM topics").fetchall()
                self._names = {number: name if name in self._topics else None for number, name in numbers}
        return found
