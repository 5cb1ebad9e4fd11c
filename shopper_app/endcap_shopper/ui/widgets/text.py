"""Text in the sizes of the type scale, as high as it needs to be; and icons."""

from __future__ import annotations

from kivy.properties import NumericProperty, StringProperty

from endcap_shopper.ui.icons import glyph
from endcap_shopper.ui.layout import load
from endcap_shopper.ui.widgets.written import Written


class Text(Written):
    """Wraps at its width and grows downwards."""


class Small(Text): ...


class Bold(Text): ...


class Heading(Text): ...


class Tag(Written):
    """One line, as wide as its words."""


class Glyph(Written):
    """A picture from the icon font in the middle of its room; `icon` is its name."""

    icon = StringProperty("")
    side = NumericProperty(0)

    def on_icon(self, _: Written, name: str) -> None:
        self.text = glyph(name)


class Icon(Glyph):
    """One that is as large as its picture."""


load(__file__)
