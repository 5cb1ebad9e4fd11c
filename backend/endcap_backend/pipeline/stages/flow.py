"""What was read of one partition number and not yet dealt with."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection
from itertools import islice

from endcap_backend.pipeline.stages.records import Inflow, Share


class Flow:
    """The records in hand of one partition number; of several topics merged by time, as Kafka Streams does.

    Of the topics' next records the earliest is taken, of equally early ones that of the topic named first; and none as
    long as one of the topics may still have an earlier one. One thread.

    With `hold_s` the first topic leads: its records wait for others only until those were once read to their end, and
    a record of the others for what the first may still have from before it, at most so long (on `now_s`'s clock).
    """

    def __init__(
        self,
        topics: Collection[str],
        positions: dict[str, int | None],
        hold_s: float | None = None,
        now_s: Callable[[], float] = float,
    ) -> None:
        self.positions = positions  # by topic, after the last record dealt with
        self.share: Share | None = None
        self.not_before_s = 0.0
        self.singly = 0  # records still to be taken one by one
        self._hold_s = hold_s
        self._now_s = now_s
        self._heads: dict[str, deque[Inflow]] = {topic: deque() for topic in topics}
        self._came_s: dict[str, deque[float]] = {topic: deque() for topic in topics}  # each of those, where held
        self._merged: deque[Inflow] = deque()
        self._ended: set[str] = set()
        self._caught_up: set[str] = set()  # which were once at their end

    def __len__(self) -> int:
        return len(self._merged) + sum(map(len, self._heads.values()))

    def put(self, record: Inflow) -> None:
        self._ended.discard(record.topic)
        if len(self._heads) == 1:
            self._merged.append(record)
            return
        self._heads[record.topic].append(record)
        self._came_s[record.topic].append(self._now_s())
        self._merge()

    def end(self, topic: str) -> None:
        """There is nothing more of this topic now."""
        self._ended.add(topic)
        self._caught_up.add(topic)
        self._merge()

    def waiting(self, topic: str) -> int:
        """How many records of a topic are in hand and not merged yet; of a single topic all of them."""
        return len(self._merged) if len(self._heads) == 1 else len(self._heads[topic])

    def at_end(self, topic: str) -> bool:
        """Whether the end of this topic was reached, and nothing came since."""
        return topic in self._ended

    def first(self, most: int) -> list[Inflow]:
        """The next records, which stay in hand."""
        if self._hold_s is not None:
            self._merge()
        return list(islice(self._merged, most))

    def is_busy(self) -> bool:
        """Whether there are records to deal with now."""
        return bool(self.first(1))

    def done(self, count: int) -> None:
        """The first records are dealt with."""
        for _ in range(count):
            record = self._merged.popleft()
            self.positions[record.topic] = record.offset + 1
        self.singly = max(0, self.singly - count)

    def _merge(self) -> None:
        while (topic := self._next()) is not None:
            self._came_s[topic].popleft()
            self._merged.append(self._heads[topic].popleft())

    def _next(self) -> str | None:
        """The topic whose next record may be taken; None while one has to wait."""
        heads = self._heads
        waiting = [topic for topic in heads if heads[topic]]
        if not waiting:
            return None
        earliest = min(waiting, key=lambda topic: heads[topic][0].timestamp_ms)  # the first of equals
        missing = [topic for topic in heads if not heads[topic]]
        silent = self._ended if self._hold_s is None else self._caught_up
        if silent.issuperset(missing) and not self._is_held(earliest, missing):
            return earliest
        return None

    def _is_held(self, earliest: str, missing: Collection[str]) -> bool:
        leader = next(iter(self._heads))
        if self._hold_s is None or earliest == leader or leader not in missing:
            return False
        return self._now_s() < self._came_s[earliest][0] + self._hold_s
