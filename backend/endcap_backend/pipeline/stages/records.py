"""What goes through a stage: records as Kafka has them, and what came of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, Message


class Inflow(NamedTuple):
    """One record that was read. `headers` are by name; of two with one name the last."""

    topic: str
    partition: int
    offset: int
    key: str | None
    value: bytes | None
    timestamp_ms: int
    headers: Mapping[str, bytes]


class Outflow(NamedTuple):
    """One record to write; `partition` -1 leaves it to the key."""

    topic: str
    key: str | None
    value: str | bytes | None
    timestamp_ms: int
    partition: int = -1
    headers: Mapping[str, bytes] | None = None


class Outcome(NamedTuple):
    """What came of a batch: what to write, how many records from the first on are dealt with, and how long to wait
    before the rest is handed over again."""

    produced: Sequence[Outflow]
    done: int
    wait_s: float = 0.0


class Share(Protocol):
    """The state of one partition. Owned by its stage's thread."""

    def handle(self, records: Sequence[Inflow]) -> Outcome:
        """Deal with the next records, in order; also called without any, for what is due all the same."""
        ...

    def note(self) -> str:
        """What is kept beside the position, under 4 kB: how far other topics had been read by then."""
        ...


class Start(NamedTuple):
    """Where a share goes on: the committed position by topic (None: nothing is committed), and its note."""

    positions: Mapping[str, int | None]
    note: str


class Work(Protocol):
    """What a stage does. Owned by its stage's thread; all of its state can be had from the topics again."""

    def take_on(self, starts: Mapping[int, Start]) -> Mapping[int, Share]:
        """The shares of these partitions, as they were when their positions were committed."""
        ...

    def look(self, shares: Mapping[int, Share]) -> None:
        """Take in what has come in other topics; called before each batch, with the shares as they are now.

        One that was taken on may be missing for a while, and come back: while there is none, nothing may be taken in.
        """
        ...

    def stats(self) -> Mapping[str, float]: ...

    def close(self) -> None: ...


def inflow(message: Message) -> Inflow:
    """A message without an error, as a record. A key that is no UTF-8 is read with replacements."""
    kind, timestamp_ms = message.timestamp()
    key = message.key()
    return Inflow(
        message.topic(),
        message.partition(),
        message.offset(),
        None if key is None else key.decode(errors="replace"),
        message.value(),
        0 if kind == TIMESTAMP_NOT_AVAILABLE else timestamp_ms,
        dict(message.headers() or ()),
    )


def dead_letter(record: Inflow, reason: str, where: str) -> Outflow:
    """The record for `<topic>_dlq`, with the refused bytes as text, the reason and where that was."""
    letter = {
        "value": None if record.value is None else record.value[:DLQ_VALUE_BYTES].decode(errors="replace"),
        "reason": reason,
        "where": where,
        "partition": record.partition,
        "offset": record.offset,
    }
    text = json.dumps(letter, ensure_ascii=False, separators=(",", ":"))
    return Outflow(f"{record.topic}_dlq", record.key, text, record.timestamp_ms)


DLQ_VALUE_BYTES = 100_000  # the letter has to fit where the record did
