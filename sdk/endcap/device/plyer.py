"""PlyerSource: positions by plyer's gps, where there is no adapter of our own. The last resort.

plyer tells neither when a fix was taken nor by what, mixes all providers into one stream and knows no background.
Prefer `endcap.device.pick()`, which takes Android's and iOS's own.
"""

from __future__ import annotations

import logging
from math import isfinite
from typing import Any

from endcap.clock import Clock, SystemClock
from endcap.device import OnFix, OnStatus
from endcap.errors import NotPermitted, OutOfRange
from endcap.messages import Fix
from endcap.presets import Resolution

try:
    from plyer import gps
except ModuleNotFoundError as fault:
    raise ModuleNotFoundError(
        "endcap.device.plyer needs plyer: pip install 'endcap-sdk[app]'", name=fault.name
    ) from fault

log = logging.getLogger("endcap")


class PlyerSource:
    """A `LocationSource` on plyer's facade. Callbacks come on the OS's thread.

    A fix is stamped when it comes in, since plyer does not say when it was taken; `gps` is plyer's facade.
    """

    def __init__(self, gps: Any = gps, clock: Clock | None = None) -> None:
        self._gps = gps
        self._clock = clock or SystemClock()
        self._resolution = Resolution(1.0)
        self._on_fix: OnFix | None = None
        self._on_status: OnStatus | None = None

    def start(self, on_fix: OnFix, on_status: OnStatus) -> None:
        self._on_fix, self._on_status = on_fix, on_status
        try:
            self._gps.configure(on_location=self._located, on_status=self._status)
            self._begin()
        except NotImplementedError:
            self._on_fix = self._on_status = None
            raise NotPermitted("plyer has no gps on this machine; use another source, such as a replay") from None
        except Exception as fault:  # on Android a missing permission is a Java exception of the bridge's own type
            self._on_fix = self._on_status = None
            if "SecurityException" in str(fault):
                raise NotPermitted("Android refuses location: ask for ACCESS_FINE_LOCATION first") from fault
            raise
        on_status("searching")

    def tune(self, resolution: Resolution) -> None:
        changed, self._resolution = resolution != self._resolution, resolution
        if changed and self._on_fix is not None:
            self._gps.stop()
            self._begin()

    def stop(self) -> None:
        if self._on_fix is not None:
            self._on_fix = self._on_status = None
            self._gps.stop()

    def _begin(self) -> None:
        resolution = self._resolution
        self._gps.start(minTime=int(resolution.interval_s * 1000), minDistance=int(resolution.displacement_m))

    def _located(self, **found: Any) -> None:
        """plyer's callback; what it can't know comes as 0, None or NaN, by platform."""
        on_fix = self._on_fix
        if on_fix is None:
            return
        try:
            fix = Fix(
                latitude_deg=float(found["lat"]),
                longitude_deg=float(found["lon"]),
                taken_at=self._clock.now(),
                accuracy_m=_positive(found.get("accuracy")),
                speed_m_s=_positive(found.get("speed")),
                bearing_deg=_positive(found.get("bearing")),
                altitude_m=_finite(found.get("altitude")),
            )
        except (KeyError, TypeError, ValueError, OutOfRange):
            log.warning("plyer handed over a fix that is none")
            return
        on_fix(fix)

    def _status(self, kind: str, message: str = "") -> None:
        if self._on_status is not None:
            self._on_status("off" if kind == "provider-disabled" else "running")


def _finite(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and isfinite(value) else None


def _positive(value: Any) -> float | None:
    found = _finite(value)
    return found if found is not None and found > 0 else None
