"""Zones: the places of a store that a sign names, from the shop's own file."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from endcap.errors import BadConfig, BadMessage, OutOfRange
from endcap.geo import LatLon, check

# Both stand in a sign's URL, in capitals: no hyphen, no case
NAME_PATTERN = re.compile(r"[A-Z0-9]{1,16}")
LISTED = 60  # zones in the page's list at most; past that the page would grow too heavy


@dataclass(frozen=True, slots=True)
class Zone:
    """One place: the point where a shopper stands who reads its sign."""

    store: str
    id: str
    name: str
    point: LatLon

    @property
    def key(self) -> str:
        return f"{self.store}.{self.id}"


class Zones:
    """All zones of a shop by key, in the order of their file."""

    def __init__(self, zones: Iterable[Zone] = ()) -> None:
        self._by_key: dict[str, Zone] = {}
        for zone in zones:
            if zone.key in self._by_key:
                raise BadConfig("zones", f"{zone.key} stands there twice; each zone of a store needs an id of its own")
            self._by_key[zone.key] = zone

    def get(self, key: str) -> Zone | None:
        return self._by_key.get(key.upper())

    def __iter__(self) -> Any:
        return iter(self._by_key.values())

    def __len__(self) -> int:
        return len(self._by_key)

    @classmethod
    def load(cls, path: Path) -> Zones:
        """Read rows of `store`, `zone`, `name`, `latitude`, `longitude` from a CSV file, or an array in a .json file.

        Raises:
            BadConfig: the file can't be read; the row and the field are named.
        """
        try:
            text = path.read_text(encoding="utf-8-sig")
            rows = json.loads(text) if path.suffix == ".json" else list(csv.DictReader(io.StringIO(text)))
        except (OSError, ValueError, csv.Error) as fault:
            raise BadConfig("zones", f"can't read {path}: {fault}") from None
        if not isinstance(rows, list):
            raise BadConfig("zones", f"{path} must hold an array of zones")
        return cls(_zone(row, number) for number, row in enumerate(rows, 1))


def _zone(row: object, number: int) -> Zone:
    try:
        if not isinstance(row, Mapping):
            raise BadMessage("", "must be an object")
        name = row.get("name")
        if not isinstance(name, str) or not 0 < len(name.strip()) <= 64:
            raise BadMessage("name", "must be 1 to 64 characters")
        point = check(LatLon(_degrees(row, "latitude"), _degrees(row, "longitude")))
        return Zone(_capitals(row, "store"), _capitals(row, "zone"), name.strip(), point)
    except (BadMessage, OutOfRange) as fault:
        raise BadConfig("zones", f"row {number}: {fault}") from None


def _capitals(row: Mapping[str, object], field: str) -> str:
    value = str(row.get(field) or "").strip().upper()
    if not NAME_PATTERN.fullmatch(value):
        raise BadMessage(field, "must be 1 to 16 letters and digits, as it stands in the sign's address")
    return value


def _degrees(row: Mapping[str, object], field: str) -> float:
    try:
        return float(str(row.get(field)))
    except ValueError:
        raise BadMessage(field, "must be a number of degrees") from None
