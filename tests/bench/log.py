"""The durable log against a raw file: acknowledgements a second, each one on disk; and how fast it is read again."""

from __future__ import annotations

import os
import statistics
import struct
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Lock, Thread

from endcap_backend.log import GROUP_ROWS, Log, NewRecord

VALUE = (
    '{"uid":"8f14e45fceea167a5a36dedd4bea2543","latitude":60.16952,"longitude":24.93545,"country":"FIN",'
    '"id":"install:123456","accuracy_m":8.0,"taken_at":"2026-11-24T12:00:00.000Z","source":"gps"}'
)
PRODUCERS = (1, 100, 1000)


class RawFile:
    """The floor: the same queue and one thread, but the records go to a plain file with a CRC each; then fdatasync."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        self._queue: SimpleQueue[tuple[list[NewRecord], Lock] | None] = SimpleQueue()
        self._thread = Thread(target=self._write)
        self._thread.start()

    def append(self, records: list[NewRecord]) -> None:
        done = Lock()
        done.acquire()
        self._queue.put((records, done))
        done.acquire()

    def close(self) -> None:
        self._queue.put(None)
        self._thread.join()
        os.close(self._file)

    def _write(self) -> None:
        while work := self._queue.get():
            group = [work]
            rows = len(work[0])
            while rows < GROUP_ROWS:
                try:
                    work = self._queue.get_nowait()
                except Empty:
                    break
                if work is None:
                    self._queue.put(None)
                    break
                group.append(work)
                rows += len(work[0])
            os.write(self._file, b"".join(_framed(record) for records, _ in group for record in records))
            os.fdatasync(self._file)
            for _, done in group:
                done.release()


def _framed(record: NewRecord) -> bytes:
    body = f"{record.topic}\0{record.key}\0{record.id}\0{record.timestamp_ms}\0{record.value}".encode()
    return struct.pack("<II", len(body), zlib.crc32(body)) + body


def _acks_per_s(append: Callable[[list[NewRecord]], object], producers: int, each: int, run: int) -> float:
    def produce(number: int) -> None:
        for count in range(each):
            append([NewRecord("customers_locations", f"{number:032}", VALUE, 1, f"install{run}-{number}:{count}")])

    threads = [Thread(target=produce, args=(number,)) for number in range(producers)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return producers * each / (time.perf_counter() - began)


def _replay_per_s(log: Log) -> float:
    began, after, count = time.perf_counter(), 0, 0
    while records := log.read(after, 5000):
        after, count = records[-1].offset, count + len(records)
    return count / (time.perf_counter() - began)


def _batched_per_s(append: Callable[[list[NewRecord]], object], total: int, run: int) -> float:
    records = [NewRecord("customers_locations", f"{n % 999:032}", VALUE, 1, f"bulk{run}:{n}") for n in range(total)]
    began = time.perf_counter()
    for start in range(0, total, GROUP_ROWS):
        append(records[start : start + GROUP_ROWS])
    return total / (time.perf_counter() - began)


def run(quick: bool) -> str:
    """Markdown: contenders take turns, the median of the rounds counts."""
    rounds, total = (3, 10_000) if quick else (7, 40_000)
    lines = [
        "### The durable log",
        "",
        "Acknowledgements a second, each on disk before its producer goes on (190-byte locations).",
        "",
        "| producers | raw file, group commit | the log | times slower |",
        "|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        raw, log = RawFile(Path(folder, "raw")), Log(Path(folder, "log.db"))
        for producers in PRODUCERS:
            each = max(1, (total if producers > 1 else total // 10) // producers)
            found = [
                (_acks_per_s(raw.append, producers, each, turn), _acks_per_s(log.append, producers, each, turn))
                for turn in range(rounds)
            ]
            lines.append(_row(f"{producers:,}", found))
        found = [
            (_batched_per_s(raw.append, total, turn), _batched_per_s(log.append, total, turn)) for turn in range(rounds)
        ]
        lines.append(_row("1, in batches of 500", found))
        replayed = statistics.median(_replay_per_s(log) for _ in range(rounds))
        lines += ["", f"Replay of {log.stats().records:,} records: {replayed:,.0f} records/s."]
        raw.close()
        log.close()
    return "\n".join(lines)


def _row(name: str, found: list[tuple[float, float]]) -> str:
    raw, log = (statistics.median(column) for column in zip(*found, strict=True))
    return f"| {name} | {raw:,.0f}/s | {log:,.0f}/s | {statistics.median(a / b for a, b in found):.2f}x |"
