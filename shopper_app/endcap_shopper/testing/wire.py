"""What the small store says of itself, as JSON."""

from __future__ import annotations

from typing import Any

from endcap.fences import Polygon
from endcap.geo import LatLon
from endcap_shopper.testing.store import CORNER, a_grid, a_plan

Json = dict[str, Any]


def coupon(id: str, **changes: Any) -> Json:
    plain = {"id": id, "title": f"Coupon {id}", "kind": "percent", "value": 20, "state": "available", "sku": 9001}
    return {**plain, "members_only": False, "auto_clip": False, "limit_left": 1, **changes}


def product(sku: int, name: str, segment: str, point: LatLon, **changes: Any) -> Json:
    where = {"latitude": point.latitude_deg, "longitude": point.longitude_deg, "store": "s1", "section": segment}
    return {"sku": sku, "name": name, "segment": segment, "price": 6.0, "stock": 4, **where, **changes}


def corners(shape: Polygon) -> list[list[float]]:
    return [[point.latitude_deg, point.longitude_deg] for point in shape.outer]


PLAN: Json = {
    "store": "s1",
    "name": "Riverside",
    "derived": False,
    "sections": [
        {"id": each.id, "name": each.name, "polygon": corners(each.outline), "categories": [each.id], "skus": []}
        for each in a_plan().sections
    ],
    "aisles": {
        "nodes": [
            {"id": id, "latitude": point.latitude_deg, "longitude": point.longitude_deg}
            for id, point in a_grid().nodes.items()
        ],
        "edges": [list(edge) for edge in a_grid().edges],
    },
    "doors": [{"id": "main", "name": "Main door", "latitude": CORNER.latitude_deg, "longitude": CORNER.longitude_deg}],
}
