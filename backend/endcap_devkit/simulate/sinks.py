"""Where made-up records go: standard output, a backend's log on disk, or Kafka."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from endcap.clock import Clock, SystemClock
from endcap.errors import BadConfig
from endcap.wire import epoch_ms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from endcap_devkit.simulate.generators import Record, Stream

Put = Callable[[Sequence["Record"]], None]
Sink = AbstractContextManager[Put]


@contextmanager
def to_stdout(out: TextIO | None = None) -> Iterator[Put]:
    """One JSON object a line, nothing else."""
    stream = out or sys.stdout

    def put(records: Sequence[Record]) -> None:
        stream.write("".join(f"{json.dumps(record)}\n" for record in records))
        stream.flush()

    yield put


@contextmanager
def to_log(topic: Stream, data: Path, clock: Clock | None = None) -> Iterator[Put]:
    """Append to the log of a backend's data directory, each batch on disk before the next one is made.

    Raises:
        BadConfig: the directory can't be made.
        LogInUse: a backend runs on it.
    """
    from endcap_backend.log import Log, NewRecord

    try:
        data.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise BadConfig("data", f"{data} can't be made: {fault.strerror}") from None
    now = (clock or SystemClock()).now
    with closing(Log(data / "log.db")) as log:

        def put(records: Sequence[Record]) -> None:
            timestamp_ms = epoch_ms(now())
            log.append([NewRecord(topic.topic, str(r[topic.key]), json.dumps(r), timestamp_ms) for r in records])

        yield put


@contextmanager
def to_kafka(topic: Stream, bootstrap_servers: str) -> Iterator[Put]:
    """Produce to the stream's topic; the login comes from the environment (`endcap_backend.pipeline.kafka`).

    Raises:
        BadConfig, Unreachable: as `KafkaProducer`.
    """
    from endcap_backend.pipeline.kafka import KafkaProducer, KafkaSettings

    producer = KafkaProducer(KafkaSettings.from_env(bootstrap_servers=bootstrap_servers))
    try:
        yield lambda records: producer.produce(topic.topic, ((str(r[topic.key]), json.dumps(r)) for r in records))
    finally:
        producer.flush()
