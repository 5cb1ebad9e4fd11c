"""Gauge and Sparkline: how far to the next tier, and how the points went; both are lines of points."""

from __future__ import annotations

from collections.abc import Sequence

from kivy.properties import ColorProperty, ListProperty, NumericProperty
from kivy.uix.widget import Widget

from endcap_shopper.ui.layout import load

START_DEG, SPAN_DEG = -120.0, 240.0  # an arc open below


class Gauge(Widget):
    """An arc, `ratio` of it filled."""

    ratio = NumericProperty(0.0)
    fill = ColorProperty((0, 0, 0, 1))
    ground = ColorProperty((0, 0, 0, 0.2))
    thickness = NumericProperty(12)

    @staticmethod
    def end_deg(ratio: float) -> float:
        """Where the filled part ends, clockwise from the top."""
        return START_DEG + SPAN_DEG * min(1.0, max(0.0, ratio))


class Bar(Widget):
    """A straight gauge."""

    ratio = NumericProperty(0.0)


class Sparkline(Widget):
    """A line through `values`, oldest at the left."""

    values = ListProperty()
    ink = ColorProperty((0, 0, 0, 1))

    @staticmethod
    def line(values: Sequence[float], x: float, y: float, width: float, height: float) -> list[float]:
        """As `sparkline`, for kv."""
        return sparkline(values, x, y, width, height)


def sparkline(values: Sequence[float], x: float, y: float, width: float, height: float) -> list[float]:
    """The line's corners as x, y, x, y: the least value at the bottom, the greatest at the top."""
    if len(values) < 2:
        return []
    low, high = min(values), max(values)
    reach = (high - low) or 1.0
    step = width / (len(values) - 1)
    return [
        each
        for place, value in enumerate(values)
        for each in (x + place * step, y + height * (0.5 if high == low else (value - low) / reach))
    ]


load(__file__)
