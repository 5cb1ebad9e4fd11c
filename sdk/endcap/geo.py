"""The Earth as ksqlDB sees it: one radius, one feet factor, one rounding, in one place."""

from __future__ import annotations

from math import asin, cos, isfinite, radians, sin, sqrt
from typing import NamedTuple

from endcap.errors import OutOfRange

EARTH_RADIUS_KM = 6371.0  # ksqlDB's GEO_DISTANCE
FEET_PER_KM = 3281.0  # the seed's SQL; 3280.84 is the true one, at 100 ft 1.5 mm apart
NEAR_FT = 100.0  # "near" in the seed's SQL, bound included
NEAR_M = NEAR_FT / FEET_PER_KM * 1000  # 30.4785 m
METRES_PER_DEGREE = EARTH_RADIUS_KM * 1000 * radians(1)  # of latitude: 111 194.9 m
COORDINATE_DECIMALS = 5  # DECIMAL(10,5) drops a record that has more; 1e-5 degrees is 1.1 m


class LatLon(NamedTuple):
    """A point: degrees north in [-90, 90], degrees east in [-180, 180], both bounds included."""

    latitude_deg: float
    longitude_deg: float


def check(point: LatLon) -> LatLon:
    """The point itself when it is on Earth.

    Raises:
        OutOfRange: a latitude beyond ±90°, a longitude beyond ±180°, or no finite number.
    """
    latitude_deg, longitude_deg = point
    if not (isfinite(latitude_deg) and -90.0 <= latitude_deg <= 90.0):
        raise OutOfRange(f"latitude {latitude_deg!r} is not within -90 and 90 degrees")
    if not (isfinite(longitude_deg) and -180.0 <= longitude_deg <= 180.0):
        raise OutOfRange(f"longitude {longitude_deg!r} is not within -180 and 180 degrees")
    return point


def haversine_km(latitude1_deg: float, longitude1_deg: float, latitude2_deg: float, longitude2_deg: float) -> float:
    """Great-circle distance in kilometres, unchecked: the formula of ksqlDB's GEO_DISTANCE in its order of operations.

    Haversine on a sphere of 6371 km; error against the ellipsoid up to 0.5 %.
    """
    latitude_delta = radians(latitude2_deg - latitude1_deg)
    longitude_delta = radians(longitude2_deg - longitude1_deg)
    a = sin(latitude_delta / 2) ** 2 + sin(longitude_delta / 2) ** 2 * cos(radians(latitude1_deg)) * cos(
        radians(latitude2_deg)
    )
    return 2 * EARTH_RADIUS_KM * asin(min(1.0, sqrt(a)))


def distance_km(a: LatLon, b: LatLon) -> float:
    """Great-circle distance between two points, in kilometres.

    Haversine on a sphere of 6371 km, as ksqlDB's GEO_DISTANCE, to 1e-6 km. Error against the ellipsoid: up to 0.5 %.

    Raises:
        OutOfRange: a latitude beyond ±90° or a longitude beyond ±180°.
    """
    check(a)
    check(b)
    return haversine_km(*a, *b)


def distance_m(a: LatLon, b: LatLon) -> float:
    """`distance_km` in metres."""
    return distance_km(a, b) * 1000.0


def distance_ft(a: LatLon, b: LatLon) -> float:
    """`distance_km` in feet by the seed's factor of 3281 ft/km, which is what its SQL compares with 100."""
    return distance_km(a, b) * FEET_PER_KM


def round_coordinate(degrees: float) -> float:
    """Degrees to five decimals, half-even, never -0.0: what ksqlDB's DECIMAL(10,5) takes whole."""
    return round(degrees, COORDINATE_DECIMALS) + 0.0  # -0.0 + 0.0 is 0.0


def local_m(origin: LatLon, point: LatLon) -> tuple[float, float]:
    """Metres east and north of `origin` on the plane that touches the sphere there.

    Good to 1 cm within 2 km away from the poles; the longitude difference takes the short way round.
    """
    east_deg = (point.longitude_deg - origin.longitude_deg + 180.0) % 360.0 - 180.0
    east_m = east_deg * METRES_PER_DEGREE * cos(radians((origin.latitude_deg + point.latitude_deg) / 2))
    return east_m, (point.latitude_deg - origin.latitude_deg) * METRES_PER_DEGREE


def offset(origin: LatLon, east_m: float, north_m: float) -> LatLon:
    """The point that lies `east_m` and `north_m` metres from `origin`, by the same plane as `local_m`."""
    latitude_deg = origin.latitude_deg + north_m / METRES_PER_DEGREE
    scale = cos(radians((origin.latitude_deg + latitude_deg) / 2))
    longitude_deg = origin.longitude_deg + east_m / (METRES_PER_DEGREE * scale)
    return check(LatLon(latitude_deg, (longitude_deg + 180.0) % 360.0 - 180.0))
