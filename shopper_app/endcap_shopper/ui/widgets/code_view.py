"""CodeView: a QR code or bars that a till's scanner reads: whole pixels, quiet zone, black on white in every theme."""

from __future__ import annotations

from math import floor
from typing import Any

from kivy.graphics import Color, Rectangle
from kivy.graphics.texture import Texture
from kivy.metrics import dp
from kivy.properties import ObjectProperty
from kivy.uix.widget import Widget

from endcap_shopper.codes import Matrix

BAR_HEIGHT_DP = 72.0


class CodeView(Widget):
    """Draws a Matrix as large as fits its width, each module the same whole number of pixels."""

    matrix = ObjectProperty(None, allownone=True)

    def __init__(self, **properties: Any) -> None:
        self._texture: Texture | None = None
        super().__init__(**properties)
        self.size_hint_y = None
        self.fbind("pos", self._draw)
        self.fbind("size", self._draw)
        self.fbind("matrix", self._made)
        self._made()

    @property
    def module_px(self) -> int:
        """Pixels a module is wide; 0 without a code."""
        matrix: Matrix | None = self.matrix
        return 0 if matrix is None else max(1, floor(self.width / matrix.width))

    def _made(self, *_: object) -> None:
        self._texture = None if self.matrix is None else _texture(self.matrix)
        self._draw()

    def _draw(self, *_: object) -> None:
        matrix: Matrix | None = self.matrix
        self.canvas.clear()
        if matrix is None:
            self.height = 0
            return
        side = self.module_px
        high = len(matrix.rows) * side if matrix.symbology == "qr" else round(dp(BAR_HEIGHT_DP))
        quiet = matrix.quiet * side
        above = quiet if matrix.symbology == "qr" else 0
        self.height = high + 2 * above
        left = round(self.center_x - matrix.width * side / 2)
        with self.canvas:
            Color(1, 1, 1)
            Rectangle(pos=(left, round(self.y)), size=(matrix.width * side, self.height))
            Rectangle(
                pos=(left + quiet, round(self.y) + above),
                size=(len(matrix.rows[0]) * side, high),
                texture=self._texture,
            )


def _texture(matrix: Matrix) -> Texture:
    """A pixel a module; enlarged without smoothing."""
    wide = len(matrix.rows[0])
    texture = Texture.create(size=(wide, len(matrix.rows)), colorfmt="rgb")
    texture.mag_filter = texture.min_filter = "nearest"
    pixels = b"".join(b"\x00\x00\x00" if dark else b"\xff\xff\xff" for row in reversed(matrix.rows) for dark in row)
    texture.blit_buffer(pixels, colorfmt="rgb", bufferfmt="ubyte")
    return texture
