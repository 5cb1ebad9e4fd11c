"""Recorded walks: GPX, NMEA, CSV and JSON lines become fixes; what can't be one is skipped and counted by reason."""

from __future__ import annotations

import gzip
import importlib
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

from endcap.errors import BadMessage, OutOfRange
from endcap.messages import Fix

UERE_M = 5.0  # metres of error a unit of HDOP stands for, when a receiver tells HDOP alone
_FORMATS = {".gpx": "gpx", ".nmea": "nmea", ".nma": "nmea", ".csv": "table", ".jsonl": "lines", ".ndjson": "lines"}


@dataclass(frozen=True, slots=True)
class Track:
    """The fixes of one recording in its own order, gaps and odd stamps included."""

    fixes: tuple[Fix, ...]
    skipped: Counter[str] = field(default_factory=Counter)  # what was no fix, by reason
    name: str = ""


class Collector:
    """Gathers a track: what can't be a fix is skipped and counted."""

    def __init__(self) -> None:
        self.fixes: list[Fix] = []
        self.skipped: Counter[str] = Counter()

    def add(self, make: Callable[[], Fix]) -> None:
        """Keep what `make` makes; a BadMessage or a value that is none is counted."""
        try:
            self.fixes.append(make())
        except BadMessage as fault:
            self.skip(str(fault))
        except OutOfRange:
            self.skip("not on Earth")

    def skip(self, reason: str) -> None:
        self.skipped[reason] += 1


Reader = Callable[[BinaryIO, Collector], None]


def read_track(path: str | Path, format: str | None = None) -> Track:
    """The fixes of a file, its format by its name: .gpx, .nmea, .csv or .jsonl, each also packed as .gz.

    `format` says so where the name doesn't: gpx, nmea, table (CSV) or lines (JSON).

    Raises:
        BadMessage: an unknown format, or no fix in the file; says what was skipped and why.
        OSError: the file can't be read.
    """
    path = Path(path)
    packed = path.suffix.lower() == ".gz"
    suffix = Path(path.stem).suffix if packed else path.suffix
    reader = _reader(format or _FORMATS.get(suffix.lower(), suffix))
    collector = Collector()
    with gzip.open(path, "rb") if packed else path.open("rb") as file:
        try:
            reader(cast(BinaryIO, file), collector)
        except (BadMessage, EOFError, zlib.error) as fault:
            raise BadMessage("", f"{path.name}: {fault}") from None
    if not collector.fixes:
        reasons = ", ".join(f"{count} times {reason}" for reason, count in collector.skipped.most_common(3))
        raise BadMessage("", f"{path.name} holds no fix{': ' + reasons if reasons else ''}")
    return Track(tuple(collector.fixes), collector.skipped, path.name)


def text_lines(file: BinaryIO) -> Iterator[str]:
    """Lines of text in UTF-8, with or without a byte order mark, ended in any way; what is not UTF-8 is replaced."""
    for number, line in enumerate(file):
        text = line.decode("utf-8-sig" if number == 0 else "utf-8", "replace")
        yield from (part.strip() for part in text.splitlines())


def number(name: str, value: Any) -> float | None:
    """A number of a text or JSON field; None for nothing.

    Raises:
        BadMessage: something that is no number.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise BadMessage(name, "must be a number")
    try:
        return float(value)
    except ValueError:
        raise BadMessage(name, "must be a number") from None


def needed(name: str, value: Any) -> float:
    """A number that must be there; raises as `number`."""
    found = number(name, value)
    if found is None:
        raise BadMessage(name, "is missing")
    return found


def instant(name: str, value: Any) -> datetime:
    """A time: ISO 8601 (no zone means UTC), or seconds or milliseconds since 1970.

    Raises:
        BadMessage: missing, or no time.
    """
    if value is None or value == "":
        raise BadMessage(name, "is missing")
    try:
        return _from_epoch(float(value))
    except (TypeError, ValueError):
        pass
    except OverflowError:
        raise BadMessage(name, "is no time that exists") from None
    try:
        moment = datetime.fromisoformat(str(value).strip())
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise BadMessage(name, "must be a time such as 2026-11-24T08:30:00Z") from None


def _from_epoch(value: float) -> datetime:
    seconds = value / 1000 if abs(value) > 1e11 else value  # 1e11 s is the year 5138
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OSError):
        raise OverflowError from None


def _reader(format: str) -> Reader:
    if format not in _FORMATS.values():
        raise BadMessage(
            "format", f"{format or 'none'!r} is unknown; it must be one of gpx, nmea, table (CSV), lines (JSON)"
        )
    reader: Reader = importlib.import_module(f"endcap.tracks.{format}").read
    return reader
