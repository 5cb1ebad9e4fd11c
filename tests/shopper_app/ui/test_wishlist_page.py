"""Her list is written, ordered, shared, and taken back."""


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
