"""The SDK's outbox against a raw file that is synced as often: keeping fixes and events, and draining a day of them."""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from endcap.outbox import Outbox
from endcap.testing import NOON, a_location, an_event
from endcap.waiting import Draft, draft

DAY = 86_400
CHECKPOINT_PUTS = 330  # SQLite syncs after 1,000 pages of its log, and a put of one fix writes three


class RawFile:
    """The floor: one JSON line an entry, synced as often as the outbox is."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_CREAT | os.O_RDWR | os.O_APPEND)
        self._puts = 0

    def put(self, drafts: list[Draft], *, durable: bool) -> None:
        os.write(self._file, b"".join(json.dumps(each, separators=(",", ":")).encode() + b"\n" for each in drafts))
        self._puts += 1
        if durable or self._puts % CHECKPOINT_PUTS == 0:
            os.fdatasync(self._file)

    def read(self) -> int:
        """Every line parsed; how many."""
        os.lseek(self._file, 0, os.SEEK_SET)
        with os.fdopen(os.dup(self._file), "rb") as file:
            return sum(bool(json.loads(line)) for line in file)

    def close(self) -> None:
        os.close(self._file)


def _fix(number: int) -> Draft:
    return draft(a_location(taken_at=NOON + timedelta(seconds=number)))


def _per_s(count: int, put: Callable[[int], object]) -> float:
    began = time.perf_counter()
    for number in range(count):
        put(number)
    return count / (time.perf_counter() - began)


def _drained_per_s(outbox: Outbox) -> float:
    total, began = outbox.count("fix"), time.perf_counter()
    while batch := outbox.peek("fix", 500):
        outbox.confirm(batch)
    return total / (time.perf_counter() - began)


def _read_per_s(raw: RawFile) -> float:
    began = time.perf_counter()
    return raw.read() / (time.perf_counter() - began)


def _round(folder: Path, fixes: int, events: int) -> dict[str, tuple[float, float]]:
    """Each line of the table once: (raw file, outbox), in entries a second."""
    outbox, raw = Outbox(folder / "box"), RawFile(folder / "raw")
    batches = [[_fix(start + more) for more in range(20)] for start in range(0, fixes, 20)]
    event = draft(an_event())
    singles = [_fix(number) for number in range(fixes)]
    found = {
        "fix, one a put": (
            _per_s(fixes, lambda n: raw.put([singles[n]], durable=False)),
            _per_s(fixes, lambda n: outbox.put([singles[n]])),
        ),
        "fixes, 20 a put": (
            20 * _per_s(len(batches), lambda n: raw.put(batches[n], durable=False)),
            20 * _per_s(len(batches), lambda n: outbox.put(batches[n])),
        ),
        "event, on the disk before put returns": (
            _per_s(events, lambda n: raw.put([event], durable=True)),
            _per_s(events, lambda n: outbox.put(events=[event])),
        ),
        "drained, 500 a batch": (_read_per_s(raw), _drained_per_s(outbox)),
    }
    outbox.close()
    raw.close()
    return found


def _day(folder: Path) -> tuple[float, float, float]:
    """A day at one a second: seconds to keep it all, one a put; its size in MB; seconds to drain it."""
    outbox = Outbox(folder)
    began = time.perf_counter()
    for number in range(DAY):
        outbox.put([_fix(number)])
    kept_s = time.perf_counter() - began
    assert outbox.count("fix") == DAY
    size_mb = (folder / "outbox.db").stat().st_size / 1e6
    began = time.perf_counter()
    _drained_per_s(outbox)
    outbox.close()
    return kept_s, size_mb, time.perf_counter() - began


def _made(folder: str, name: str) -> Path:
    made = Path(folder, name)
    made.mkdir()
    return made


def run(quick: bool) -> str:
    """Markdown: contenders take turns, the median of the rounds counts."""
    rounds, fixes, events = (3, 4_000, 100) if quick else (7, 20_000, 400)
    lines = [
        "### The SDK's outbox",
        "",
        "Entries a second, beside a raw file of JSON lines synced as often; drained, beside reading and parsing it.",
        "",
        "| what | raw file | outbox | times slower |",
        "|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        found = [_round(_made(folder, str(turn)), fixes, events) for turn in range(rounds)]
        for name in found[0]:
            raw, ours = (statistics.median(each[name][side] for each in found) for side in (0, 1))
            lines.append(f"| {name} | {raw:,.0f} | {ours:,.0f} | {raw / ours:.1f} |")
        kept_s, size_mb, drained_s = _day(_made(folder, "day"))
    lines += [
        "",
        f"A day offline at one fix a second, 86,400 fixes: kept in {kept_s:.1f} s of writes in all, {size_mb:.1f} MB, "
        f"drained in {drained_s:.1f} s; 0 lost.",
    ]
    return "\n".join(lines)
