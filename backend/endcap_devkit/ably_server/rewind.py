"""Rewind: how far back a new subscriber begins."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from endcap_devkit.ably_server.channels import Channel
from endcap_devkit.ably_server.errors import BAD_PARAMETER, AblyError
from endcap_devkit.ably_server.log import Entry

MAX_REWIND: Final = 100  # messages


@dataclass(frozen=True, slots=True)
class Rewind:
    """How far back: the last `count` messages, of the last `age_ms` when given."""

    count: int
    age_ms: int | None


def read_rewind(params: Mapping[str, str]) -> Rewind | None:
    """What the rewind parameters ask for.

    Raises:
        AblyError: 40003, neither a number nor a time such as 15s or 2m.
    """
    text, limit = params.get("rewind"), params.get("rewindLimit", str(MAX_REWIND))
    if text is None:
        return None
    found = re.fullmatch(r"(\d{1,9})([sm]?)", text)
    if not found or not re.fullmatch(r"\d{1,9}", limit):
        raise AblyError(
            BAD_PARAMETER, f"rewind={text[:40]!r} is neither a number of messages nor a time such as 15s or 2m"
        )
    number, most = int(found[1]), min(int(limit), MAX_REWIND)
    if not found[2]:
        return Rewind(min(number, most), None)
    return Rewind(most, number * (60_000 if found[2] == "m" else 1000))


def rewound(channel: Channel, rewind: Rewind, now_ms: int) -> list[Entry]:
    """The newest messages that `rewind` asks for, oldest first; an entry may be cut to its last messages."""
    found: list[Entry] = []
    left = rewind.count
    for entry in channel.messages.newest_first():
        if left <= 0 or (rewind.age_ms is not None and entry.timestamp < now_ms - rewind.age_ms):
            break
        found.append(replace(entry, messages=entry.messages[-left:]))
        left -= len(entry.messages)
    return found[::-1]
