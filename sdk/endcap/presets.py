"""How often to look and how often to send: tracking presets, as data that a host or the server may change.

The budgets each preset keeps (fixes, GPS seconds, wake-ups and uploads an hour) stand in `docs/embedding.md`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Precision = Literal["high", "balanced", "low"]


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a location source is asked for. A fix is due when `interval_s` has passed AND she moved `displacement_m`."""

    interval_s: float
    displacement_m: float = 0.0
    precision: Precision = "high"


@dataclass(frozen=True, slots=True)
class Preset:
    """One way to track: what is asked of the source while she moves and while she stands, and when it is sent."""

    name: str
    moving: Resolution
    stopped: Resolution | None  # None: the source sleeps until she has left the spot by `bubble_m`
    send_every_s: float  # fixes wait this long for company; an event never waits
    stop_within_m: float = 70.0  # she stands when all fixes of `stop_after_s` lie within it (Radar's figures)
    stop_after_s: float = 140.0
    bubble_m: float = 100.0


EFFICIENT = Preset("efficient", Resolution(360.0, 0.0, "balanced"), Resolution(1200.0, 0.0, "low"), send_every_s=360.0)
RESPONSIVE = Preset("responsive", Resolution(150.0, 0.0, "balanced"), None, send_every_s=150.0)
CONTINUOUS = Preset("continuous", Resolution(30.0), Resolution(30.0), send_every_s=60.0)
# In a store an offer that comes after she has passed the shelf is worth nothing: each fix goes out at once.
IN_STORE = Preset(
    "in_store", Resolution(5.0), Resolution(30.0), send_every_s=0.0, stop_within_m=15.0, stop_after_s=60.0
)
ASLEEP = Resolution(1200.0, 0.0, "low")  # for a source that can't sleep until she moves

PRESETS: dict[str, Preset] = {preset.name: preset for preset in (EFFICIENT, RESPONSIVE, CONTINUOUS, IN_STORE)}
