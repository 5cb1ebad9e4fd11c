"""Zones: the places of a store that a sign names, from the shop's own file or as the backend knows its sections."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from endcap.errors import BadConfig, BadMessage, EndcapError, OutOfRange
from endcap.geo import LatLon, check
from endcap.transports.api import Api
from endcap.wire import ID_PATTERN

log = logging.getLogger("endcap.lite")

LISTED = 60  # zones in the page's list at most; past that the page would grow too heavy
MAX_NAME_CHARS = 80
COLUMNS = ("store", "zone", "name", "latitude", "longitude")
_PART = re.compile(r"[A-Z0-9]{1,16}")  # of a key, which stands in a sign's address: no case, no hyphen
_HASH_CHARS = 8


@dataclass(frozen=True, slots=True)
class Zone:
    """One place: the point where a shopper stands who reads its sign. `key` is STORE.ZONE, as in the sign's address."""

    key: str
    store: str
    name: str
    point: LatLon


class Zones:
    """All zones of a shop by key, in their order. Any thread; `replace` swaps all of them at once."""

    def __init__(self, zones: Iterable[Zone] = ()) -> None:
        self._by_key: dict[str, Zone] = {}
        self.replace(zones)

    def replace(self, zones: Iterable[Zone]) -> None:
        """Have these from now on.

        Raises:
            BadConfig: two have the same key.
        """
        by_key: dict[str, Zone] = {}
        for zone in zones:
            twin = by_key.setdefault(zone.key, zone)
            if twin is not zone:
                raise BadConfig(
                    "zones", f"{zone.key} stands there twice ({twin.name}, {zone.name}); name one otherwise"
                )
        self._by_key = by_key

    def get(self, key: str) -> Zone | None:
        return self._by_key.get(key.upper())

    def __iter__(self) -> Iterator[Zone]:
        return iter(self._by_key.values())

    def __len__(self) -> int:
        return len(self._by_key)

    @classmethod
    def load(cls, path: Path) -> Zones:
        """Read rows of `store`, `zone`, `name`, `latitude`, `longitude` from a CSV file, or an array in a .json file.

        Raises:
            BadConfig: the file can't be read; the line and the field are named.
        """
        try:
            text = path.read_text(encoding="utf-8-sig")
            rows = _json_rows(text, path) if path.suffix == ".json" else _csv_rows(text, path)
        except (OSError, ValueError, csv.Error) as fault:
            raise BadConfig("zones", f"can't read {path}: {fault}") from None
        return cls(_zone(where, row) for where, row in rows)


def zones_of_backend(api: Api) -> list[Zone]:
    """The sections that the backend knows from where its products stand, each at its middle.

    Raises:
        Unreachable, Refused: it does not answer, or not so that it can be read.
    """
    fences = [fence for fence in api.get("/geofences").body.get("geofences", ()) if fence.get("section")]
    several = len({fence["store"] for fence in fences}) > 1
    return [
        Zone(
            f"{key_part(fence['store'])}.{key_part(fence['section'])}",
            fence["store"],
            f"{fence['store']}: {fence['section']}" if several else fence["section"],
            check(LatLon(fence["latitude"], fence["longitude"])),
        )
        for fence in fences
    ]


def refresh(zones: Zones, api: Api) -> None:
    """Have the backend's sections of now; without an answer they stay as they were."""
    try:
        zones.replace(zones_of_backend(api))
    except (EndcapError, KeyError, TypeError, AttributeError) as fault:
        log.info("the places stay as they were: %s", fault)


def key_part(name: str) -> str:
    """A name as it stands in a sign's address: in capitals when that is all it takes, else eight characters of a hash.

    It depends on the name alone, so that a printed sign holds whatever else is named later.
    """
    capitals = name.strip().upper()
    if _PART.fullmatch(capitals):
        return capitals
    return base64.b32encode(hashlib.sha256(name.encode()).digest()).decode()[:_HASH_CHARS]


def _csv_rows(text: str, path: Path) -> list[tuple[str, object]]:
    """Each row with the place it came from, as `endcap-backend load` tells it: "zones.csv line 3".

    Raises:
        ValueError: the first line lacks a column.
    """
    reader = csv.DictReader(io.StringIO(text))
    there = reader.fieldnames or ()
    if lacking := [column for column in COLUMNS if column not in there]:
        named = ", ".join(there) or "nothing"
        raise ValueError(f"its first line names the columns {named}; it lacks {', '.join(lacking)}")
    return [(f"{path.name} line {reader.line_num}", row) for row in reader]


def _json_rows(text: str, path: Path) -> list[tuple[str, object]]:
    """Each element of an array, as "zones.json zone 3".

    Raises:
        ValueError: it is no JSON, or no array.
    """
    rows = json.loads(text)
    if not isinstance(rows, list):
        raise ValueError("it must hold an array of zones")
    return [(f"{path.name} zone {number}", row) for number, row in enumerate(rows, 1)]


def _zone(where: str, row: object) -> Zone:
    try:
        if not isinstance(row, Mapping):
            raise BadMessage("", "must be an object")
        name = str(row.get("name") or "").strip()
        if not 0 < len(name) <= MAX_NAME_CHARS:
            raise BadMessage("name", f"must be 1 to {MAX_NAME_CHARS} characters")
        store, zone = (str(row.get(field) or "").strip() for field in ("store", "zone"))
        if not re.fullmatch(ID_PATTERN, store):
            raise BadMessage("store", "must be the store's id, as the backend knows it")
        if not _PART.fullmatch(zone.upper()):
            raise BadMessage("zone", "must be 1 to 16 letters and digits, as it stands in the sign's address")
        point = check(LatLon(_degrees(row, "latitude"), _degrees(row, "longitude")))
        return Zone(f"{key_part(store)}.{zone.upper()}", store, name, point)
    except (BadMessage, OutOfRange) as fault:
        raise BadConfig("zones", f"{where}: {fault}") from None


def _degrees(row: Mapping[str, object], field: str) -> float:
    try:
        return float(str(row.get(field)))
    except ValueError:
        raise BadMessage(field, "must be a number of degrees") from None
