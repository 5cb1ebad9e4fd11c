"""Coupons and points: clipped, combined, booked."""


def test_a_coupon_is_clipped_in_one_tap_and_stands_among_the_clipped(open_app):
    driver = open_app(page="coupons")
    driver.tap(driver.in_row("Everything from the bakery", "Clip the coupon"))
    driver.until(lambda: ("clip", "c2") in driver.shopper.asked)
    driver.tap("Clipped 3")
    driver.until_text("Everything from the bakery")


def test_a_coupon_left_out_of_the_best_combination_says_why(open_app):
    driver = open_app(page="coupons")
    driver.tap("Clipped 2")
    driver.until_text("€24.94 instead of €31.34")
    assert driver.says("Aged Gouda takes off more, and the two don't go together.")


def test_an_expired_coupon_is_in_the_history(open_app):
    driver = open_app(page="coupons")
    assert not driver.says("Ice cream")
    driver.tap("History")
    driver.until_text("Expired on 1 Nov")


def test_the_history_says_what_each_month_saved(open_app):
    driver = open_app(page="coupons")
    driver.tap("History")
    driver.until_text("November 2026")
    assert driver.says("€12.40")
    assert driver.says("5 purchases")


def test_auto_clip_is_a_switch(open_app):
    driver = open_app(page="coupons")
    driver.tap(driver.in_row("Clip everything for me", "Toggle"))
    driver.until(lambda: driver.shopper.coupons().auto_clip)


def test_the_ledger_shows_what_each_booking_left(open_app):
    driver = open_app(page="points")
    assert all(driver.says(each) for each in ("1,840", "Gold", "+2,000", "2,228", "120 points expire on 31 Dec"))
