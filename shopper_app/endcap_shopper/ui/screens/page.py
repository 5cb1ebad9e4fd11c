"""PageScreen: what all pages have in common: a title, and a view of the app's that is drawn when it is new."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from kivy.app import App
from kivy.uix.screenmanager import Screen

from endcap_shopper.ui.layout import load
from endcap_shopper.ui.widgets.pool import Row
from endcap_shopper.views import Intents, Page


class PageScreen(Screen):
    """One page. `refresh` reads its view and draws it; it is called whenever either is new."""

    page: ClassVar[Page]
    caption: ClassVar[str]  # what stands above it, in English
    root_page: ClassVar[bool] = True  # reached from the bar below; others can go back

    @property
    def shopper(self) -> Intents:
        shopper: Intents = App.get_running_app().shopper
        return shopper

    @property
    def tr(self) -> Callable[..., str]:
        return self.shopper.words.t

    def to_privacy(self) -> None:
        """Where she agrees to what this page lacks."""
        App.get_running_app().go("privacy")

    def yes(self, needed: bool) -> tuple[str, Callable[[], object] | None]:
        """The button of `empty` that leads there, where her yes is needed."""
        return (self.tr("Open Privacy"), self.to_privacy) if needed else ("", None)

    def refresh(self) -> None:
        """Draw the view as it is now."""
        raise NotImplementedError

    def restyled(self) -> None:
        """Text has another size or language: measure and draw anew."""
        rows = self.ids.get("rows")
        if rows is not None:
            rows.anew()
        self.refresh()


def row(viewclass: str, key: str, **properties: Any) -> Row:
    """A row of `Rows`: the widget's name, what tells it from its neighbours, and its properties."""
    return {"viewclass": viewclass, "key": key, **properties}


def empty(icon: str, title: str, why: str, action: str = "", pressed: Callable[[], object] | None = None) -> Row:
    """What stands where there is nothing to show."""
    return row("EmptyState", "empty", icon=icon, title=title, why=why, action=action, pressed=pressed)


load(__file__)
