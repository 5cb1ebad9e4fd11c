"""Shapes of the store's map: filled outlines, circles, and the slice in which she faces."""

from __future__ import annotations

from math import cos, radians, sin

from kivy.graphics import Mesh, Rectangle
from kivy.graphics.tesselator import Tesselator

from endcap_shopper.ui.widgets.disc import disc

Spot = tuple[float, float]
CONE_DEG = 60.0  # a phone's compass is off by up to 30 degrees to either side indoors
DISC = 64  # pixels of radius that are drawn; a larger circle is this one enlarged


def circle(spot: Spot, side: float) -> Rectangle:
    radius = min(DISC, max(1, round(side / 2)))
    return Rectangle(texture=disc(radius), pos=(spot[0] - side / 2, spot[1] - side / 2), size=(side, side))


def cone(spot: Spot, bearing_deg: float, length: float) -> Mesh:
    """Where she faces: a slice clockwise from the top of the picture."""
    edges = [radians(bearing_deg + CONE_DEG * (part / 8 - 0.5)) for part in range(9)]
    corners = [spot, *((spot[0] + length * sin(edge), spot[1] + length * cos(edge)) for edge in edges)]
    return _mesh(corners, list(range(len(corners))), "triangle_fan")


def filled(corners: list[Spot]) -> list[Mesh]:
    tesselator = Tesselator()
    tesselator.add_contour([part for corner in corners for part in corner])
    if not tesselator.tesselate():
        return []
    return [Mesh(vertices=vertices, indices=indices, mode="triangle_fan") for vertices, indices in tesselator.meshes]


def _mesh(corners: list[Spot], indices: list[int], mode: str) -> Mesh:
    return Mesh(vertices=[part for x, y in corners for part in (x, y, 0, 0)], indices=indices, mode=mode)
