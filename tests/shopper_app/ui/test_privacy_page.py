"""What she agrees to, pauses, sees of what was sent, and has deleted."""


def test_every_purpose_is_off_until_she_says_so(open_app):
    driver = open_app(page="privacy")
    switches = [each for each in driver.widgets() if type(each).__name__ == "Toggle"]
    assert [each.on for each in switches] == [False, False, False]
    driver.tap(driver.in_row("Offers", "Toggle"))
    driver.until(lambda: ("set_purpose", "promotions", True) in driver.shopper.asked)


def test_a_pause_shows_in_the_live_indicator(open_app):
    driver = open_app(page="privacy")
    assert driver.says("Location on")
    driver.tap("Pause for an hour")
    driver.until(lambda: driver.texts().count("Paused until 15:00") == 2)
    driver.tap("Go on")
    driver.until_text("Location on")


def test_everything_is_deleted_only_after_a_second_question(open_app):
    driver = open_app(page="privacy")
    driver.tap("Delete everything")
    driver.until_text("Keep it")
    driver.tap("Keep it")
    driver.settle()
    assert ("delete_data",) not in driver.shopper.asked
    driver.tap("Delete everything")
    driver.until_text("Keep it")
    driver.tap("Delete everything")
    driver.until_text("Deleted. Receipt 7f3a-91.")


def test_what_was_sent_is_listed(open_app):
    driver = open_app(page="privacy")
    driver.scroll_to("List: Lemons added")
    assert driver.says("38 positions")
