"""What was read of one partition number and not yet dealt with."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from itertools import islice

from endcap_backend.pipeline.stages.records import Inflow, Share


class Flow:
    """The records in hand of one partition number; of several topics merged by time, as Kafka Streams does.

    Of the topics' next records the earliest is taken, of equally early ones that of the topic named first; and none as
    long as one of the topics may still have an earlier one. One thread.
    """

    def __init__(self, topics: Collection[str], positions: dict[str, int | None]) -> None:
        self.positions = positions  # by topic, after the last record dealt with
        self.share: Share | None = None
        self.not_before_s = 0.0
        self.singly = 0  # records still to be taken one by one
        self._heads: dict[str, deque[Inflow]] = {topic: deque() for topic in topics}
        self._merged: deque[Inflow] = deque()
        self._ended: set[str] = set()

    def __len__(self) -> int:
        return len(self._merged) + sum(map(len, self._heads.values()))

    def put(self, record: Inflow) -> None:
        self._ended.discard(record.topic)
        if len(self._heads) == 1:
            self._merged.append(record)
        else:
            self._heads[record.topic].append(record)
            self._merge()

    def end(self, topic: str) -> None:
        """There is nothing more of this topic now."""
        self._ended.add(topic)
        self._merge()

    def waiting(self, topic: str) -> int:
        """How many records of a topic are in hand and not merged yet; of a single topic all of them."""
        return len(self._merged) if len(self._heads) == 1 else len(self._heads[topic])

    def at_end(self, topic: str) -> bool:
        """Whether the end of this topic was reached, and nothing came since."""
        return topic in self._ended

    def first(self, most: int) -> list[Inflow]:
        """The next records, which stay in hand."""
        return list(islice(self._merged, most))

    def done(self, count: int) -> None:
        """The first records are dealt with."""
        for _ in range(count):
            record = self._merged.popleft()
            self.positions[record.topic] = record.offset + 1
        self.singly = max(0, self.singly - count)

    def _merge(self) -> None:
        heads = self._heads
        while all(heads[topic] or topic in self._ended for topic in heads):
            waiting = [topic for topic in heads if heads[topic]]
            if not waiting:
                return
            earliest = min(waiting, key=lambda topic: heads[topic][0].timestamp_ms)  # the first of equals
            self._merged.append(heads[earliest].popleft())
