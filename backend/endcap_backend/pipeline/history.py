"""The log by time: where to begin when only the last minutes or the last day matter."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from endcap_backend.log import READ_LIMIT, LogReader, Record

SLACK_MS = 10 * 60_000  # records stand in the order they came; their own times differ from it by up to 5 min each way


def records_since(records: LogReader, since_ms: int, topics: Collection[str]) -> Iterator[Record]:
    """The records of `topics` with a time of `since_ms` or later, in the order of their offsets."""
    after = _offset_before(records, since_ms - SLACK_MS)
    while batch := records.read(after, READ_LIMIT, topics):
        yield from (record for record in batch if record.timestamp_ms >= since_ms)
        after = batch[-1].offset


def _offset_before(records: LogReader, at_ms: int) -> int:
    """An offset that every record of `at_ms` or later lies above, by bisection: a look costs one read by offset."""
    low, high = 0, records.end()
    while low < high:
        middle = (low + high) // 2
        found = records.read(middle, 1)
        if found and found[0].timestamp_ms < at_ms:
            low = found[0].offset
        else:
            high = middle
    return low
