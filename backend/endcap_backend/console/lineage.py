"""What passes through the stream: topics with their records, stages with how far behind they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock

from endcap.clock import Clock
from endcap_backend.log import Log

Stats = Callable[[], Mapping[str, float]]
STAGES = ("feed", "match", "decide", "delivery", "webpush", "forward", "return")
CLUSTER = "cluster "  # begins what the backend knows of stages that run there
WINDOW_S = 2.0  # a rate is over at least so long
# The plus keeps SQLite on the index of topics, a small part of the file, instead of the records themselves.
COUNT_ALL = "SELECT topic, count(*) FROM records WHERE +offset > ? AND +offset <= ? GROUP BY topic"
COUNT_NEW = COUNT_ALL.replace("+offset", "offset")
RECOUNT_S = 60.0  # records go, too; to count 20 million takes a second


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic of the log. `records` are those that are kept, `per_s` those that came since the look before."""

    name: str
    records: int
    per_s: float


@dataclass(frozen=True, slots=True)
class Stage:
    """A consumer of the log. `lag` counts records of all topics, so it is an upper bound; `figures` are its own."""

    name: str
    lag: int
    figures: Mapping[str, float]


class Lineage:
    """Looks at the log and the pipeline. Any thread; what a look counts is remembered for the rates of the next."""

    def __init__(self, log: Log, stats: Stats, clock: Clock) -> None:
        self._log = log
        self._stats = stats
        self._clock = clock
        self._lock = Lock()
        self._records: dict[str, int] = {}
        self._recounted_at_s = -RECOUNT_S
        self._rates: dict[str, float] = {}
        self._looked_at_s: float | None = None
        self._end = 0

    def topics(self) -> list[Topic]:
        with self._lock:
            now_s = self._clock.monotonic()
            if self._looked_at_s is None or now_s - self._looked_at_s >= WINDOW_S:
                self._look(now_s)
            return [Topic(name, self._records[name], self._rates.get(name, 0.0)) for name in sorted(self._records)]

    def stages(self) -> list[Stage]:
        """In the order of the pipeline's own figures; a consumer without figures stands last."""
        figures: dict[str, dict[str, float]] = {}
        for name, value in self._stats().items():
            stage, _, what = name.removeprefix(CLUSTER).partition(" ")
            if stage in STAGES:
                figures.setdefault(stage, {})[what] = value
            else:  # the match tells of its own work without its name
                figures.setdefault("match", {})[name] = value
        end = self._log.end()
        behind = {name: max(0, end - position) for name, position in self._log.positions().items()}
        names = [*figures, *(name for name in sorted(behind) if name not in figures)]
        return [
            Stage(each, int(figures.get(each, {}).get("lag", behind.get(each, 0))), figures.get(each, {}))
            for each in names
        ]

    def _look(self, now_s: float) -> None:
        end = self._log.end()
        if now_s - self._recounted_at_s >= RECOUNT_S:
            came = dict.fromkeys(self._records, 0) if self._looked_at_s is None else self._came(self._end, end)
            self._records, self._recounted_at_s = self._came(0, end), now_s
        else:
            came = self._came(self._end, end)
            for name, count in came.items():
                self._records[name] = self._records.get(name, 0) + count
        if self._looked_at_s is not None:
            self._rates = {name: count / (now_s - self._looked_at_s) for name, count in came.items()}
        self._looked_at_s, self._end = now_s, end

    def _came(self, after: int, end: int) -> dict[str, int]:
        """Of each topic how many records stand above an offset, up to another."""
        query = COUNT_NEW if after else COUNT_ALL
        with self._log.reading() as connection:
            names = dict(connection.execute("SELECT number, name FROM topics").fetchall())
            return {names[number]: count for number, count in connection.execute(query, (after, end))}
