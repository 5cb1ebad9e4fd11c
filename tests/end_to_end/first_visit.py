"""A newcomer's first minutes in the app's window, beside a demo. Run by test_app_beside_demo.py as its own process.

Its one argument is JSON: the app's `switches`, and the `store`, the `shelf` to stand at (latitude, longitude), the
`offer` expected there and the `coupon` behind it. It prints the code on her card at the end, which a till can redeem.
"""

import json
import sys
from datetime import time

from endcap.geo import LatLon
from endcap_shopper.__main__ import built

WAIT_S = 60.0
visit = json.loads(sys.argv[1])
app = built(visit["switches"])

from kivy.tests.common import UnitTestTouch  # noqa: E402  # Kivy's only now: `built` has prepared it

from endcap_shopper.ui.driver import Driver  # noqa: E402
from endcap_shopper.ui.widgets.store_map import StoreMap  # noqa: E402


def agree(driver):
    driver.until_text("The shop, on your side")
    driver.tap("Go on")
    driver.until_text("Nothing leaves this phone yet")
    driver.tap("Go on")
    driver.until_text("You decide")
    for toggle in [each for each in driver.widgets() if type(each).__name__ == "Toggle"]:
        driver.tap(toggle)
    driver.tap("Begin")
    driver.until_text("Here you walk by clicking", WAIT_S)


def walk_in(driver):
    """Choose the store in the list, and click on the map where the shelf is."""
    driver.tap("Map")
    driver.until_text("Choose a store", WAIT_S)
    driver.tap("Choose a store")
    driver.until_text("Aleksi 13")
    driver.tap(visit["store"])
    plan = driver.until(lambda: next((each for each in driver.widgets(StoreMap) if each.view.plan), None), WAIT_S)
    driver.settle()
    touch = UnitTestTouch(*plan.to_window(*plan.spot(LatLon(*visit["shelf"]))))
    touch.touch_down()
    driver.frames(2)
    touch.touch_up()
    driver.until_text("Location on", WAIT_S)


def clip_the_offer(driver):
    driver.tap("Nearby")
    driver.until_text(f"You're in {visit['store']}", WAIT_S)
    driver.until_text(visit["offer"], WAIT_S)
    driver.tap(driver.until(lambda: button_beside(driver, visit["offer"]), WAIT_S))
    driver.tap("Coupons")
    driver.until_text("Clipped 1", WAIT_S)
    driver.tap("Clipped 1")
    driver.until_text(visit["coupon"])


def button_beside(driver, offer):
    """Clips the coupon behind an offer; None until the app knows of one."""
    try:
        return driver.in_row(offer, "Clip the coupon")
    except LookupError:
        return None


with Driver(app) as driver:
    driver.app.shopper.set_reduced_motion(True)
    driver.app.shopper.set_quiet_hours(False, time(22), time(8))  # or at night no offer came
    agree(driver)
    walk_in(driver)
    clip_the_offer(driver)
    driver.tap("Card")
    driver.until_text("Card and 1 coupon", WAIT_S)
    print(json.dumps({"code": driver.app.shopper.card().code.text}))
