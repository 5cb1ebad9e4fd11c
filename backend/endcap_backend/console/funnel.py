"""What became of offers: near, told, shown, opened, clipped, redeemed; and what telling was worth.

Counted from the log itself, `customers_alerts` and `customers_events`, so that the totals are the log's.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from typing import Literal

from endcap.messages import CUSTOMERS_ALERTS, CUSTOMERS_EVENTS, WITHHELD
from endcap_backend.api.intake import MAX_SKEW
from endcap_backend.log import Log

By = Literal["promotion", "store", "hour"]
STEPS = ("near", "told", "shown", "opened", "clipped", "redeemed")
_GROUPS: dict[str, str] = {
    "promotion": "coalesce(json_extract(value, '$.pid'), '')",
    "store": "coalesce(json_extract(value, '$.store'), '')",
    "hour": "strftime('%Y-%m-%dT%H:00Z', timestamp_ms / 1000, 'unixepoch')",
}
_OF_TOPIC = (
    "topic = (SELECT number FROM topics WHERE name = ?) AND offset > ? AND timestamp_ms >= ? AND value IS NOT NULL"
)
_AHEAD_MS = int(MAX_SKEW.total_seconds() * 1000)  # a record's time may be so far after the server's, which took it
_Bound = tuple[str, int, int, str, int, int]


@dataclass(slots=True)
class Row:
    """One promotion, store or hour. `steps` counts offers; shoppers are counted for `told_bought` and `held_bought`.

    `near` are those told and those held out, who would have been.
    """

    name: str
    steps: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STEPS, 0))
    told: int = 0  # shoppers
    told_bought: int = 0  # of these, who redeemed the promotion
    held: int = 0
    held_bought: int = 0

    @property
    def uplift(self) -> float | None:
        """By how much more of those told bought than of those held out, in percentage points; None without both."""
        if not self.told or not self.held:
            return None
        return 100.0 * (self.told_bought / self.told - self.held_bought / self.held)


def funnel(log: Log, by: By, since_ms: int) -> list[Row]:
    """The rows since then, the one with the most offers first. Any thread; reads the two topics once."""
    rows: dict[str, Row] = {}
    after = log.offset_before(since_ms - _AHEAD_MS)
    bound = (CUSTOMERS_ALERTS, after, since_ms, CUSTOMERS_EVENTS, after, since_ms)
    with log.reading() as connection:
        _count(connection, rows, by, bound)
        if by == "promotion":
            _weigh(connection, rows, bound)
    return sorted(rows.values(), key=lambda row: (-row.steps["near"], row.name))


def totals(rows: list[Row]) -> dict[str, int]:
    """Each step over all rows."""
    return {step: sum(row.steps[step] for row in rows) for step in STEPS}


def _count(connection: sqlite3.Connection, rows: dict[str, Row], by: By, bound: _Bound) -> None:
    group = _GROUPS[by]
    told = f"SELECT {group}, 'told', count(*) FROM records WHERE {_OF_TOPIC} GROUP BY 1"
    became = f"SELECT {group}, json_extract(value, '$.kind'), count(*) FROM records WHERE {_OF_TOPIC} GROUP BY 1, 2"
    for name, step, count in connection.execute(f"{told} UNION ALL {became}", bound):
        if step in STEPS or step == WITHHELD:
            row = rows.setdefault(name, Row(name))
            if step in ("told", WITHHELD):
                row.steps["near"] += count
            if step != WITHHELD:
                row.steps[step] += count


def _weigh(connection: sqlite3.Connection, rows: dict[str, Row], bound: _Bound) -> None:
    """Who bought, among those told and among those held out: one pass, then one row for a shopper and a promotion."""
    query = f"""
        SELECT pid, sum(told), sum(told AND bought), sum(held), sum(held AND bought)
        FROM (
            SELECT key, pid, max(what = 'told') AS told, max(what = '{WITHHELD}') AS held,
                max(what = 'redeemed') AS bought
            FROM (
                SELECT key, json_extract(value, '$.pid') AS pid, 'told' AS what FROM records WHERE {_OF_TOPIC}
                UNION ALL
                SELECT key, json_extract(value, '$.pid'), json_extract(value, '$.kind') FROM records WHERE {_OF_TOPIC}
            )
            WHERE pid IS NOT NULL GROUP BY key, pid
        )
        GROUP BY pid HAVING sum(told OR held) > 0
    """
    for pid, *counts in connection.execute(query, bound):
        row = rows.setdefault(pid, Row(pid))
        row.told, row.told_bought, row.held, row.held_bought = counts
