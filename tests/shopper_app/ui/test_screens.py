"""Each screen's main journey, tapped and read in a real window."""

from datetime import time


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


def test_the_bar_below_leads_to_the_five_pages_and_back_leads_out_of_the_others(open_app):
    driver = open_app()
    for caption, page in (("Map", "map"), ("List", "wishlist"), ("Coupons", "coupons"), ("Card", "card")):
        driver.tap(caption)
        driver.until(lambda page=page: driver.app.page == page)
    driver.tap("Points")
    driver.until_text("660 points to Platinum")
    driver.tap("Back")
    driver.until(lambda: driver.app.page == "card")


def test_the_map_tells_the_next_step_and_goes_on_when_she_has_it(open_app):
    driver = open_app(page="map")
    assert driver.says("Straight on for 15 m, then right to Espresso beans.")
    driver.tap("Say it aloud")
    driver.tap("Got it")
    driver.until(lambda: ("finish_wish", "w1", True) in driver.shopper.asked)
    assert ("speak_step",) in driver.shopper.asked


def test_a_click_on_the_map_is_a_step_to_where_she_clicked(open_app):
    driver = open_app(page="map")
    page_map = driver.app.shell.screen.ids.map
    driver.tap(page_map)
    asked = driver.until(lambda: [each for each in driver.shopper.asked if each[0] == "walk_to"])
    x, y = page_map.spot(asked[0][1])
    assert (round(x), round(y)) == (round(page_map.center_x), round(page_map.center_y))


def test_another_store_is_chosen_from_a_list(open_app):
    driver = open_app(page="map")
    driver.tap("Riverside")
    driver.until_text("Harbour")
    driver.tap("Harbour")
    driver.until(lambda: ("choose_store", "s2") in driver.shopper.asked)


def test_what_she_writes_stands_on_the_list(open_app):
    driver = open_app(page="wishlist")
    field = driver.app.shell.screen.ids.field
    driver.write(field, "  Rye crackers ")
    driver.scroll_to("Rye crackers")
    assert ("add_wish", "Rye crackers", None) in driver.shopper.asked
    assert field.text == ""


def test_one_tap_ticks_a_wish_off(open_app):
    driver = open_app(page="wishlist")
    driver.tap(driver.in_row("Oat milk", "In the trolley"))
    driver.until_text("3 of 6 in the trolley")


def test_a_wish_gets_a_quantity_a_note_and_a_price_to_be_told_of(open_app):
    driver = open_app(page="wishlist")
    driver.tap("Desk lamp Lumen")
    driver.until_text("Quantity")
    driver.tap("One more")
    driver.until_text("× 2")
    sheet = driver.app.shell.get_parent_window().children[0]
    sheet.ids.note.text, sheet.ids.price.text = "The small one", "25,5"
    driver.tap("Keep")
    driver.until_text("The small one")
    assert ("set_price_alert", "w4", 25.5) in driver.shopper.asked


def test_a_removed_wish_comes_back_by_undo(open_app):
    driver = open_app(page="wishlist")
    driver.tap("Lemons")
    driver.until_text("Off the list")
    driver.tap("Off the list")
    driver.until_text("Lemons is off the list.")
    driver.tap("Undo")
    driver.until(lambda: ("undo",) in driver.shopper.asked and not driver.says("Lemons is off the list."))
    assert driver.says("Lemons")


def test_a_wish_is_moved_by_its_handle(open_app):
    driver = open_app(page="wishlist")
    handle = driver.in_row("Desk lamp Lumen", "DragHandle")
    target = driver.in_row("Espresso beans", "DragHandle")
    driver.drag(handle, *target.to_window(*target.center))
    driver.until(lambda: ("move_wish", "w4", 0) in driver.shopper.asked)
    assert driver.shopper.wishes[0].id == "w4"


def test_in_the_order_of_the_aisles_nothing_can_be_dragged(open_app):
    driver = open_app(page="wishlist")
    driver.tap("In the order of the aisles")
    driver.until(lambda: driver.shopper.wishlist().by_aisle)
    driver.settle()
    assert not [each for each in driver.widgets() if type(each).__name__ == "DragHandle"]


def test_a_shared_list_is_a_link_a_code_and_text(open_app):
    driver = open_app(page="wishlist")
    driver.tap("Share my list")
    driver.until_text("https://shop.example/l/7Q2F9X")
    assert driver.says("Oat milk\nLemons")
    driver.tap("Copy as text")
    driver.tap("Close")
    driver.until(lambda: driver.shopper.asked[-1] == ("end_share",))


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


def test_auto_clip_is_a_switch(open_app):
    driver = open_app(page="coupons")
    driver.tap(driver.in_row("Clip everything for me", "Toggle"))
    driver.until(lambda: driver.shopper.coupons().auto_clip)


def test_the_ledger_shows_what_each_booking_left(open_app):
    driver = open_app(page="points")
    assert all(driver.says(each) for each in ("1,840", "Gold", "+2,000", "2,228", "120 points expire on 31 Dec"))


def test_help_is_asked_for_about_an_item_and_called_off(open_app):
    driver = open_app(page="help")
    driver.tap("Desk lamp Lumen")
    driver.tap("Ask somebody to come")
    driver.until_text("Somebody has seen it")
    assert ("ask_help", "w4", "") in driver.shopper.asked
    driver.tap("I need no help any more")
    driver.until_text("Cancelled")


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


def test_the_menu_leads_to_help(open_app):
    driver = open_app()
    driver.tap("More")
    driver.until_text("Settings")
    driver.tap("Help")
    driver.until_text("Need a hand?")
    assert driver.app.page == "help"
