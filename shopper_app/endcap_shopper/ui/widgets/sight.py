"""Sight: which part of a picture is seen, and how large; never more than the picture."""

from __future__ import annotations

from dataclasses import dataclass

Spot = tuple[float, float]  # in parts of the width and the height, from the lower left
MOST = 6.0  # enlarged so far, a shelf of a metre is as wide as a finger on most phones


@dataclass(frozen=True, slots=True)
class Sight:
    """The picture `zoom` times (1 to MOST) as large as its window, in whose middle is the spot `x`, `y` of it."""

    zoom: float = 1.0
    x: float = 0.5
    y: float = 0.5

    def seen(self, spot: Spot) -> Spot:
        """Where in the window a spot of the picture is."""
        return (spot[0] - self.x) * self.zoom + 0.5, (spot[1] - self.y) * self.zoom + 0.5

    def spot(self, seen: Spot) -> Spot:
        """Which spot of the picture is at a place of the window."""
        return (seen[0] - 0.5) / self.zoom + self.x, (seen[1] - 0.5) / self.zoom + self.y

    def enlarged(self, times: float, about: Spot = (0.5, 0.5)) -> Sight:
        """So many times larger, or smaller; what is at `about` in the window stays there, as far as the edges allow."""
        kept = self.spot(about)
        zoom = min(MOST, max(1.0, self.zoom * times))
        return _bounded(zoom, kept[0] - (about[0] - 0.5) / zoom, kept[1] - (about[1] - 0.5) / zoom)

    def moved(self, right: float, up: float) -> Sight:
        """The picture drawn so many parts of the window to the right and up."""
        return _bounded(self.zoom, self.x - right / self.zoom, self.y - up / self.zoom)

    def centred(self, spot: Spot, least: float = 1.0) -> Sight:
        """A spot of the picture in the middle, as far as the edges allow, enlarged at least so much."""
        return _bounded(min(MOST, max(self.zoom, least)), *spot)

    def towards(self, other: Sight, part: float) -> Sight:
        """What is seen on the way to another one, `part` of it done."""
        zoom = self.zoom + (other.zoom - self.zoom) * part
        return _bounded(zoom, self.x + (other.x - self.x) * part, self.y + (other.y - self.y) * part)


def _bounded(zoom: float, x: float, y: float) -> Sight:
    half = 0.5 / zoom
    return Sight(zoom, min(1.0 - half, max(half, x)), min(1.0 - half, max(half, y)))
