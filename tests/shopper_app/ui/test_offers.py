"""Near you: offers are opened, clipped, let go, and compared with what else there is."""


def test_a_deal_says_why_and_is_clipped_in_one_tap(open_app):
    driver = open_app()
    assert driver.says("It is on your list, and members pay less today.")
    driver.tap(driver.in_row("Espresso beans, 1 kg", "Clip the coupon"))
    driver.until(lambda: driver.shopper.asked[-1:] == [("clip_deal", "d1")])


def test_a_deal_leads_to_its_alternatives(open_app):
    driver = open_app()
    driver.tap("Sourdough loaf")
    driver.until_text("Add to my list")
    driver.tap("Alternatives")
    driver.until_text("Rye loaf")
    assert driver.app.page == "alternatives"
    assert driver.says("Sold out in Riverside")
    driver.tap(driver.in_row("Rye loaf", "Add to my list"))
    driver.until(lambda: ("take_alternative", 9014) in driver.shopper.asked)


def test_a_deal_she_does_not_want_goes(open_app):
    driver = open_app()
    driver.tap("Aged Gouda, 2 for 1")
    driver.until_text("Not for me")
    driver.tap("Not for me")
    driver.until(lambda: not driver.says("Aged Gouda, 2 for 1"))


def test_an_offer_that_a_notification_asked_for_is_opened_over_the_page_it_is_on(open_app):
    driver = open_app(page="coupons")
    asked = list(driver.shopper.near_you().deals[:1])
    driver.shopper.asked_page = lambda: "near" if asked else None
    driver.shopper.asked_deal = lambda: asked.pop()
    driver.shopper.set_alert_kind("deal", True)
    driver.until_text("Not for me")
    assert driver.app.page == "near"
