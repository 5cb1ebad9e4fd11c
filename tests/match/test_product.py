from __future__ import annotations

from endcap.messages import CustomerLocation, ProductPromotion, StoreProduct
from endcap_backend.match.product import ProductMatch

HERE = (60.17, 24.94)


def test_a_shopper_hears_of_a_promoted_product_within_100_ft() -> None:
    match = ProductMatch()
    match.place(StoreProduct(sku=7, segment="coffee", latitude_deg=60.1701, longitude_deg=24.94, store="s1"), 0)
    match.promote(ProductPromotion(pid="p1", segment="coffee"), 0)
    (row,) = match.locate(CustomerLocation(uid="u1", latitude_deg=60.17, longitude_deg=24.94), 1)
    assert (row.uid, row.pid, row.sku, round(row.distance_ft, 2)) == ("u1", "p1", 7, 36.48)


def test_the_same_thing_is_told_once() -> None:
    match = ProductMatch()
    match.place(StoreProduct(sku=7, segment="coffee", latitude_deg=60.17, longitude_deg=24.94), 0)
    match.promote(ProductPromotion(pid="p1", segment="coffee"), 0)
    location = CustomerLocation(uid="u1", latitude_deg=60.17, longitude_deg=24.94)
    assert len(match.locate(location, 1)) == 1
    assert match.locate(location, 2) == []
