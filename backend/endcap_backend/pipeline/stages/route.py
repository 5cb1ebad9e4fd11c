"""From a shopper's partition to her region's: fixes go where the shelves about them are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from endcap.errors import EndcapError
from endcap.messages import CUSTOMERS_LOCATIONS, CustomerLocation
from endcap_backend.match.regions import partition_of, region_of
from endcap_backend.pipeline.kafka import KafkaSettings
from endcap_backend.pipeline.stages.records import Inflow, Outcome, Outflow, Share, Start, dead_letter
from endcap_backend.pipeline.stages.stage import Stage
from endcap_backend.pipeline.stages.topics import LOCATIONS_BY_CELL, ensure_topics

NAME = "match-route"


class Routing:
    """The work of the stage, and the share of each of its partitions: it keeps nothing."""

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self._unreadable = 0

    def take_on(self, starts: Mapping[int, Start]) -> Mapping[int, Share]:
        return dict.fromkeys(starts, self)

    def look(self, shares: Mapping[int, Share]) -> None:
        """It reads nothing else."""

    def handle(self, records: Sequence[Inflow]) -> Outcome:
        return Outcome([each for record in records for each in self._route(record)], len(records))

    def note(self) -> str:
        return ""

    def stats(self) -> Mapping[str, float]:
        return Counter({f"unreadable {CUSTOMERS_LOCATIONS}": self._unreadable})

    def close(self) -> None:
        """It holds nothing open."""

    def _route(self, record: Inflow) -> list[Outflow]:
        if record.value is None:  # a tombstone: she is to be forgotten wherever she was
            return [self._to(number, record) for number in range(self._partitions)]
        try:
            location = CustomerLocation.from_text(record.value)
        except EndcapError as fault:
            self._unreadable += 1
            return [dead_letter(record, str(fault), "match")]
        return [self._to(partition_of(region_of(*location.point), self._partitions), record)]

    def _to(self, partition: int, record: Inflow) -> Outflow:
        return Outflow(LOCATIONS_BY_CELL, record.key, record.value, record.timestamp_ms, partition)


def route_stage(settings: KafkaSettings) -> Stage:
    """The stage that strews fixes by region."""

    def make() -> Routing:
        letters = f"{CUSTOMERS_LOCATIONS}_dlq"
        return Routing(ensure_topics(settings, (CUSTOMERS_LOCATIONS, LOCATIONS_BY_CELL, letters))[LOCATIONS_BY_CELL])

    return Stage(settings, NAME, (CUSTOMERS_LOCATIONS,), make)
