"""Where a record goes that can't be dealt with: its own words, the reason, and where that was."""

from __future__ import annotations

import json

from endcap_backend.log import NewRecord, Record


def dead_letter(record: Record, reason: str, where: str) -> NewRecord:
    """The record for `<topic>_dlq`; its id names the record, so that a second attempt does not add a second letter."""
    letter = {"value": record.value, "reason": reason, "where": where, "offset": record.offset}
    return NewRecord(
        topic=f"{record.topic}_dlq",
        key=record.key,
        value=json.dumps(letter, ensure_ascii=False, separators=(",", ":")),
        timestamp_ms=record.timestamp_ms,
        id=f"{where}:{record.offset}",
    )
