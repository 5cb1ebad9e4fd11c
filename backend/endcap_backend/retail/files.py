"""Rows out of the files a shop has: CSV, JSON lines and GeoJSON points, each with the place it came from."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TextIO

from endcap.errors import BadConfig, BadMessage
from endcap.wire import Message, Wire, parse_json

Progress = Callable[[int], None]  # hears how many bytes of a file are read

MAX_LINE_BYTES = 1 << 20  # a row is some hundred bytes; a longer one is no row
FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}  # what spreadsheets write
ALIASES = {"lat": "latitude", "lon": "longitude", "lng": "longitude", "long": "longitude"}


class Row(NamedTuple):
    """One row as JSON values by wire name, or what is wrong with all of it. `where` reads "shelves.csv line 14".

    A cell that can't be read is what is wrong with it, in place of its value.
    """

    where: str
    value: Mapping[str, object] | BadMessage


def read_rows(path: Path, cls: type[Message], progress: Progress = lambda read: None) -> Iterator[Row]:
    """The rows of a `.csv`, `.jsonl`, `.ndjson`, `.geojson` or `.json` file (GeoJSON), in order.

    Columns are named by wire name in any case; lat, lon and lng are understood.

    Raises:
        BadConfig: no such file, an unknown ending, or a file that as a whole can't be read.
    """
    try:
        reader = READERS[path.suffix.lower()]
    except KeyError:
        raise BadConfig(str(path), f"has no known ending; use one of {', '.join(READERS)}") from None
    try:
        yield from reader(path, cls, progress)
    except OSError as fault:
        raise BadConfig(str(path), f"can't be read: {fault.strerror or fault}") from None


def _read_csv(path: Path, cls: type[Message], progress: Progress) -> Iterator[Row]:
    """Comma, semicolon or tab, whichever the header holds most of; a byte that is no UTF-8 faults its row only."""
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        header = _header(file, path)
        file.seek(0)
        lines = csv.reader(_counted(file, progress), delimiter=max(",;\t", key=header.count), strict=True)
        try:
            columns = _columns(next(lines, []), cls, path)
        except csv.Error as fault:
            raise BadConfig(str(path), f"has no header that can be read: {fault}") from None
        yield from _csv_rows(lines, columns, path)


def _header(file: TextIO, path: Path) -> str:
    """The first line.

    Raises:
        BadConfig: there is none, or it is no text in UTF-8.
    """
    header = file.readline()
    if not header.strip():
        raise BadConfig(str(path), "is empty; its first line names the columns")
    if "\0" in header:  # in UTF-16, as spreadsheets save "Unicode text", every other byte of it is one
        raise BadConfig(str(path), "is no text in UTF-8; save it as CSV in UTF-8")
    return header


def _csv_rows(lines: Any, columns: Sequence[Wire | None], path: Path) -> Iterator[Row]:
    while True:
        where = f"{path.name} line {lines.line_num + 1}"
        try:
            cells = next(lines)
        except StopIteration:
            return
        except csv.Error as fault:
            yield Row(where, BadMessage("", f"is no CSV: {fault}"))
            continue
        if cells:
            yield Row(where, _csv_value(cells, columns))


def _csv_value(cells: Sequence[str], columns: Sequence[Wire | None]) -> Mapping[str, object] | BadMessage:
    if len(cells) != len(columns):
        has = "1 cell" if len(cells) == 1 else f"{len(cells)} cells"
        return BadMessage("", f"has {has} where the header has {len(columns)}")
    return {
        wire.name: _json_value(cell.strip(), wire)
        for cell, wire in zip(cells, columns, strict=True)
        if wire is not None and cell.strip()
    }


def _columns(header: Sequence[str], cls: type[Message], path: Path) -> list[Wire | None]:
    """The field of each column; None for a column that is not ours."""
    wires = {wire.name.lower(): wire for wire in cls.wires().values()}
    named = [ALIASES.get(name, name) for name in (each.strip().lower() for each in header)]
    if not any(name in wires for name in named):
        names = ", ".join(wire.name for wire in wires.values())
        raise BadConfig(str(path), f"names no column of ours in its first line; expected some of {names}")
    twice = next((name for name in named if name in wires and named.count(name) > 1), None)
    if twice:
        raise BadConfig(str(path), f"names the column {wires[twice].name} twice")
    return [wires.get(name) for name in named]


def _json_value(cell: str, wire: Wire) -> object:
    """A cell as the JSON value of its field, or what is wrong with it."""
    if any("\udc80" <= char <= "\udcff" for char in cell):
        return BadMessage(wire.name, "is not valid UTF-8; save the file as UTF-8")
    if wire.kind == "flag":
        return FLAGS.get(cell.lower(), cell)
    if wire.kind not in ("number", "integer"):
        return cell
    for number in (int, float):
        try:
            return number(cell) if "_" not in cell else cell
        except ValueError:
            continue
    if "," in cell:
        return BadMessage(wire.name, "must be a number with a point, such as 2.49, not a comma")
    return BadMessage(wire.name, "must be a whole number" if wire.kind == "integer" else "must be a number")


def _read_json_lines(path: Path, cls: type[Message], progress: Progress) -> Iterator[Row]:
    with path.open("rb") as file:
        for number, line in enumerate(iter(lambda: _whole_line(file), b""), 1):
            progress(file.tell())
            if line.strip():
                yield Row(f"{path.name} line {number}", _json_object(line))


def _whole_line(file: BinaryIO) -> bytes:
    """The next line; of one that is too long the first MiB, so that no file can fill the memory."""
    line = piece = file.readline(MAX_LINE_BYTES)
    while len(piece) == MAX_LINE_BYTES and not piece.endswith(b"\n"):
        piece = file.readline(MAX_LINE_BYTES)
    return line


def _json_object(line: bytes) -> Mapping[str, object] | BadMessage:
    if len(line) >= MAX_LINE_BYTES:
        return BadMessage("", f"is longer than {MAX_LINE_BYTES} bytes")
    try:
        return _known(parse_json(line))
    except BadMessage as fault:
        return fault


def _read_geojson(path: Path, cls: type[Message], progress: Progress) -> Iterator[Row]:
    """A FeatureCollection of points: the geometry gives latitude and longitude, the properties give the rest."""
    features = read_features(path)
    for number, feature in features:
        progress(path.stat().st_size * number // len(features))
        yield Row(f"{path.name} feature {number}", _feature_value(feature))


def read_features(path: Path) -> list[tuple[int, object]]:
    """The features of a GeoJSON FeatureCollection, numbered from 1.

    Raises:
        BadConfig: no such file, or it is no FeatureCollection.
    """
    try:
        return list(enumerate(features_of(parse_json(path.read_bytes())), 1))
    except BadMessage as fault:
        raise BadConfig(str(path), fault.reason) from None
    except OSError as fault:
        raise BadConfig(str(path), f"can't be read: {fault.strerror or fault}") from None


def features_of(collection: object) -> list[object]:
    """What a parsed FeatureCollection holds.

    Raises:
        BadMessage: it is none.
    """
    features = collection.get("features") if isinstance(collection, dict) else None
    if not isinstance(features, list):
        raise BadMessage("", "is no GeoJSON FeatureCollection; use .jsonl for JSON lines")
    return features


def _feature_value(feature: object) -> Mapping[str, object] | BadMessage:
    geometry = feature.get("geometry") if isinstance(feature, dict) else None
    if not isinstance(geometry, dict) or geometry.get("type") != "Point":
        return BadMessage("geometry", "must be a Point")
    position = geometry.get("coordinates")
    if not isinstance(position, list) or len(position) < 2:
        return BadMessage("coordinates", "must be [longitude, latitude]")
    assert isinstance(feature, dict)
    try:
        properties = _known(feature.get("properties") or {})
    except BadMessage as fault:
        return fault
    return {**properties, "longitude": position[0], "latitude": position[1]}


def _known(value: object) -> Mapping[str, object]:
    """An object with its names as ours.

    Raises:
        BadMessage: it is no object.
    """
    if not isinstance(value, dict):
        raise BadMessage("", "must be a JSON object")
    return {ALIASES.get(str(name), str(name)): each for name, each in value.items()}


def _counted(file: TextIO, progress: Progress) -> Iterator[str]:
    read = 0
    for line in file:
        read += len(line)
        progress(read)
        yield line


READERS = {
    ".csv": _read_csv,
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
    ".geojson": _read_geojson,
    ".json": _read_geojson,
}
