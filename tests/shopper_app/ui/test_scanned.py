"""Codes are read back from the screen, as a till's scanner or another phone does."""

import pytest
from pyzbar.pyzbar import decode

from endcap_shopper.codes import qr
from endcap_shopper.sample import NUMBER, SIGNED


@pytest.mark.parametrize(("theme", "scale"), [("light", 1.0), ("dark", 1.5), ("contrast", 2.0)])
def test_a_scanner_reads_the_code_and_the_bars_from_the_screen(open_app, theme, scale):
    driver = open_app(page="card", theme=theme, text_scale=scale)
    page = driver.app.shell.screen
    picture = driver.picture()
    driver._bring_up(page.ids.bars)
    pictures = (picture, driver.picture())
    read = {(each.type, each.data.decode()) for picture in pictures for each in decode(picture)}
    assert ("QRCODE", SIGNED) in read
    assert ("EAN13", NUMBER) in read
    assert page.ids.code.module_px >= 3


def test_a_list_is_shared_as_a_code_that_a_phone_reads(open_app):
    driver = open_app(page="wishlist")
    driver.tap("Share my list")
    driver.until_text("https://shop.example/l/7Q2F9X")
    driver.settle()
    assert [each.data.decode() for each in decode(driver.picture())] == ["https://shop.example/l/7Q2F9X"]


def test_a_code_that_fits_no_screen_is_still_drawn_in_whole_pixels(open_app):
    driver = open_app(page="card")
    view = driver.app.shell.screen.ids.code
    view.matrix = qr("x" * 1200)
    driver.settle()
    assert view.module_px == int(view.width // view.matrix.width)
