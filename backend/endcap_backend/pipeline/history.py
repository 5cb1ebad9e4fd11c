"""The log by time: where to begin when only the last minutes or the last day matter."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from endcap_backend.log import READ_LIMIT, LogReader, Record

SLACK_MS = 10 * 60_000  # a record may be of up to 5 min after it came, and of days before


def records_since(records: LogReader, since_ms: int, topics: Collection[str]) -> Iterator[Record]:
    """The records of `topics` with a time of `since_ms` or later, in the order of their offsets."""
    after = records.offset_before(since_ms - SLACK_MS)
    while batch := records.read(after, READ_LIMIT, topics):
        yield from (record for record in batch if record.timestamp_ms >= since_ms)
        after = batch[-1].offset
