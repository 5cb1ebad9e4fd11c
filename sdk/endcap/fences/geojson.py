"""Geofences as GeoJSON (RFC 7946): a Point with `radius_m`, or a Polygon; all else in the properties."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from endcap.errors import BadMessage, OutOfRange
from endcap.fences.events import GeofenceEvent
from endcap.fences.geofence import MAX_ID_CHARS, Geofence
from endcap.fences.hours import OpeningHours
from endcap.fences.monitor import GeofenceMonitor
from endcap.fences.shapes import MAX_RADIUS_M, Circle, Polygon, Shape
from endcap.geo import LatLon
from endcap.wire import BIGINT_MAX, Wire

_ID = Wire("id", "text", "the fence's id", max_chars=MAX_ID_CHARS)
_RADIUS = Wire("radius_m", "number", "of a circle", minimum=0, maximum=MAX_RADIUS_M)
_HOURS = Wire("hours", "text", "opening hours", max_chars=256)
_ZONE = Wire("zone", "text", "their time zone", max_chars=64)
_FIELDS = (
    Wire("floor", "integer", "0 is the ground floor", minimum=-100, maximum=1000),
    Wire("valid_from", "instant", "included"),
    Wire("valid_until", "instant", "excluded"),
    Wire("dwell_s", "number", "a visit this long is a dwell", minimum=0, maximum=86_400),
    Wire("approach_m", "number", "tell when she comes this near", minimum=0, maximum=10_000),
    Wire("crossing", "flag", "tell when she passes through"),
    Wire("enter_hold_s", "number", "before an enter", minimum=0, maximum=3600),
    Wire("exit_hold_s", "number", "before an exit", minimum=0, maximum=3600),
)
_LISTS = (
    Wire("tags", "text", "free words", max_chars=64),
    Wire("segments", "text", "kinds of product", max_chars=64),
    Wire("skus", "integer", "products", minimum=0, maximum=BIGINT_MAX),
)


def to_feature(fence: Geofence) -> dict[str, Any]:
    """The fence as a GeoJSON feature; `from_feature` gives it back."""
    properties: dict[str, Any] = {}
    if isinstance(fence.shape, Circle):
        geometry: dict[str, Any] = {"type": "Point", "coordinates": _position(fence.shape.centre)}
        properties["radius_m"] = fence.shape.radius_m
    else:
        rings = [[_position(vertex) for vertex in (*ring, ring[0])] for ring in (fence.shape.outer, *fence.shape.holes)]
        geometry = {"type": "Polygon", "coordinates": rings}
    for wire in _FIELDS:
        value = getattr(fence, wire.name)
        if value is not None and value is not False:
            properties[wire.name] = wire.write(value)
    properties |= {wire.name: list(values) for wire in _LISTS if (values := getattr(fence, wire.name))}
    if fence.hours is not None:
        properties |= {"hours": fence.hours.text, "zone": fence.hours.zone}
    return {"type": "Feature", "id": fence.id, "geometry": geometry, "properties": properties}


def from_feature(value: object) -> Geofence:
    """Read a feature; unknown properties are ignored.

    Raises:
        BadMessage: names the field at fault.
    """
    if not isinstance(value, Mapping) or value.get("type") != "Feature":
        raise BadMessage("type", "must be a GeoJSON Feature")
    properties = value.get("properties") or {}
    if not isinstance(properties, Mapping):
        raise BadMessage("properties", "must be an object")
    fields: dict[str, Any] = {}
    for wire in _FIELDS:
        if properties.get(wire.name) is not None:
            fields[wire.name] = wire.read(properties[wire.name])
    for wire in _LISTS:
        fields[wire.name] = tuple(wire.read(item) for item in _list(properties.get(wire.name), wire.name))
    if properties.get("hours") is not None:
        fields["hours"] = OpeningHours(
            str(_HOURS.read(properties["hours"])), str(_ZONE.read(properties.get("zone", "UTC")))
        )
    fence_id = _ID.read(value.get("id", properties.get("id")))
    try:
        return Geofence(str(fence_id), _shape(value.get("geometry"), properties), **fields)
    except OutOfRange as fault:
        raise BadMessage("geometry", str(fault)) from None


@dataclass(frozen=True, slots=True)
class FenceDelta:
    """What has changed since a version: the answer of `GET /v1/geofences?since=`.

    `faults` says of each feature that could not be read why, by its place; its neighbours pass.
    """

    version: str
    changed: tuple[Geofence, ...]
    removed: tuple[str, ...]
    faults: tuple[tuple[int, BadMessage], ...] = ()

    @classmethod
    def from_json(cls, value: object) -> FenceDelta:
        """Read `{"version", "features": [...], "removed": [...]}`; a plain FeatureCollection is a delta from nothing.

        Raises:
            BadMessage: the answer as a whole.
        """
        if not isinstance(value, Mapping):
            raise BadMessage("", "geofences must come as a JSON object")
        changed: list[Geofence] = []
        faults: list[tuple[int, BadMessage]] = []
        for place, feature in enumerate(_list(value.get("features"), "features")):
            try:
                changed.append(from_feature(feature))
            except BadMessage as fault:
                faults.append((place, fault))
        removed = tuple(str(_ID.read(item)) for item in _list(value.get("removed"), "removed"))
        return cls(str(value.get("version") or ""), tuple(changed), removed, tuple(faults))

    def apply(self, monitor: GeofenceMonitor) -> list[GeofenceEvent]:
        """Change what the monitor watches. A fence whose shape is as before keeps its visit; a removed one ends it."""
        events = monitor.unregister(*self.removed)
        monitor.register(*self.changed)
        return events


def to_collection(fences: Iterable[Geofence]) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": [to_feature(fence) for fence in fences]}


def _shape(geometry: object, properties: Mapping[str, Any]) -> Shape:
    if not isinstance(geometry, Mapping):
        raise BadMessage("geometry", "must be a Point or a Polygon")
    coordinates = geometry.get("coordinates")
    if geometry.get("type") == "Point":
        return Circle(_point(coordinates), float(str(_RADIUS.read(properties.get("radius_m")))))
    if geometry.get("type") == "Polygon":
        rings = [tuple(_point(each) for each in _list(ring, "geometry")) for ring in _list(coordinates, "geometry")]
        if not rings:
            raise BadMessage("geometry", "a Polygon needs at least one ring")
        return Polygon(rings[0], tuple(rings[1:]))
    raise BadMessage(
        "geometry", "must be a Point with radius_m or a Polygon; a fence of several parts is several fences"
    )


def _point(value: object) -> LatLon:
    if not isinstance(value, list) or len(value) < 2 or not all(_is_number(part) for part in value[:2]):
        raise BadMessage("geometry", "a position must be an array [longitude, latitude]")
    try:
        return LatLon(float(value[1]), float(value[0]))
    except OverflowError:
        raise BadMessage("geometry", "longitude and latitude must be degrees on Earth") from None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _position(point: LatLon) -> list[float]:
    return [point.longitude_deg, point.latitude_deg]


def _list(value: object, name: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise BadMessage(name, "must be an array")
    return value
