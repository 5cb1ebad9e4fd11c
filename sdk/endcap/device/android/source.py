"""AndroidSource: positions by Android's own LocationManager, each labelled, stamped and with its accuracy."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from endcap.clock import Clock, SystemClock
from endcap.device import OnFix, OnStatus
from endcap.device.android import bridge
from endcap.device.android.bridge import JavaException, PythonJavaClass, java, java_method
from endcap.errors import NotPermitted, OutOfRange
from endcap.messages import Fix
from endcap.presets import Precision, Resolution

log = logging.getLogger("endcap")

FINE, COARSE = "android.permission.ACCESS_FINE_LOCATION", "android.permission.ACCESS_COARSE_LOCATION"
QUALITY: dict[Precision, int] = {"high": 100, "balanced": 102, "low": 104}  # LocationRequest.QUALITY_*
# Below Android 12 there is no fused provider. Indoors the satellites are silent, so high asks the network as well.
PROVIDERS: dict[Precision, tuple[str, ...]] = {
    "high": ("gps", "network"),
    "balanced": ("network", "passive"),
    "low": ("network", "passive"),
}
SOURCES = {"network": "network"}  # by provider; every other one is the satellites', or fused with them
ASLEEP_S = 300.0  # while sleeping: a look by Wi-Fi and cells alone, told only after she has moved


class AndroidSource:
    """A `LocationSource` on LocationManager. Callbacks come on the main thread; they are short.

    A fix is stamped by the time since boot, so that a wrong wall clock does not make it old or new. `context` is an
    Android Context: the app's or the service's own unless given.
    """

    def __init__(self, context: Any = None, *, clock: Clock | None = None, api_level: int | None = None) -> None:
        self._context = context or bridge.context()
        self._manager = bridge.service(self._context, "location", "android.location.LocationManager")
        self._clock = clock or SystemClock()
        self._api_level = bridge.api_level() if api_level is None else api_level
        self._resolution = Resolution(5.0)
        self._listener: _Listener | None = None
        self._on_fix: OnFix | None = None
        self._on_status: OnStatus | None = None

    def start(self, on_fix: OnFix, on_status: OnStatus) -> None:
        if not (self._may(FINE) or self._may(COARSE)):
            raise NotPermitted("Android refuses location: ask by Permissions().request('foreground') first")
        self._on_fix, self._on_status = on_fix, on_status
        self._listener = _Listener(self._located, self._switched)  # Java holds it weakly: we must
        try:
            self._ask(self._resolution)
        except JavaException as fault:
            self.stop()
            if bridge.is_refusal(fault):
                raise NotPermitted("Android refuses location") from fault
            raise
        on_status("searching" if self._manager.isLocationEnabled() else "off")

    def tune(self, resolution: Resolution) -> None:
        changed, self._resolution = resolution != self._resolution, resolution
        if changed and self._listener is not None:
            self._ask(resolution)

    def sleep_until_moved(self, radius_m: float) -> None:
        """Look by Wi-Fi and cells alone, now and then; she is told of only when she has moved by `radius_m`."""
        self._resolution = Resolution(ASLEEP_S, radius_m, "low")
        if self._listener is not None:
            self._ask(self._resolution)

    def stop(self) -> None:
        listener, self._listener = self._listener, None
        self._on_fix = self._on_status = None
        if listener is not None:
            self._manager.removeUpdates(listener)

    def _ask(self, resolution: Resolution) -> None:
        """Request anew, instead of whatever was requested before."""
        self._manager.removeUpdates(self._listener)
        if self._api_level >= bridge.S and self._manager.hasProvider("fused"):
            self._ask_fused(resolution)
            return
        offered = [name for name in PROVIDERS[resolution.precision] if self._manager.hasProvider(name)]
        if not self._may(FINE):
            offered = [name for name in offered if name != "gps"]
        for provider in offered:
            self._manager.requestLocationUpdates(
                provider,
                int(resolution.interval_s * 1000),
                float(resolution.displacement_m),
                self._listener,
                self._context.getMainLooper(),
            )

    def _ask_fused(self, resolution: Resolution) -> None:
        builder = java("android.location.LocationRequest$Builder")(int(resolution.interval_s * 1000))
        builder.setQuality(QUALITY[resolution.precision])
        builder.setMinUpdateDistanceMeters(float(resolution.displacement_m))
        executor = self._context.getMainExecutor()
        self._manager.requestLocationUpdates("fused", builder.build(), executor, self._listener)

    def _may(self, permission: str) -> bool:
        return bool(self._context.checkSelfPermission(permission) == 0)

    def _located(self, location: Any) -> None:
        on_fix = self._on_fix
        if on_fix is None:
            return
        try:
            fix = self._fix(location)
        except OutOfRange:
            log.warning("Android handed over a fix that is not on Earth")
            return
        on_fix(fix)

    def _fix(self, location: Any) -> Fix:
        since_boot_ns = location.getElapsedRealtimeNanos()
        age_s = (java("android.os.SystemClock").elapsedRealtimeNanos() - since_boot_ns) / 1e9 if since_boot_ns else 0.0
        return Fix(
            latitude_deg=location.getLatitude(),
            longitude_deg=location.getLongitude(),
            taken_at=self._clock.now() - timedelta(seconds=max(0.0, age_s)),
            accuracy_m=location.getAccuracy() if location.hasAccuracy() else None,
            source=SOURCES.get(location.getProvider(), "gps"),
            speed_m_s=location.getSpeed() if location.hasSpeed() else None,
            bearing_deg=location.getBearing() if location.hasBearing() else None,
            altitude_m=location.getAltitude() if location.hasAltitude() else None,
            mock=bool(location.isMock() if self._api_level >= bridge.S else location.isFromMockProvider()),
        )

    def _switched(self, on: bool) -> None:
        if self._on_status is not None:
            self._on_status("running" if on or self._manager.isLocationEnabled() else "off")


class _Listener(PythonJavaClass):  # type: ignore[misc]
    """Every method of the interface: one that is missing is an error on Android 12 and later, for every fix."""

    __javainterfaces__ = ("android/location/LocationListener",)
    __javacontext__ = "app"

    def __init__(self, located: Callable[[Any], None], switched: Callable[[bool], None]) -> None:
        super().__init__()
        self._located, self._switched = located, switched

    @java_method("(Landroid/location/Location;)V")  # type: ignore[untyped-decorator]
    def onLocationChanged(self, location: Any) -> None:
        self._located(location)

    @java_method("(Ljava/util/List;)V", name="onLocationChanged")  # type: ignore[untyped-decorator]
    def onLocationsChanged(self, locations: Any) -> None:
        """A batch, oldest first; all of it, not only the last."""
        for index in range(locations.size()):
            self._located(locations.get(index))

    @java_method("(I)V")  # type: ignore[untyped-decorator]
    def onFlushComplete(self, request: int) -> None:
        """Nothing is flushed."""

    @java_method("(Ljava/lang/String;)V")  # type: ignore[untyped-decorator]
    def onProviderEnabled(self, provider: str) -> None:
        self._switched(True)

    @java_method("(Ljava/lang/String;)V")  # type: ignore[untyped-decorator]
    def onProviderDisabled(self, provider: str) -> None:
        self._switched(False)

    @java_method("(Ljava/lang/String;ILandroid/os/Bundle;)V")  # type: ignore[untyped-decorator]
    def onStatusChanged(self, provider: str, status: int, extras: Any) -> None:
        """Android has not called it since 10."""
