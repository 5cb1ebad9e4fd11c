"""Somebody is called to where she is, and called off."""


def test_help_is_asked_for_about_an_item_and_called_off(open_app):
    driver = open_app(page="help")
    driver.tap("Desk lamp Lumen")
    driver.tap("Ask somebody to come")
    driver.until_text("Somebody has seen it")
    assert ("ask_help", "w4", "") in driver.shopper.asked
    driver.tap("I need no help any more")
    driver.until_text("Cancelled")
