"""The pages are reached, and left again; the first run comes before them."""

import pytest

from endcap_shopper.views import Card, Coupons, Help, NearYou, Points


def test_the_bar_below_leads_to_the_five_pages_and_back_leads_out_of_the_others(open_app):
    driver = open_app()
    for caption, page in (("Map", "map"), ("List", "wishlist"), ("Coupons", "coupons"), ("Card", "card")):
        driver.tap(caption)
        driver.until(lambda page=page: driver.app.page == page)
    driver.tap("Points")
    driver.until_text("660 points to Platinum")
    driver.tap("Back")
    driver.until(lambda: driver.app.page == "card")


def test_after_the_first_run_each_page_stands_between_title_and_bar_where_pages_fade(open_app):
    driver = open_app(first_run_done=False, reduced_motion=False)
    for caption in ("Go on", "Go on", "Begin"):
        driver.until_text(caption)
        driver.tap(caption)
    for page in ("near", "map", "coupons"):
        driver.app.go(page)
        pages = driver.app.shell.ids.pages
        driver.until(lambda pages=pages: not pages.transition.is_active)
        driver.settle()
        assert tuple(driver.app.shell.screen.pos) == tuple(pages.pos), page


def test_the_menu_leads_to_help(open_app):
    driver = open_app()
    driver.tap("More")
    driver.until_text("Settings")
    driver.tap("Help")
    driver.until_text("Need a hand?")
    assert driver.app.page == "help"


def test_the_first_run_explains_before_it_asks_and_everything_may_stay_off(open_app):
    driver = open_app(first_run_done=False)
    assert driver.says("The shop, on your side")
    assert not [each for each in driver.widgets() if type(each).__name__ == "Toggle"]
    driver.tap("Go on")
    driver.until_text("Nothing leaves this phone yet")
    driver.tap("Go on")
    driver.until_text("You decide")
    driver.tap("Begin")
    driver.until(lambda: driver.app.page == "near")
    asked = [each[0] for each in driver.shopper.asked]
    assert "finish_first_run" in asked
    assert "set_purpose" not in asked


@pytest.mark.parametrize("page", ["near", "coupons", "card", "points", "help"])
def test_a_page_that_needs_her_yes_has_a_button_that_leads_to_privacy_and_back_again(open_app, page):
    nothing = {"near": "near_you"}.get(page, page)
    kinds = {"near": NearYou, "coupons": Coupons, "card": Card, "points": Points, "help": Help}
    driver = open_app(page="map")
    setattr(driver.shopper, nothing, lambda: kinds[page](needs_yes=True))
    driver.app.go(page)
    driver.settle()
    driver.tap("Open Privacy")
    driver.until(lambda: driver.app.page == "privacy")
    driver.tap("Back")
    driver.until(lambda: driver.app.page == page)


def test_a_page_that_lacks_nothing_asks_for_no_yes(open_app):
    driver = open_app()
    for page in ("near", "coupons", "card", "points", "help"):
        driver.app.go(page)
        driver.settle()
        assert not driver.says("Open Privacy"), page
