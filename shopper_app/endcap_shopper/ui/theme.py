"""Theme: the tokens as Kivy properties, so that colours, sizes and motion change at once wherever they are used."""

from __future__ import annotations

from pathlib import Path

from kivy.core.text import LabelBase
from kivy.event import EventDispatcher
from kivy.metrics import dp, sp
from kivy.properties import BooleanProperty, ColorProperty, NumericProperty, StringProperty
from kivy.utils import get_color_from_hex

from endcap_shopper.ui import tokens
from endcap_shopper.views import Look

FONTS = Path(__file__).parent / "fonts"


def register_fonts() -> None:
    """Make Inter the font of everything, and the icons available as "Icons"."""
    regular, bold = str(FONTS / "Inter-Regular.otf"), str(FONTS / "Inter-SemiBold.otf")
    LabelBase.register("Roboto", regular, fn_bold=bold)  # Kivy's default, by its name
    LabelBase.register("Icons", str(FONTS / "icons.ttf"))


class Theme(EventDispatcher):
    """Colours (by the names of `tokens.Colours`), type sizes in pixels, times in seconds. `wear` changes them all.

    `os_dark` says which theme "system" means.
    """

    name = StringProperty("light")
    scale = NumericProperty(1.0)
    still = BooleanProperty(False)  # motion is reduced
    quick = NumericProperty(tokens.MOTION_S["quick"])
    calm = NumericProperty(tokens.MOTION_S["calm"])
    display = NumericProperty(0)
    headline = NumericProperty(0)
    title = NumericProperty(0)
    body = NumericProperty(0)
    small = NumericProperty(0)
    label = NumericProperty(0)
    space = NumericProperty(0)
    touch = NumericProperty(0)

    for _token in tokens.names():
        locals()[_token] = ColorProperty(getattr(tokens.LIGHT, _token))

    def __init__(self, look: Look | None = None, *, os_dark: bool = False) -> None:
        super().__init__()
        self.os_dark = os_dark
        self.space, self.touch = dp(tokens.SPACE_DP), dp(tokens.TOUCH_DP)
        self.wear(look or Look())

    def wear(self, look: Look) -> None:
        """Look so from now on."""
        self.name = ("dark" if self.os_dark else "light") if look.theme == "system" else look.theme
        for token in tokens.names():
            setattr(self, token, get_color_from_hex(getattr(tokens.THEMES[self.name], token)))
        self.scale = look.text_scale
        for role, size in tokens.TYPE_DP.items():
            setattr(self, role, sp(size) * look.text_scale)
        self.still = look.reduced_motion
        for pace, seconds in tokens.MOTION_S.items():
            setattr(self, pace, 0.0 if self.still else seconds)
