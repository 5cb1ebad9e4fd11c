"""The demo's coupons: what an offer's card lets one clip."""

from datetime import timedelta

import pytest

from endcap.testing import NOON
from endcap_devkit.demo.city import load_city
from endcap_devkit.demo.coupons import coupons


@pytest.fixture(scope="module")
def city():
    return load_city()


def test_nearly_every_store_has_one_for_what_is_promoted_and_in_stock_there(city):
    promotions = city.promotions()
    given = coupons(city.stores, promotions, NOON)
    promoted = {each.sku for each in promotions}
    stocked = {product.sku: store.id for store in city.stores for product, _ in store.products if product.stock}
    assert len({each.sku for each in given}) == len(given) > 0.8 * len(city.stores)
    assert all(each.sku in promoted and each.sku in stocked for each in given)
    assert {each.kind for each in given} == {"amount", "percent", "n_for_m"}


def test_they_are_the_same_all_day_and_hold_for_days(city):
    promotions = city.promotions()
    morning, evening = (coupons(city.stores, promotions, NOON + timedelta(hours=hours)) for hours in (-11, 11))
    assert morning == evening
    assert all(each.ends_at - NOON > timedelta(days=3) for each in morning)
