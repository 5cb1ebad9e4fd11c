"""What the phone's own bars and a camera cover of the window is left free."""

import pytest

from endcap_shopper.platform.ports import Insets
from endcap_shopper.views import PAGES

STATUS_BAR, GESTURES, CAMERA = 24, 48, 32


class Covered:
    """A phone's display, of which so much is covered."""

    def __init__(self, insets, *, dark=False):
        self.now, self.is_dark = insets, dark

    def insets(self):
        return self.now

    def dark(self):
        return self.is_dark


def beyond(driver, insets):
    """What says or can press something where it is covered; a list may run under the bar below the pages."""
    from kivy.core.window import Window
    from kivy.uix.label import Label

    from endcap_shopper.ui.widgets.press import Pressable

    found = []
    for each in (*driver.widgets(Label), *driver.widgets(Pressable)):
        x, y = each.to_window(each.x, each.y)
        said = getattr(each, "text", "") or getattr(each, "hint", "") or type(each).__name__
        if x < insets.left - 1 or x + each.width > Window.width - insets.right + 1:
            found.append((said, "beside"))
        if y + each.height > Window.height - insets.top + 1 and not in_list(each):
            found.append((said, "above"))
        if y < insets.bottom - 1 and not in_list(each):
            found.append((said, "below"))
    return found


def in_list(widget):
    from kivy.uix.scrollview import ScrollView

    around = widget.parent
    while around is not None and around is not around.parent:
        if isinstance(around, ScrollView):
            return True
        around = around.parent
    return False


@pytest.mark.parametrize("insets", [Insets(STATUS_BAR, 0, GESTURES, 0), Insets(0, 0, GESTURES // 2, CAMERA)])
def test_nothing_is_under_the_phones_bars_or_its_camera(open_app, insets):
    driver = open_app(display=Covered(insets))
    under = {}
    for page in PAGES:
        driver.app.go(page)
        driver.settle()
        under[page] = beyond(driver, insets)
        lists = driver.app.shell.ids.pages
        assert lists.to_window(0, lists.top)[1] <= driver.app.height_px - insets.top
    assert under == {page: [] for page in PAGES}


def test_a_sheet_ends_above_the_gestures_and_below_the_status_bar(open_app):
    insets = Insets(STATUS_BAR, 0, GESTURES, 0)
    driver = open_app(display=Covered(insets), page="wishlist", text_scale=2.0)
    driver.tap("Share my list")
    driver.until_text("https://shop.example/l/7Q2F9X")
    driver.settle()
    sheet = driver.app.shell.get_parent_window().children[0]
    assert sheet.top <= driver.app.height_px - STATUS_BAR
    scrolled_to_its_end(driver)
    last = driver.find("Copy as text")
    assert last.to_window(last.x, last.y)[1] >= GESTURES


def scrolled_to_its_end(driver):
    from kivy.uix.scrollview import ScrollView

    next(driver.widgets(ScrollView)).scroll_y = 0
    driver.settle()


def test_a_toast_lies_above_the_gestures(open_app):
    driver = open_app(display=Covered(Insets(STATUS_BAR, 0, GESTURES, 0)), page="wishlist")
    driver.tap("Lemons")
    driver.until_text("Off the list")
    driver.tap("Off the list")
    driver.until_text("Lemons is off the list.")
    toast = driver.app.shell.ids.toast
    assert toast.y >= driver.app.shell.ids.nav.top >= GESTURES


def test_when_she_comes_back_the_bars_and_the_colours_are_those_of_the_phone_now(open_app):
    display = Covered(Insets())
    driver = open_app(display=display, theme="system")
    assert (driver.app.theme.name, driver.app.inset_top) == ("light", 0)
    display.now, display.is_dark = Insets(STATUS_BAR, 0, GESTURES, 0), True
    driver.app.on_resume()
    driver.settle()
    driver.until(lambda: driver.app.theme.name == "dark")
    assert (driver.app.inset_top, driver.app.inset_bottom) == (STATUS_BAR, GESTURES)
