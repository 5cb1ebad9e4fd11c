"""`MatchEngine`: records in, rows out, in either mode. For looking inside, and for the match over Kafka."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from endcap.errors import EndcapError
from endcap.messages import (
    NEARBY_CUSTOMERS,
    CustomerLocation,
    NearbyPromotion,
    ProductPromotion,
    StoreProduct,
)
from endcap_backend.match.parity.engine import QUERIES, ParityMatch
from endcap_backend.match.product import ProductMatch
from endcap_backend.match.rows import MatchError, Row

Mode = Literal["parity", "product"]
MESSAGES: dict[str, type[CustomerLocation] | type[StoreProduct] | type[ProductPromotion]] = {
    message.TOPIC: message for message in (CustomerLocation, StoreProduct, ProductPromotion)
}
SOURCE_TOPICS = tuple(MESSAGES)


class Record(NamedTuple):
    """One record of a source topic, as Kafka has it."""

    topic: str
    key: str | None
    value: bytes | None
    timestamp_ms: int


class MatchEngine:
    """The match as a function of records. One owner thread; no I/O.

    `parity` gives ksqlDB's rows for the seed's statements, `product` ours: `NearbyPromotion`s keyed by uid. What can't
    be read gives a `MatchError`.
    """

    def __init__(self, mode: Mode, vectorised: bool | None = None) -> None:
        self._match: ParityMatch | ProductMatch
        self._match = ParityMatch(vectorised) if mode == "parity" else ProductMatch(vectorised=vectorised)

    def process(self, topic: str, key: str | None, value: bytes | None, timestamp_ms: int) -> list[Row | MatchError]:
        """What one record gives, in order of emission. `topic` is one of `SOURCE_TOPICS`."""
        return self.process_many([Record(topic, key, value, timestamp_ms)])[0]

    def process_many(self, records: Sequence[Record]) -> list[list[Row | MatchError]]:
        """`process` for each record, in order; product mode takes runs of fixes together, with the same answers."""
        if isinstance(self._match, ParityMatch):
            return [self._match.process(record.topic, record.value, record.timestamp_ms) for record in records]
        return _tell_all(self._match, records)

    def stats(self) -> Mapping[str, int]:
        """What is held and what was dropped."""
        return self._match.stats()


def _tell_all(match: ProductMatch, records: Sequence[Record]) -> list[list[Row | MatchError]]:
    results: list[list[Row | MatchError]] = [[] for _ in records]
    fixes: list[tuple[int, CustomerLocation, int]] = []

    def locate() -> None:
        found = match.locate_many([(location, timestamp_ms) for _, location, timestamp_ms in fixes])
        for (at, _, timestamp_ms), rows in zip(fixes, found, strict=True):
            results[at] = _rows(rows, timestamp_ms)
        fixes.clear()

    for at, record in enumerate(records):
        message = _read(record)
        if isinstance(message, MatchError):
            results[at] = [message]
        elif isinstance(message, CustomerLocation):
            fixes.append((at, message, record.timestamp_ms))
        else:
            locate()
            results[at] = _rows(_put(match, message, record.timestamp_ms), record.timestamp_ms)
    locate()
    return results


def _put(match: ProductMatch, message: StoreProduct | ProductPromotion, timestamp_ms: int) -> list[NearbyPromotion]:
    if isinstance(message, StoreProduct):
        return match.place(message, timestamp_ms)
    return match.promote(message, timestamp_ms)


def _read(record: Record) -> CustomerLocation | StoreProduct | ProductPromotion | MatchError:
    query = QUERIES[record.topic][0]
    if record.value is None:
        return MatchError(query, "rekey", "the record has no value")
    try:
        return MESSAGES[record.topic].from_text(record.value)
    except EndcapError as fault:
        return MatchError(query, "decode", str(fault))


def _rows(found: Iterable[NearbyPromotion], timestamp_ms: int) -> list[Row | MatchError]:
    return [Row(NEARBY_CUSTOMERS, row.uid, row.to_text(), timestamp_ms) for row in found]
