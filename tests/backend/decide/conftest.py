from datetime import UTC, datetime

import pytest

from endcap.messages import NearbyPromotion
from endcap.wire import epoch_ms

NOON_MS = epoch_ms(datetime(2026, 11, 24, 12, tzinfo=UTC))


@pytest.fixture
def noon_ms():
    return NOON_MS


@pytest.fixture
def a_row():
    """Builds what the match says of one shopper near one promoted product."""

    def build(sku=1, *, uid="ann", pid=None, distance_ft=30.0, discount=20.0, **more):
        return NearbyPromotion(
            uid=uid,
            latitude_deg=60.17,
            longitude_deg=24.94,
            pid=f"p{sku}" if pid is None else pid,
            sku=sku,
            segment="coffee",
            distance_ft=distance_ft,
            discount=discount,
            **{"title": f"Offer {sku}", "name": f"Offer {sku}", **more},
        )

    return build
