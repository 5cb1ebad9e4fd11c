"""The window on the real thing, from the first run to the till: the app's logic, the backend, a local Ably."""

from datetime import UTC, datetime, time

import httpx
import pytest
from pyzbar.pyzbar import decode

from endcap.testing import ScriptedSource, a_fix
from endcap_shopper.platform.fake import fake

WAIT_S = 60.0


@pytest.fixture
def open_real(open_app, served, tmp_path):
    """Begin the app against the served shop; a Driver, its source scripted."""
    from endcap_shopper.shopper import Shopper

    source = ScriptedSource()

    def make(post):
        return Shopper(served.url, tmp_path / "app", source, fake(), post, zone=UTC)

    def begin():
        driver = open_app(make=make)
        driver.source = source
        driver.app.shopper.set_reduced_motion(True)
        driver.app.shopper.set_quiet_hours(False, time(22), time(8))  # or at night no offer came
        driver.settle()
        return driver

    return begin


def stand(driver, point):
    driver.source.emit(a_fix(latitude_deg=point[0], longitude_deg=point[1], taken_at=datetime.now(UTC)))


def agree(driver, *purposes):
    """Through the first run, agreeing to these."""
    driver.until_text("The shop, on your side")
    driver.tap("Go on")
    driver.until_text("Nothing leaves this phone yet")
    driver.tap("Go on")
    driver.until_text("You decide")
    for place in purposes:
        toggles = [each for each in driver.widgets() if type(each).__name__ == "Toggle"]
        toggles.sort(key=lambda each: -each.to_window(*each.center)[1])
        driver.tap(toggles[place])
    driver.tap("Begin")
    driver.until(lambda: driver.app.page == "near")


def test_a_fix_brings_the_offers_card_to_the_screen_and_the_till_reads_the_clipped_coupon(open_real, served, build):
    driver = open_real()
    agree(driver, 0, 1)
    driver.until(lambda: driver.source.running, WAIT_S)
    driver.until(lambda: driver.app.shopper.parts.client.state.receiver == "listening", WAIT_S)
    stand(driver, build.at(10, 0))
    driver.until_text("A fifth off dark roast", WAIT_S)
    driver.until_text("You're in Riverside", WAIT_S)

    driver.tap("Coupons")
    driver.until_text("Two euros off dark roast", WAIT_S)
    driver.tap(driver.in_row("Two euros off dark roast", "Clip the coupon"))
    driver.until_text("Clipped 1", WAIT_S)

    driver.tap("List")
    driver.until(lambda: driver.app.page == "wishlist")
    driver.write(driver.app.shell.screen.ids.field, "Green tea")
    driver.until_text("Green tea")

    driver.tap("Card")
    driver.until_text("Card and 1 coupon", WAIT_S)
    driver.settle()
    read = {each.type: each.data.decode() for each in decode(driver.picture())}
    assert read["EAN13"] == driver.app.shopper.card().bars.text
    basket = [{"sku": 9001, "quantity": 1, "price": 6.9}]
    sale = {"id": "till-1.window", "code": read["QRCODE"], "store": "s1", "basket": basket}
    staff = served.staff("till-1")
    redeemed = httpx.post(f"{served.url}/v1/redemptions", json=sale, headers=staff, timeout=WAIT_S)
    assert redeemed.status_code == 201, redeemed.text
    assert [each["coupon"] for each in redeemed.json()["applied"]] == ["coffee-2"]


def test_without_any_consent_list_and_settings_work_and_nothing_leaves(open_real):
    driver = open_real()
    agree(driver)
    driver.tap("List")
    driver.until(lambda: driver.app.page == "wishlist")
    driver.write(driver.app.shell.screen.ids.field, "Oat milk")
    driver.until_text("Oat milk")
    driver.app.go("privacy")
    driver.settle()
    driver.scroll_to("Nothing has left this phone.")
