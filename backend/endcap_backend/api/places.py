"""`GET /v1/stores` and `GET /v1/geofences`: where stores and their sections are, judged by where products stand."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

from flask import Blueprint, Response, request
from sqlalchemy import ColumnElement, func, select

from endcap.clock import Clock
from endcap.geo import LatLon, distance_km
from endcap.wire import MAX_TEXT_CHARS
from endcap_backend.api.bodies import answer
from endcap_backend.api.openapi import COUNT, TEXT, Operation, object_of, operation, text
from endcap_backend.api.problems import Problem
from endcap_backend.retail.database import Database
from endcap_backend.retail.schema import NO_STORE, Placement
from endcap_backend.retail.store_names import StoreNames

FRESH_S = 30.0  # so long an answer may be behind; 400,000 placements take 0.3 s to look through
STORE_MARGIN_M = 30.0  # beyond the outermost shelves: half an aisle, the tills and the door
SECTION_MARGIN_M = 5.0  # the aisle in front of the outermost shelf
CACHE = "public, max-age=30"

_PLACE = {
    "latitude": {"type": "number", "description": "of its middle, degrees north"},
    "longitude": {"type": "number", "description": "of its middle, degrees east"},
    "radius_m": {"type": "number", "description": "metres from there to the outermost shelf, and some to spare"},
}
STORES = object_of(
    {
        "stores": {
            "type": "array",
            "items": object_of(
                {"id": TEXT, **_PLACE, "placements": COUNT, "sections": {"type": "array", "items": TEXT}},
                {"name": text("as people call it, where a floor plan says so"), "country": TEXT},
            ),
        }
    }
)
GEOFENCES = object_of(
    {
        "cursor": text("to be sent as since the next time"),
        "complete": {"type": "boolean", "description": "true: these are all; false: what changed since"},
        "geofences": {
            "type": "array",
            "items": object_of({"id": text("store, or store/section"), **_PLACE, "store": TEXT}, {"section": TEXT}),
        },
        "removed": {"type": "array", "items": TEXT},
    }
)


@dataclass(frozen=True, slots=True)
class Place:
    """A store, or a section of one: the circle around its shelves."""

    store: str
    section: str | None
    country: str | None
    placements: int
    middle: LatLon
    radius_m: float

    @property
    def id(self) -> str:
        return self.store if self.section is None else f"{self.store}/{self.section}"

    def geofence(self) -> dict[str, Any]:
        named = {"store": self.store} if self.section is None else {"store": self.store, "section": self.section}
        return {"id": self.id, **self._circle(), **named}

    def listed(self, sections: list[str], name: str | None) -> dict[str, Any]:
        more = {key: value for key, value in (("name", name), ("country", self.country)) if value}
        return {"id": self.store, **self._circle(), "placements": self.placements, "sections": sections, **more}

    def _circle(self) -> dict[str, float]:
        return {
            "latitude": self.middle.latitude_deg,
            "longitude": self.middle.longitude_deg,
            "radius_m": self.radius_m,
        }


class Places:
    """The stores and sections as they were at most `FRESH_S` ago, and what changed between two looks. Any thread.

    A cursor is good for as long as this process lives; with any other one, everything is told anew.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._lock = Lock()
        self._looked_s: float | None = None
        self._life = secrets.token_hex(4)
        self._version = 0
        self._places: dict[str, Place] = {}
        self._names = StoreNames()
        self._changed: dict[str, int] = {}  # id -> the version that brought or removed it

    def stores(self) -> list[dict[str, Any]]:
        with self._lock:
            self._look()
            places, names = list(self._places.values()), dict(self._names)
        sections: dict[str, list[str]] = {}
        for place in places:
            if place.section is not None:
                sections.setdefault(place.store, []).append(place.section)
        return [
            place.listed(sections.get(place.store, []), names.get(place.store))
            for place in places
            if place.section is None
        ]

    def geofences(self, since: str) -> dict[str, Any]:
        """Those that changed after `since`, a cursor of an earlier answer; all of them for any other text."""
        with self._lock:
            self._look()
            life, _, number = since.partition(".")
            known = int(number) if life == self._life and number.isdecimal() and len(number) < 10 else 0
            ids = [each for each, version in self._changed.items() if version > known]
            return {
                "cursor": f"{self._life}.{self._version}",
                "complete": known == 0,
                "geofences": [self._places[each].geofence() for each in sorted(ids) if each in self._places],
                "removed": [each for each in sorted(ids) if each not in self._places and known],
            }

    def _look(self) -> None:
        now_s = self._clock.monotonic()
        if self._looked_s is not None and now_s - self._looked_s < FRESH_S:
            return
        found = self._read()
        differing = [each for each in found.keys() | self._places.keys() if found.get(each) != self._places.get(each)]
        if differing or not self._version:
            self._version += 1
            self._changed.update(dict.fromkeys(differing, self._version))
        self._places = found
        self._looked_s = now_s

    def _read(self) -> dict[str, Place]:
        in_stores = Placement.store != NO_STORE
        stores = select(Placement.store, *_extent()).where(in_stores).group_by(Placement.store)
        sections = (
            select(Placement.store, Placement.section, *_extent())
            .where(in_stores, Placement.section.is_not(None))
            .group_by(Placement.store, Placement.section)
        )
        with self._database.reading() as connection:
            self._names.read(connection)
            found = [_place(row._asdict()) for query in (stores, sections) for row in connection.execute(query)]
        return {place.id: place for place in sorted(found, key=lambda place: place.id)}


def blueprint(places: Places) -> Blueprint:
    routes = Blueprint("places", __name__)

    @routes.get("/v1/stores")
    @operation(Operation("The stores, and the sections of each", "shop", {200: STORES}, cached=True))
    def get_stores() -> Response:
        return cached(answer({"stores": places.stores()}))

    @routes.get("/v1/geofences")
    @operation(
        Operation(
            "Circles around stores and sections, for a phone to watch",
            "shop",
            {200: GEOFENCES},
            problems=("invalid",),
            cached=True,
            parameters=(
                {"name": "since", "in": "query", "required": False, "schema": text("the cursor of the last answer")},
            ),
        )
    )
    def get_geofences() -> Response:
        since = request.args.get("since", "")
        if len(since) > MAX_TEXT_CHARS:
            raise Problem("invalid", "since must be the cursor of an earlier answer", field="since")
        return cached(answer(places.geofences(since)))

    return routes


def cached(response: Response, control: str = CACHE) -> Response:
    """An answer that is the same for everybody, and need not be sent again when it has not changed."""
    response.headers["Cache-Control"] = control
    response.add_etag()
    response.make_conditional(request)
    return response


def _extent() -> list[ColumnElement[Any]]:
    latitude, longitude = Placement.latitude_deg, Placement.longitude_deg
    return [
        func.count().label("placements"),
        func.max(Placement.country).label("country"),
        *(func.min(each).label(f"low_{each.key}") for each in (latitude, longitude)),
        *(func.max(each).label(f"high_{each.key}") for each in (latitude, longitude)),
    ]


def _place(row: Mapping[str, Any]) -> Place:
    section = row.get("section")
    corner = LatLon(row["high_latitude_deg"], row["high_longitude_deg"])
    middle = LatLon(
        round((row["low_latitude_deg"] + corner.latitude_deg) / 2, 6),
        round((row["low_longitude_deg"] + corner.longitude_deg) / 2, 6),
    )
    margin_m = STORE_MARGIN_M if section is None else SECTION_MARGIN_M
    radius_m = round(distance_km(middle, corner) * 1000 + margin_m, 1)
    return Place(row["store"], section, row["country"], row["placements"], middle, radius_m)
