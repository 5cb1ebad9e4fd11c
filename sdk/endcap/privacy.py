"""Privacy: how exactly she is told, and where she isn't; applied before anything reaches the disk."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from hashlib import blake2b
from math import cos, floor, pi, radians, sin
from typing import Literal

from endcap.config import Mode
from endcap.errors import BadConfig
from endcap.fences import Circle, Polygon
from endcap.geo import METRES_PER_DEGREE, LatLon, offset
from endcap.messages import Fix

STRICTER: tuple[Mode, ...] = ("exact", "coarse", "zones_only", "off")  # each tells less than the one before

GRID_M = 500.0  # of "coarse": a few streets
GRID_ACCURACY_M = 354.0  # from a cell's middle to its corner
COARSE_EVERY_S = 900.0  # in the same cell she is told this often, so that her moves within it don't show
BLUR_M = (100.0, 300.0)  # how far beside a zone's middle the one point lies that stands for all of it


@dataclass(frozen=True, slots=True)
class PrivacyZone:
    """A place she wants left alone, such as her home.

    "exclude": within it no fix is used at all. "blur": all of it is told as one point, the same each time, so that
    nothing can be averaged away; visits are not looked for there.

    Raises:
        BadConfig: another action or shape.
    """

    id: str
    shape: Circle | Polygon
    action: Literal["exclude", "blur"] = "exclude"

    def __post_init__(self) -> None:
        if self.action not in ("exclude", "blur"):
            raise BadConfig("action", f"is {self.action!r}; it must be exclude or blur")
        if not isinstance(self.shape, Circle | Polygon):
            raise BadConfig("shape", "must be a Circle or a Polygon")


class Zones:
    """The zones that hold now. `secret` is the install's own: it places the blurred points and never leaves."""

    def __init__(self, zones: Iterable[PrivacyZone], secret: str) -> None:
        self._zones = tuple(zones)
        self._secret = secret

    def of(self, fix: Fix) -> PrivacyZone | None:
        """The zone the fix is in, excluding ones first."""
        found = [zone for zone in self._zones if zone.shape.contains(fix.point)]
        return min(found, key=lambda zone: zone.action != "exclude", default=None)

    def blurred(self, fix: Fix, zone: PrivacyZone) -> Fix:
        """The fix as it may be told: without speed, bearing and height, at the one point that stands for the zone."""
        digest = blake2b(f"{self._secret}/{zone.id}".encode(), digest_size=8).digest()
        turn = int.from_bytes(digest[:4], "big") / 2**32 * 2 * pi
        away_m = BLUR_M[0] + int.from_bytes(digest[4:], "big") / 2**32 * (BLUR_M[1] - BLUR_M[0])
        return _vague(
            fix, offset(zone.shape.centre, away_m * sin(turn), away_m * cos(turn)), zone.shape.extent_m + away_m
        )


def coarse(fix: Fix) -> Fix:
    """The fix at the middle of its cell of a fixed grid of 500 m, which is accurate to 354 m."""
    row_deg = GRID_M / METRES_PER_DEGREE
    latitude_deg = min(89.9, max(-89.9, (floor(fix.latitude_deg / row_deg) + 0.5) * row_deg))
    column_deg = 360.0 / max(1, round(360.0 * cos(radians(latitude_deg)) / row_deg))  # a whole number goes around
    longitude_deg = (floor(fix.longitude_deg / column_deg) + 0.5) * column_deg
    return _vague(fix, LatLon(latitude_deg, (longitude_deg + 180.0) % 360.0 - 180.0), GRID_ACCURACY_M)


def _vague(fix: Fix, point: LatLon, accuracy_m: float) -> Fix:
    return replace(
        fix,
        latitude_deg=point.latitude_deg,
        longitude_deg=point.longitude_deg,
        accuracy_m=accuracy_m,
        speed_m_s=None,
        bearing_deg=None,
        altitude_m=None,
    )
