"""Shell: the window's frame: header, notice, the pages, the bar below, and what lies over them for a moment."""

from __future__ import annotations

from functools import partial

from kivy.app import App
from kivy.factory import Factory
from kivy.properties import ObjectProperty, StringProperty
from kivy.uix.floatlayout import FloatLayout
from kivy.uix.screenmanager import FadeTransition, NoTransition

from endcap_shopper.ui.layout import load
from endcap_shopper.ui.screens.alternatives import AlternativesPage
from endcap_shopper.ui.screens.card import CardPage
from endcap_shopper.ui.screens.coupons import CouponsPage
from endcap_shopper.ui.screens.first_run import FirstRunPage
from endcap_shopper.ui.screens.help import HelpPage
from endcap_shopper.ui.screens.near_you import NearYouPage
from endcap_shopper.ui.screens.page import PageScreen
from endcap_shopper.ui.screens.points import PointsPage
from endcap_shopper.ui.screens.privacy import PrivacyPage
from endcap_shopper.ui.screens.settings import SettingsPage
from endcap_shopper.ui.screens.store_map import StoreMapPage
from endcap_shopper.ui.screens.wishlist import WishlistPage
from endcap_shopper.ui.theme import Theme
from endcap_shopper.ui.widgets.sheet import Sheet
from endcap_shopper.views import Chrome, Intents, Page

SCREENS: dict[Page, type[PageScreen]] = {
    each.page: each
    for each in (
        NearYouPage, StoreMapPage, WishlistPage, CouponsPage, CardPage, PointsPage, HelpPage, AlternativesPage,
        PrivacyPage, SettingsPage, FirstRunPage,
    )
}  # fmt: skip

MENU: tuple[tuple[Page, str], ...] = (
    ("points", "star-circle"),
    ("help", "hand-wave"),
    ("alternatives", "swap-horizontal"),
    ("privacy", "shield-account"),
    ("settings", "cog"),
)


class Shell(FloatLayout):
    """Shows one page at a time; a page is made when it is first gone to."""

    title = StringProperty("")
    chrome = ObjectProperty(Chrome(), rebind=True)
    page = StringProperty("")

    def __init__(self, shopper: Intents, theme: Theme) -> None:
        super().__init__()
        self._shopper, self._theme = shopper, theme
        self._toast_of = ""

    @property
    def screen(self) -> PageScreen | None:
        """The page that is seen."""
        screen: PageScreen | None = self.ids.pages.current_screen
        return screen

    def go(self, page: Page) -> None:
        """Show a page."""
        pages = self.ids.pages
        if not pages.has_screen(page):
            pages.add_widget(SCREENS[page](name=page))
        # The chrome comes and goes with the first run, and a page that fades meanwhile would keep its old place.
        still = self._theme.still or not self.page or "first" in (self.page, page)
        pages.transition = NoTransition() if still else FadeTransition(duration=self._theme.quick)
        self.page = page
        pages.get_screen(page).refresh()
        pages.current = page
        self.title = self._titled(page)

    def refresh(self, page: Page | None) -> None:
        """Draw what is new: of a page if it is seen, and the chrome."""
        self._show_chrome()
        if self.screen is not None and page in (None, self.page):
            self.screen.refresh()

    def restyled(self) -> None:
        """Sizes or the language are others now."""
        self._show_chrome()
        for screen in self.ids.pages.screens:
            screen.restyled()
        if self.screen is not None:
            self.title = self._titled(self.screen.page)

    def open_menu(self) -> Sheet:
        """The pages that the bar below has no room for."""
        sheet = Sheet(title=self._shopper.words.t("More"))
        for page, icon in MENU:
            link = Factory.LinkRow(icon=icon, title=self._titled(page))
            link.pressed = partial(self._leave, sheet, page)
            sheet.add_widget(link)
        sheet.open()
        return sheet

    def _leave(self, sheet: Sheet, page: Page) -> None:
        sheet.dismiss()
        App.get_running_app().go(page)

    def _titled(self, page: Page) -> str:
        return self._shopper.words.t(SCREENS[page].caption)

    def _show_chrome(self) -> None:
        self.chrome = self._shopper.chrome()
        undo = self.chrome.undo
        if (undo.id if undo else "") != self._toast_of:
            self._toast_of = undo.id if undo else ""
            self.ids.toast.show(undo)


load(__file__)
