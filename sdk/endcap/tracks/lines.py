"""JSON lines: one fix a line, by the wire names of `customers_locations`; further names of `Fix` are read too."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, BinaryIO

from endcap.errors import BadMessage
from endcap.messages import SOURCES, Fix
from endcap.tracks import Collector, instant, needed, number, text_lines


def read(file: BinaryIO, collector: Collector) -> None:
    """Each line by itself: one that is no fix is skipped."""
    for line in text_lines(file):
        if line:
            collector.add(lambda line=line: fix_of(_object(line)))  # type: ignore[misc]


def fix_of(value: Mapping[str, Any]) -> Fix:
    """A fix of a mapping by wire names.

    Raises:
        BadMessage: names the field at fault.
        OutOfRange: not on Earth.
    """
    source = value.get("source")
    return Fix(
        latitude_deg=needed("latitude", value.get("latitude")),
        longitude_deg=needed("longitude", value.get("longitude")),
        taken_at=instant("taken_at", value.get("taken_at")),
        accuracy_m=number("accuracy_m", value.get("accuracy_m")),
        source=source if source in SOURCES else "replay",
        speed_m_s=number("speed_m_s", value.get("speed_m_s")),
        bearing_deg=number("bearing_deg", value.get("bearing_deg")),
        altitude_m=number("altitude_m", value.get("altitude_m")),
        mock=value.get("mock") is True,
    )


def _object(line: str) -> Mapping[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        raise BadMessage("", "is not JSON") from None
    if not isinstance(value, dict):
        raise BadMessage("", "is no JSON object")
    return value
