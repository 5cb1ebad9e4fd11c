from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from endcap.fences import Circle, Geofence, GeofenceMonitor
from endcap.geo import LatLon, offset
from endcap.messages import Fix

SHOP = LatLon(60.17, 24.94)
NINE = datetime(2026, 11, 24, 9, tzinfo=UTC)


@pytest.fixture
def fix_at() -> Callable[..., Fix]:
    """A fix `s` seconds after nine, `east_m` and `north_m` metres from the shop."""

    def build(
        s: float, east_m: float = 0.0, north_m: float = 0.0, accuracy_m: float | None = 8.0, **more: object
    ) -> Fix:
        return Fix(*offset(SHOP, east_m, north_m), NINE + timedelta(seconds=s), accuracy_m, **more)

    return build


@pytest.fixture
def shop() -> Geofence:
    return Geofence("shop", Circle(SHOP, 30.48))


@pytest.fixture
def monitor(shop: Geofence) -> GeofenceMonitor:
    return GeofenceMonitor([shop], install="phone")
