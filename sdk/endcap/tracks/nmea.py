"""NMEA 0183: RMC says when and where, GGA how exactly; both of one second make one fix."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import BinaryIO

from endcap.errors import BadMessage
from endcap.messages import Fix
from endcap.tracks import UERE_M, Collector, needed, number, text_lines

KNOT_M_S = 1852 / 3600
MAX_SENTENCE_CHARS = 120  # the standard says 82; receivers overdo it


@dataclass(slots=True)
class _Epoch:
    """What is known of the second at hand."""

    day: date | None = None
    clock: str = ""
    fix: Fix | None = None


def read(file: BinaryIO, collector: Collector) -> None:
    """Sentences of any talker; those of another kind are passed over, and those with a wrong checksum skipped."""
    epoch = _Epoch()
    for line in text_lines(file):
        start = line.find("$")
        if start < 0 or len(line) > MAX_SENTENCE_CHARS:
            continue
        fields = _fields(line[start + 1 :], collector)
        if fields and len(fields[0]) == 5 and fields[0][2:] in ("RMC", "GGA"):
            try:
                _take(fields, epoch, collector)
            except BadMessage as fault:
                collector.skip(str(fault))
    _emit(epoch, collector)


def _fields(sentence: str, collector: Collector) -> list[str]:
    body, star, given = sentence.partition("*")
    if star:
        checksum = 0
        for character in body:
            checksum ^= ord(character) & 0xFF
        if given[:2].upper() != f"{checksum:02X}":
            collector.skip("checksum")
            return []
    return body.split(",")


def _take(fields: list[str], epoch: _Epoch, collector: Collector) -> None:
    kind = fields[0][2:]
    fields += [""] * 16  # a sentence may end early
    if fields[1] != epoch.clock:
        _emit(epoch, collector)
        epoch.clock = fields[1]
    if kind == "RMC":
        epoch.day = _day(fields[9])
        if fields[2] != "A":
            collector.skip("no position yet")
            return
        found = _fix(fields[3:7], fields[1], epoch.day)
        speed = number("speed", fields[7])
        epoch.fix = replace(
            found,
            accuracy_m=epoch.fix.accuracy_m if epoch.fix else None,
            altitude_m=epoch.fix.altitude_m if epoch.fix else None,
            speed_m_s=None if speed is None else speed * KNOT_M_S,
            bearing_deg=number("course", fields[8]),
        )
    elif fields[6] not in ("", "0") and epoch.day is not None:
        hdop = number("HDOP", fields[8])
        base = epoch.fix or _fix(fields[2:6], fields[1], epoch.day)
        epoch.fix = replace(base, accuracy_m=hdop * UERE_M if hdop else None, altitude_m=number("altitude", fields[9]))


def _emit(epoch: _Epoch, collector: Collector) -> None:
    fix, epoch.fix = epoch.fix, None
    if fix is None:
        return
    last = collector.fixes[-1] if collector.fixes else None
    if last is not None and timedelta(0) < last.taken_at - fix.taken_at and fix.taken_at.hour == 0:
        fix = replace(fix, taken_at=fix.taken_at + timedelta(days=1))  # GGA came past midnight before RMC's new date
    collector.fixes.append(fix)


def _fix(position: list[str], clock: str, day: date | None) -> Fix:
    made = Collector()
    made.add(
        lambda: Fix(
            latitude_deg=_degrees("latitude", position[0], position[1], "NS"),
            longitude_deg=_degrees("longitude", position[2], position[3], "EW"),
            taken_at=_moment(clock, day),
            source="replay",
        )
    )
    if not made.fixes:
        raise BadMessage("", next(iter(made.skipped)))
    return made.fixes[0]


def _degrees(name: str, value: str, hemisphere: str, known: str) -> float:
    """ddmm.mmmm or dddmm.mmmm, and the half of the Earth it is on."""
    if len(hemisphere) != 1 or hemisphere not in known:
        raise BadMessage(name, f"must be {known[0]} or {known[1]}")
    whole = needed(name, value)
    degrees = int(whole // 100)
    signed = degrees + (whole - degrees * 100) / 60
    return signed if hemisphere in "NE" else -signed


def _day(text: str) -> date | None:
    try:
        return datetime.strptime(text, "%d%m%y").date()
    except ValueError:
        return None


def _moment(clock: str, day: date | None) -> datetime:
    if day is None:
        raise BadMessage("date", "must be ddmmyy")
    try:
        seconds = float(clock[4:])
        start = datetime(day.year, day.month, day.day, int(clock[:2]), int(clock[2:4]), tzinfo=UTC)
    except ValueError:
        raise BadMessage("time", "must be hhmmss.ss") from None
    return start + timedelta(seconds=seconds)
