"""Disc: a white circle as a texture, smooth at its edge, of which everything round is made.

Kivy's own smooth shapes draw each shape three times over a stencil, which costs most of a frame in a list of cards, and
what they draw leaves a window that is cut out by another stencil.
"""

from __future__ import annotations

from functools import lru_cache
from math import hypot

from kivy.graphics.texture import Texture


@lru_cache(maxsize=64)
def disc(radius: int) -> Texture:
    """A disc of `radius` pixels, in a square of twice as many."""
    side = 2 * radius
    texture = Texture.create(size=(side, side), colorfmt="rgba")
    pixels = bytes(part for coverage in _coverage(radius) for part in (255, 255, 255, coverage))

    def fill(made: Texture) -> None:
        made.blit_buffer(pixels, colorfmt="rgba", bufferfmt="ubyte")

    fill(texture)
    texture.add_reload_observer(fill)  # a phone that had the window away may have lost it
    _filled.append(fill)
    return texture


_filled: list[object] = []  # Kivy only knows them weakly


def _coverage(radius: int) -> list[int]:
    """How much of each pixel is inside, of 255, row by row."""
    middle = radius - 0.5
    return [
        round(255 * min(1.0, max(0.0, radius - hypot(x - middle, y - middle))))
        for y in range(2 * radius)
        for x in range(2 * radius)
    ]
