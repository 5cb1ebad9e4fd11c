"""The current promotions: the latest record of each pid, found by SKU and by segment."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from endcap.messages import ProductPromotion
from endcap.wire import epoch_ms

ALWAYS_MS = -(2**62)  # a promotion without a start began here
NEVER_MS = 2**62  # and one without an end ends here


@dataclass(frozen=True, slots=True)
class Published:
    """A promotion as it stands: its record, its turn among all publications, and when it holds, in epoch ms."""

    record: ProductPromotion
    turn: int
    starts_ms: int
    ends_ms: int  # excluded


class Promotions:
    """What is promoted now or will be. One owner thread.

    `turn` counts publications; a repeated record that changes nothing is none.
    """

    def __init__(self) -> None:
        self.turn = 0
        self._by_pid: dict[str, Published] = {}
        self._by_sku: dict[int, list[Published]] = {}
        self._by_segment: dict[str, list[Published]] = {}

    def __len__(self) -> int:
        return len(self._by_pid)

    def get(self, pid: str) -> Published | None:
        return self._by_pid.get(pid)

    def publish(self, record: ProductPromotion) -> Published:
        """Make a record the current one of its pid; the caller has withdrawn the one before."""
        self.turn += 1
        starts_ms = ALWAYS_MS if record.starts_at is None else epoch_ms(record.starts_at)
        ends_ms = NEVER_MS if record.ends_at is None else epoch_ms(record.ends_at)
        published = self._by_pid[record.pid] = Published(record, self.turn, starts_ms, ends_ms)
        insort(self._shelf_of(record), published, key=_by_pid)
        return published

    def withdraw(self, pid: str) -> None:
        """Forget a promotion."""
        published = self._by_pid.pop(pid)
        record = published.record
        self._shelf_of(record).remove(published)
        if record.sku is not None and not self._by_sku[record.sku]:
            del self._by_sku[record.sku]
        elif record.sku is None and not self._by_segment[record.segment]:
            del self._by_segment[record.segment]

    def ended(self, record: ProductPromotion, before_ms: int) -> list[Published]:
        """The promotions for the same products as `record` that ended before a time."""
        by_sku, segment = record.sku is not None, record.segment
        same = self._by_sku.get(record.sku or 0, ()) if by_sku else self._by_segment.get(segment, ())
        return [published for published in same if published.ends_ms < before_ms]

    def of(self, sku: int, segment: str) -> Iterator[Published]:
        """The promotions that a product has, live or to come: its own, then its segment's."""
        yield from self._by_sku.get(sku, ())
        yield from self._by_segment.get(segment, ())

    def at(self, moment_ms: int) -> Live:
        """What holds at a moment."""
        return Live(self._by_sku, self._by_segment, moment_ms)

    def any_of(self, sku: int, segment: str) -> bool:
        return sku in self._by_sku or segment in self._by_segment

    def nbytes(self) -> int:
        """About: 1 kB a promotion with its texts."""
        return 1000 * len(self._by_pid)

    def _shelf_of(self, record: ProductPromotion) -> list[Published]:
        if record.sku is not None:
            return self._by_sku.setdefault(record.sku, [])
        return self._by_segment.setdefault(record.segment, [])


class Live:
    """The promotions that hold at one moment; a segment's are picked out once."""

    def __init__(
        self, by_sku: Mapping[int, list[Published]], by_segment: Mapping[str, list[Published]], moment_ms: int
    ) -> None:
        self._by_sku = by_sku
        self._by_segment = by_segment
        self._moment_ms = moment_ms
        self._shared: dict[str, Sequence[Published]] = {}

    def of(self, sku: int, segment: str) -> Sequence[Published]:
        """A product's own and its segment's, by pid."""
        shared = self._shared.get(segment)
        if shared is None:
            shared = self._shared[segment] = self._holding(self._by_segment.get(segment, ()))
        own = self._by_sku.get(sku)
        return shared if own is None else sorted([*self._holding(own), *shared], key=_by_pid)

    def _holding(self, promotions: Sequence[Published]) -> Sequence[Published]:
        return [each for each in promotions if each.starts_ms <= self._moment_ms < each.ends_ms]


def _by_pid(published: Published) -> str:
    return published.record.pid
