"""A sheet covers the page until it is done with, and not a moment longer."""

import pytest

from endcap_shopper.ui.widgets.sheet import Sheet


@pytest.mark.parametrize("less_motion", [True, False])
def test_what_lies_under_a_sheet_that_goes_can_be_touched_at_once(open_app, less_motion):
    driver = open_app(page="wishlist", reduced_motion=less_motion)
    driver.tap("Lemons")
    driver.until_text("Off the list")
    driver.until(lambda: next(driver.widgets(Sheet))._anim_alpha == 1)
    next(driver.widgets(Sheet)).dismiss()
    driver.tap(driver.find("Coupons"))
    driver.until(lambda: driver.app.page == "coupons")


def test_with_less_motion_a_sheet_neither_comes_nor_goes_by_and_by(open_app):
    driver = open_app(page="wishlist")
    driver.tap("Lemons")
    sheet = next(driver.widgets(Sheet))
    assert sheet._anim_alpha == 1
    sheet.dismiss()
    assert not list(driver.widgets(Sheet))
