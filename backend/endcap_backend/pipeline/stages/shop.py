"""The shop's two topics, read whole by every worker, and followed: what each share knows of them, up to where."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from endcap.messages import PRODUCTS_PROMOTIONS, STORES_PRODUCTS
from endcap_backend.pipeline.kafka import KafkaSettings
from endcap_backend.pipeline.stages.reading import Place, Reading, ends_of, places_of, read_between
from endcap_backend.pipeline.stages.records import Inflow

TOPICS = (STORES_PRODUCTS, PRODUCTS_PROMOTIONS)


class ShopTopics:
    """Products and promotions as they come, of all partitions. One thread.

    `positions` is how far they have been given out; a share that has had all of that stores it with its own position.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self.positions: dict[Place, int] = {}
        self._reading: Reading | None = None

    def begin(self, starts: Mapping[Place, int] | None = None) -> None:
        """Follow from `starts`, or from their ends now; nothing happens when it follows already."""
        if self._reading is None:
            self.positions = dict(starts or ends_of(self._settings, places_of(self._settings, TOPICS)))
            self._reading = Reading(self._settings, self.positions)

    def past(self, starts: Mapping[Place, int] | None = None) -> Iterator[Inflow]:
        """What was given out until now, from `starts` or the very beginning."""
        starts = starts or {}
        return read_between(
            self._settings, {place: (starts.get(place, 0), end) for place, end in self.positions.items()}
        )

    def take(self) -> list[Inflow]:
        """What has come since."""
        if self._reading is None:
            return []
        records = self._reading.take()
        self.positions = dict(self._reading.positions)
        return records

    def close(self) -> None:
        if self._reading is not None:
            self._reading.close()
            self._reading = None


def write_note(positions: Mapping[Place, int]) -> str:
    """Positions as text: of each topic one number a partition."""
    by_topic: dict[str, dict[int, int]] = {}
    for (topic, number), offset in positions.items():
        by_topic.setdefault(topic, {})[number] = offset
    lists = {topic: [found.get(n, 0) for n in range(max(found) + 1)] for topic, found in sorted(by_topic.items())}
    return json.dumps(lists, separators=(",", ":"))


def read_note(note: str) -> dict[Place, int] | None:
    """Positions from such a text; None when there is none."""
    if not note:
        return None
    return {(topic, n): offset for topic, offsets in json.loads(note).items() for n, offset in enumerate(offsets)}
