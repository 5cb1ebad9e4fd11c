"""Written: text whose picture is made once, outside of the drawing, and kept for who writes the same."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from kivy.core.text import Label as Drawn
from kivy.uix.label import Label

CAPACITY = 600  # of 412 x 20 pixels and 4 bytes: at most 20 MB, a tenth of it for usual texts

_drawn: OrderedDict[tuple[Any, ...], Drawn] = OrderedDict()


class Written(Label):
    """A Kivy label that shares its picture with those that say the same in the same way.

    Kivy's own fills each label's texture in the middle of drawing the frame, which then waits until what was drawn
    before is done: with a dozen new texts that is most of a frame.
    """

    def texture_update(self, *_: object) -> None:
        """Find the picture, or make it. Marked-up text is drawn as Kivy does."""
        if self.markup or not self.text.strip():
            super().texture_update()
            return
        self._kept = _picture(self)  # as long as it is seen: it is filled again when a phone has lost its pictures
        self.texture = self._kept.texture
        self.texture_size = list(self._kept.texture.size)


def _picture(label: Written) -> Drawn:
    color = tuple(label.disabled_color if label.disabled else label.color)
    how = (label.font_name, label.font_size, label.bold, label.halign, label.line_height, tuple(label.padding))
    key = (label.text, color, tuple(label.text_size), how)
    found = _drawn.get(key)
    if found is None:
        found = _drawn[key] = _drawn_anew(label, color)
        if len(_drawn) > CAPACITY:
            _drawn.popitem(last=False)
    else:
        _drawn.move_to_end(key)
    return found


def _drawn_anew(label: Written, color: tuple[float, ...]) -> Drawn:
    options = {name: getattr(label, name) for name in Label._font_properties} | {"color": color}
    drawn = Drawn(**options)
    drawn.refresh()
    drawn.texture.bind()  # which fills it
    return drawn
