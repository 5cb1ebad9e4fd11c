"""The seed's two joins on Kafka: what ksqlDB would write for the same records, per partition number.

As there, records of the three topics meet when they stand in partitions of the same number, are taken in order of their
time, and give rows in that partition. With one partition a topic, which the seed's key (the country) amounts to anyway,
that is everything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from endcap.messages import NEARBY_CUSTOMERS, VALID_PROMOTIONS
from endcap_backend.match.engine import SOURCE_TOPICS, MatchEngine, Record
from endcap_backend.match.rows import Row
from endcap_backend.pipeline.cluster.topics import letters_of
from endcap_backend.pipeline.kafka import KafkaSettings
from endcap_backend.pipeline.stages.flow import Flow
from endcap_backend.pipeline.stages.reading import read_between
from endcap_backend.pipeline.stages.records import Inflow, Outcome, Outflow, Share, Start
from endcap_backend.pipeline.stages.stage import Stage
from endcap_backend.pipeline.stages.topics import check_alike, ensure_topics

NAME = "match-parity"
JOINED = (*SOURCE_TOPICS, VALID_PROMOTIONS, NEARBY_CUSTOMERS)


class Joins:
    """One partition number's joins. What can't be read is counted, as ksqlDB has it in its processing log."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._engine = MatchEngine("parity")
        self.errors = 0

    def handle(self, records: Sequence[Inflow]) -> Outcome:
        found = self._engine.process_many([_record(each) for each in records])
        rows = [each for results in found for each in results if isinstance(each, Row)]
        self.errors += sum(map(len, found)) - len(rows)
        return Outcome([self._written(each) for each in rows], len(records))

    def note(self) -> str:
        return ""

    def stats(self) -> Mapping[str, float]:
        return {**self._engine.stats(), "errors": self.errors}

    def _written(self, row: Row) -> Outflow:
        return Outflow(row.topic, row.key, row.value, row.timestamp_ms, self._number)


class Parity:
    """The work of the stage."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._shares: dict[int, Joins] = {}

    def take_on(self, starts: Mapping[int, Start]) -> Mapping[int, Share]:
        """Go through all that was joined once more: what the joins still hold depends on when each record came."""
        taken = {number: Joins(number) for number in starts}
        for number, start in starts.items():
            spans = {(topic, number): (0, position or 0) for topic, position in start.positions.items()}
            flow = Flow(SOURCE_TOPICS, {})
            for record in read_between(self._settings, spans):
                flow.put(record)
            for topic in SOURCE_TOPICS:
                flow.end(topic)
            taken[number].handle(flow.first(len(flow)))
        self._shares |= taken
        return taken

    def look(self, shares: Mapping[int, Share]) -> None:
        self._shares = {number: share for number, share in shares.items() if isinstance(share, Joins)}

    def stats(self) -> Mapping[str, float]:
        total: Counter[str] = Counter()
        for share in list(self._shares.values()):
            total.update({name: int(value) for name, value in share.stats().items()})
        return dict(total)

    def close(self) -> None:
        """It holds nothing open."""


def parity_stage(settings: KafkaSettings) -> Stage:
    """The stage that joins as the seed's statements do."""

    def make() -> Parity:
        found = ensure_topics(settings, (*JOINED, *map(letters_of, SOURCE_TOPICS)))
        check_alike({topic: found[topic] for topic in JOINED})
        return Parity(settings)

    return Stage(settings, NAME, SOURCE_TOPICS, make)


def _record(record: Inflow) -> Record:
    return Record(record.topic, record.key, record.value, record.timestamp_ms)
