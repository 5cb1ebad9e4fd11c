"""The sample store: its plan, and the way through it."""

from __future__ import annotations

from endcap.fences import Polygon
from endcap.geo import LatLon, offset
from endcap_shopper.aisles import Aisles
from endcap_shopper.floor import Door, FloorPlan, Section
from endcap_shopper.views import (
    Choice,
    Dot,
    Pin,
    StoreMap,
)

CORNER = LatLon(60.16890, 24.93680)

_AREAS = (  # metres east and north of the corner, and how far they reach
    ("produce", "Produce", 2, 20, 10, 14),
    ("bakery", "Bakery", 2, 2, 10, 14),
    ("dairy", "Dairy", 17, 28, 14, 8),
    ("coffee", "Coffee & tea", 17, 17, 14, 7),
    ("snacks", "Snacks", 17, 9, 14, 5),
    ("home", "Home", 17, 2, 14, 4),
)


def at(east_m: float, north_m: float) -> LatLon:
    """A point of the sample store."""
    return offset(CORNER, east_m, north_m)


def sample_plan() -> FloorPlan:
    """A store of six sections and one aisle between them."""
    sections = tuple(
        Section(id, name, Polygon((at(x, y), at(x + w, y), at(x + w, y + h), at(x, y + h))))
        for id, name, x, y, w, h in _AREAS
    )
    nodes = {str(place): at(14.5, north) for place, north in enumerate((1, 7.5, 15.5, 26, 37))}
    aisles = Aisles(nodes, tuple((str(place), str(place + 1)) for place in range(4)))
    return FloorPlan("s1", "Riverside", sections, aisles, (Door("main", "Main door", at(14.5, 0.5)),))


def sample_map() -> StoreMap:
    """The store with three things of her list, and the way past them."""
    way = (
        at(14.5, 6),
        at(14.5, 20.5),
        at(17.5, 20.5),
        at(14.5, 20.5),
        at(14.5, 32),
        at(17.5, 32),
        at(14.5, 32),
        at(14.5, 27),
        at(11.5, 27),
    )
    pins = (
        Pin("w1", at(17.5, 20.5), 1, "Espresso beans", True),
        Pin("w2", at(17.5, 32), 2, "Oat milk"),
        Pin("w3", at(11.5, 27), 3, "Lemons", True),
    )
    stores = (Choice("s1", "Riverside", True), Choice("s2", "Harbour"))
    return StoreMap(
        sample_plan(),
        stores,
        pins,
        Dot(at(14.5, 6), 3.5, 10.0),
        way,
        3,
        "coffee",
        "Straight on for 15\xa0m, then right to Espresso beans.",
        "Espresso beans · stop\xa01\xa0of\xa03",
        "w1",
        True,
        True,
    )
