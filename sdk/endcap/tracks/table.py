"""CSV with a header: the usual names of the columns are known, in any order and case."""

from __future__ import annotations

import csv
from typing import BinaryIO

from endcap.errors import BadMessage
from endcap.tracks import Collector, text_lines
from endcap.tracks.lines import fix_of

COLUMNS = {
    "latitude": ("latitude", "lat", "latitude_deg"),
    "longitude": ("longitude", "lon", "lng", "long", "longitude_deg"),
    "taken_at": ("taken_at", "time", "timestamp", "datetime", "date_time", "t"),
    "accuracy_m": ("accuracy_m", "accuracy", "hacc", "horizontal_accuracy"),
    "speed_m_s": ("speed_m_s", "speed"),
    "bearing_deg": ("bearing_deg", "bearing", "course", "heading"),
    "altitude_m": ("altitude_m", "altitude", "ele", "elevation"),
    "source": ("source", "provider"),
}


def read(file: BinaryIO, collector: Collector) -> None:
    """Each row by itself: one that is no fix is skipped.

    Raises:
        BadMessage: no header that names latitude, longitude and time.
    """
    lines = (line for line in text_lines(file) if line)
    header = next(lines, "")
    separator = max(",;\t", key=header.count)
    columns = _columns(_cells(header, separator))
    for line in lines:
        collector.add(lambda line=line: fix_of(_values(line, separator, columns)))  # type: ignore[misc]


def _values(line: str, separator: str, columns: dict[str, int]) -> dict[str, str]:
    cells = _cells(line, separator)
    return {name: cells[at].strip() for name, at in columns.items() if at < len(cells)}


def _cells(line: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=separator, strict=True), [])
    except csv.Error as fault:
        raise BadMessage("", f"is no row: {fault}") from None


def _columns(header: list[str]) -> dict[str, int]:
    seen = [name.strip().lower().replace(" ", "_") for name in header]
    found = {}
    for name, known in COLUMNS.items():
        at = next((seen.index(each) for each in known if each in seen), None)
        if at is not None:
            found[name] = at
        elif name in ("latitude", "longitude", "taken_at"):
            raise BadMessage(name, f"has no column; the first line must name one of {', '.join(known)}")
    return found
