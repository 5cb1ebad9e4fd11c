"""Language, looks and quiet hours are changed at once."""

from datetime import time


def test_german_is_spoken_at_once_everywhere(open_app):
    driver = open_app(page="settings")
    driver.tap("Deutsch")
    driver.until_text("Karte")
    assert driver.says("Sprache")
    assert not driver.says("Language")


def test_the_theme_and_the_text_size_change_at_once(open_app):
    driver = open_app(page="settings")
    before = driver.app.theme.body
    driver.tap("Dark")
    driver.until(lambda: driver.app.theme.name == "dark")
    driver.scroll_to("200%")
    driver.tap("200%")
    driver.until(lambda: driver.app.theme.body == 2 * before)


def test_quiet_hours_move_by_half_an_hour(open_app):
    driver = open_app(page="settings")
    driver.scroll_to("Until")
    driver.tap(driver.in_row("From", "Earlier"))
    driver.until(lambda: ("set_quiet_hours", True, time(21, 30), time(8)) in driver.shopper.asked)
    driver.tap(driver.in_row("Until", "Later"))
    driver.until(lambda: ("set_quiet_hours", True, time(21, 30), time(8, 30)) in driver.shopper.asked)


def test_distances_are_in_feet_when_she_says_so(open_app):
    driver = open_app(page="settings")
    driver.scroll_to("Feet")
    driver.tap("Feet")
    driver.until(lambda: ("set_feet", True) in driver.shopper.asked)
    driver.tap("Metres")
    driver.until(lambda: ("set_feet", False) in driver.shopper.asked)
