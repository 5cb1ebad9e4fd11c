"""The two sides of the first join, by segment, and which records of one the other could see."""

from __future__ import annotations

from array import array
from dataclasses import dataclass

from endcap_backend.match.parity.java_text import key_text
from endcap_backend.match.parity.located import Located
from endcap_backend.match.parity.timeline import Group, TimeLine

KEPT_MS = 24 * 3600_000  # without GRACE PERIOD ksqlDB keeps 24 hours, window and grace together
NEVER_MS = -(2**62)


@dataclass(slots=True, eq=False)
class Promotion:
    """A promotion as the join keeps it. `newest_product_ms` was the newest product's time when it arrived."""

    timestamp_ms: int
    arrival: int
    segment: str  # as a key
    segment_text: str  # as it was sent
    pid: str | None
    newest_product_ms: int
    last_pair_ms: int = NEVER_MS


class Promotions:
    """The promotions of the last 24 hours by the newest of them. One owner thread."""

    def __init__(self, capacity: int) -> None:
        self.newest_ms = NEVER_MS
        self.dropped = 0
        self._by_arrival: dict[int, Promotion] = {}
        self._segments: dict[str, TimeLine] = {}
        self._capacity = capacity

    def __len__(self) -> int:
        return len(self._by_arrival)

    def add(self, timestamp_ms: int, arrival: int, segment: str, pid: str | None, newest_product_ms: int) -> Promotion:
        key = key_text(segment)
        line = self._segments.setdefault(key, TimeLine())
        if len(self) >= self._capacity and line:
            self._remove(self._by_arrival[line.oldest()])
            self.dropped += 1
        promotion = Promotion(timestamp_ms, arrival, key, segment, pid, newest_product_ms)
        self._by_arrival[arrival] = promotion
        line.add(timestamp_ms, arrival)
        self._segments[key] = line
        self.newest_ms = max(self.newest_ms, timestamp_ms)
        return promotion

    def between(self, segment: str, first_ms: int, last_ms: int) -> list[Promotion]:
        """Those of a segment in a time, both ends included, in order of time, then of arrival."""
        line = self._segments.get(segment)
        return [] if line is None else [self._by_arrival[arrival] for arrival in line.between(first_ms, last_ms)]

    def seen(self, segment: str, first_ms: int, last_ms: int) -> list[Promotion]:
        """`between`, less what the store no longer shows."""
        return self.between(segment, max(first_ms, self.newest_ms - KEPT_MS + 1), last_ms)

    def sweep(self, pairs_until_ms: int) -> None:
        """Forget what neither join can see any more; pairs up to a time are past."""
        for line in list(self._segments.values()):
            for arrival in line.until(self.newest_ms - KEPT_MS):
                promotion = self._by_arrival[arrival]
                if promotion.last_pair_ms <= pairs_until_ms:
                    self._remove(promotion)

    def _remove(self, promotion: Promotion) -> None:
        line = self._segments[promotion.segment]
        line.remove(promotion.timestamp_ms, promotion.arrival)
        if not line:
            del self._segments[promotion.segment]
        del self._by_arrival[promotion.arrival]


class Products:
    """The products of the last 24 hours by the newest of them, by segment and by place. One owner thread."""

    def __init__(self, vectorised: bool | None, capacity: int) -> None:
        self.newest_ms = NEVER_MS
        self.dropped = 0
        self.located = Located(vectorised)
        self._groups: list[Group] = []  # columns beside those of `located`, by number
        self._country_texts: list[str | None] = []
        self._newest_promotions_ms = array("q")
        self._last_pairs_ms = array("q")
        self._segments: dict[str, Group] = {}
        self._capacity = capacity

    def __len__(self) -> int:
        return len(self.located)

    def add(
        self, timestamp_ms: int, arrival: int, segment: str, latitude_e5: int | None, longitude_e5: int | None,
        country: str | None, newest_promotion_ms: int,
    ) -> int:  # fmt: skip
        group = self._segments.setdefault(segment, Group(segment))
        if len(self) >= self._capacity and group.line:
            self._remove(group.line.oldest())
            self.dropped += 1
        key = None if country is None else key_text(country)
        number = self.located.add(timestamp_ms, arrival, latitude_e5, longitude_e5, key)
        kept = self.located.country(number)
        text = kept if country == kept else country  # the key's own text, as it is nearly always: kept once
        self._groups[number : number + 1] = [group]
        self._country_texts[number : number + 1] = [text]
        self._newest_promotions_ms[number : number + 1] = array("q", [newest_promotion_ms])
        self._last_pairs_ms[number : number + 1] = array("q", [NEVER_MS])
        group.line.add(timestamp_ms, number)
        self._segments[segment] = group
        self.newest_ms = max(self.newest_ms, timestamp_ms)
        return number

    def segment(self, number: int) -> str:
        return self._groups[number].key

    def country_text(self, number: int) -> str | None:
        """The country as it was sent; as a key it is `located.country`."""
        return self._country_texts[number]

    def seen(self, segment: str, first_ms: int, last_ms: int) -> list[int]:
        """Those of a segment in a time that the store still shows, in order of time, then of arrival."""
        group = self._segments.get(segment)
        return [] if group is None else list(group.line.between(max(first_ms, self.newest_ms - KEPT_MS + 1), last_ms))

    def met(self, number: int, promotion: Promotion) -> bool:
        """Whether a product and a promotion within the window saw each other when the later of them came."""
        if self.located.arrivals[number] > promotion.arrival:
            return promotion.timestamp_ms > self._newest_promotions_ms[number] - KEPT_MS
        return self.located.timestamps_ms[number] > promotion.newest_product_ms - KEPT_MS

    def paired(self, number: int, timestamp_ms: int) -> None:
        """A pair was formed; it outlives the 24 hours of the product."""
        self._last_pairs_ms[number] = max(self._last_pairs_ms[number], timestamp_ms)

    def sweep(self, pairs_until_ms: int) -> None:
        """Forget what neither join can see any more; pairs up to a time are past."""
        for group in list(self._segments.values()):
            for number in group.line.until(self.newest_ms - KEPT_MS):
                if self._last_pairs_ms[number] <= pairs_until_ms:
                    self._remove(number)

    def _remove(self, number: int) -> None:
        group = self._groups[number]
        group.line.remove(self.located.timestamps_ms[number], number)
        if not group.line:
            del self._segments[group.key]
        self.located.remove(number)
