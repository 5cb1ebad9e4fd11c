"""GPX 1.0 and 1.1, read as a stream by the standard library's expat; no DTD, so no entity can grow."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import BinaryIO
from xml.parsers import expat

from endcap.errors import BadMessage
from endcap.geo import distance_m
from endcap.messages import Fix
from endcap.tracks import UERE_M, Collector, instant, needed, number

POINTS = ("trkpt", "rtept", "wpt")  # in this order: a file with a track has waypoints beside it, not on it
SEGMENTS = ("trkseg", "rte")
VALUES = ("time", "ele", "hdop", "speed", "course", "accuracy")  # of a point, extensions included
CHUNK_BYTES = 65_536
MAX_TEXT_CHARS = 256  # of one value; a longer one is none
WALK_M_S = 1.4  # the pace of a track that has no time
EPOCH = instant("time", 0)


@dataclass(frozen=True, slots=True)
class _Point:
    fix: Fix
    timed: bool


def read(file: BinaryIO, collector: Collector) -> None:
    """Points in their order. One without a time gets one between its neighbours', by distance; a file where most
    points have no time of their own is walked at 1.4 m/s instead, from 1970 on.

    Raises:
        BadMessage: no well-formed XML, or one with a DTD.
    """
    reading = _Reading(collector)
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.StartElementHandler, parser.EndElementHandler = reading.begin, reading.end
    parser.CharacterDataHandler = reading.text
    try:
        while chunk := file.read(CHUNK_BYTES):
            parser.Parse(chunk, False)
        parser.Parse(b"", True)
    except expat.ExpatError as fault:
        if not reading.chosen():
            raise BadMessage("", f"is no well-formed GPX: {fault}") from None
        collector.skip(f"cut off: {fault}")  # a logger that was switched off in the middle
    collector.fixes += _timed(reading.chosen(), collector)


def _refuse_doctype(*_: object) -> None:
    raise BadMessage("", "has a DTD, which no GPX needs and which can be a bomb")


class _Reading:
    """What has been read so far: points by segment, and the values of the point at hand."""

    def __init__(self, collector: Collector) -> None:
        self._segments: dict[str, list[list[_Point]]] = {kind: [[]] for kind in POINTS}
        self._collector = collector
        self._attributes: dict[str, str] | None = None
        self._values: dict[str, str] = {}
        self._name = ""

    def chosen(self) -> list[list[_Point]]:
        """The track's segments, else the route's, else the waypoints; empty when there is nothing."""
        for kind in POINTS:
            segments = [segment for segment in self._segments[kind] if segment]
            if segments:
                return segments
        return []

    def begin(self, name: str, attributes: dict[str, str]) -> None:
        self._name = name.rpartition(" ")[2]
        if self._name in SEGMENTS:
            for segments in self._segments.values():
                segments.append([])
        elif self._name in POINTS:
            self._attributes, self._values = attributes, {}

    def text(self, text: str) -> None:
        if self._attributes is not None and self._name in VALUES:
            self._values[self._name] = (self._values.get(self._name, "") + text)[:MAX_TEXT_CHARS]

    def end(self, name: str) -> None:
        self._name = ""
        kind = name.rpartition(" ")[2]
        if kind in POINTS and self._attributes is not None:
            found = Collector()
            found.add(self._fix)
            self._collector.skipped += found.skipped
            self._segments[kind][-1] += [_Point(fix, bool(self._values.get("time", "").strip())) for fix in found.fixes]
            self._attributes = None

    def _fix(self) -> Fix:
        assert self._attributes is not None
        values = self._values
        hdop, accuracy_m = number("hdop", values.get("hdop")), number("accuracy", values.get("accuracy"))
        return Fix(
            latitude_deg=needed("lat", self._attributes.get("lat")),
            longitude_deg=needed("lon", self._attributes.get("lon")),
            taken_at=instant("time", values["time"].strip()) if values.get("time", "").strip() else EPOCH,
            accuracy_m=accuracy_m if accuracy_m is not None else hdop * UERE_M if hdop else None,
            source="replay",
            speed_m_s=number("speed", values.get("speed")),
            bearing_deg=number("course", values.get("course")),
            altitude_m=number("ele", values.get("ele")),
        )


def _timed(segments: list[list[_Point]], collector: Collector) -> list[Fix]:
    points = [point for segment in segments for point in segment]
    stamps = {point.fix.taken_at for point in points if point.timed}
    if len(stamps) * 2 < len(points):  # none at all, or all collapsed into one
        return _walked([point.fix for point in points])
    fixes: list[Fix] = []
    for segment in segments:
        fixes += _interpolated(segment, collector)
    return fixes


def _walked(fixes: list[Fix]) -> list[Fix]:
    """Stamp a track that has no time: at walking pace, a second at least from point to point."""
    stamped: list[Fix] = []
    at = EPOCH
    for fix in fixes:
        if stamped:
            at += timedelta(seconds=max(1.0, distance_m(stamped[-1].point, fix.point) / WALK_M_S))
        stamped.append(replace(fix, taken_at=at))
    return stamped


def _interpolated(segment: list[_Point], collector: Collector) -> list[Fix]:
    """Stamp what stands between two timed points; what stands outside them is skipped."""
    fixes: list[Fix] = []
    between: list[Fix] = []
    for point in segment:
        if not point.timed:
            between.append(point.fix)
        elif not fixes:
            _skip(collector, between)
            fixes, between = [point.fix], []
        else:
            fixes += [*_spread(fixes[-1], between, point.fix), point.fix]
            between = []
    _skip(collector, between)
    return fixes


def _spread(before: Fix, between: list[Fix], after: Fix) -> list[Fix]:
    if not between:
        return []
    legs_m = [distance_m(a.point, b.point) for a, b in zip([before, *between], [*between, after], strict=True)]
    whole_m, walked_m = sum(legs_m) or 1.0, 0.0
    span: timedelta = after.taken_at - before.taken_at
    stamped: list[Fix] = []
    for fix, leg_m in zip(between, legs_m, strict=False):
        walked_m += leg_m
        stamped.append(replace(fix, taken_at=_at(before.taken_at, span, walked_m / whole_m)))
    return stamped


def _at(start: datetime, span: timedelta, share: float) -> datetime:
    return start + span * min(1.0, share)


def _skip(collector: Collector, fixes: list[Fix]) -> None:
    for _ in fixes:
        collector.skip("time: is missing")
