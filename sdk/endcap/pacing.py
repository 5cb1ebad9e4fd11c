"""Pace: how closely to look, by preset, by whether she moves, and by whether she is in a store."""

from __future__ import annotations

from endcap.geo import haversine_km
from endcap.messages import Fix
from endcap.presets import IN_STORE, Preset, Resolution

SURPLUS = 6.0  # fixes that come this many times as often as asked are thinned to that; less is the device's business
SHORTEST_S = 0.8  # a shopper's phone sends at most one message a second; a GPS second may be a little short


class Pace:
    """Watches the admitted fixes and says what to ask of the source, and which of them are due to be sent.

    She stands when every fix of the last `stop_after_s` lies within `stop_within_m` of the first, beyond what their
    accuracy explains. One caller at a time (the tracker's).
    """

    def __init__(self, preset: Preset) -> None:
        self.preset = preset
        self.in_store = False
        self.stopped = False
        self._anchor: Fix | None = None
        self._due: Fix | None = None  # the last one sent

    @property
    def active(self) -> Preset:
        """The preset that holds now: in a store it is in_store, whatever was asked for outside."""
        return IN_STORE if self.in_store else self.preset

    @property
    def resolution(self) -> Resolution | None:
        """What to ask of the source; None: let it sleep until she has left the spot."""
        return self.active.stopped if self.stopped else self.active.moving

    def observe(self, fix: Fix, *, in_store: bool) -> None:
        """Take an admitted fix in."""
        if in_store != self.in_store:
            self.in_store, self.stopped, self._anchor = in_store, False, None
        anchor = self._anchor
        if anchor is None or _moved_m(anchor, fix) > self.active.stop_within_m:
            self._anchor, self.stopped = fix, False
        elif (fix.taken_at - anchor.taken_at).total_seconds() >= self.active.stop_after_s:
            self.stopped = True

    def due(self, fix: Fix) -> bool:
        """True when the fix is to be sent; then the next one is due only after a while."""
        asked = self.resolution or self.active.moving
        wait_s = max(SHORTEST_S, asked.interval_s / SURPLUS)
        if self._due is not None and 0 <= (fix.taken_at - self._due.taken_at).total_seconds() < wait_s:
            return False
        self._due = fix
        return True


def _moved_m(anchor: Fix, fix: Fix) -> float:
    """How far she came, less what two vague fixes may be apart without her moving."""
    apart_m = haversine_km(*anchor.point, *fix.point) * 1000
    return apart_m - max(anchor.accuracy_m or 0.0, fix.accuracy_m or 0.0) / 2
