"""What the match gives out: rows, and errors as ksqlDB's processing log has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Stage = Literal["decode", "rekey", "where"]


@dataclass(frozen=True, slots=True)
class Row:
    """A record for an output topic; `value` is the exact text."""

    topic: str
    key: str
    value: str
    timestamp_ms: int


@dataclass(frozen=True, slots=True)
class MatchError:
    """A record or a pair that was dropped: in which query, at which stage, and why."""

    query: str
    stage: Stage
    message: str
