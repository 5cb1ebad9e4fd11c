"""NavBar: the five pages one always reaches, and which one this is."""

from __future__ import annotations

from kivy.properties import StringProperty
from kivy.uix.boxlayout import BoxLayout

from endcap_shopper.ui.layout import load
from endcap_shopper.ui.widgets.press import Pressable, Surface


class NavItem(Pressable, BoxLayout):
    """A page's icon and name."""

    page = StringProperty("")
    icon = StringProperty("")
    text = StringProperty("")


class NavBar(Surface):
    current = StringProperty("near")


load(__file__)
