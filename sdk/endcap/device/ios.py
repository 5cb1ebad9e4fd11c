"""iOS by pyobjus: positions of CLLocationManager, permissions, and the OS's own regions.

Written after Apple's documentation and what plyer does; it has run against stand-ins only, since no Apple machine takes
part in the tests. docs/embedding.md says what that leaves open.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from ctypes import Structure, c_double
from datetime import UTC, datetime
from typing import Any

from endcap.device import OnFix, OnStatus
from endcap.device.permissions import LocationPermission, PermissionState, Stage
from endcap.errors import NotPermitted, OutOfRange
from endcap.fences import Evidence, Geofence
from endcap.fences.rotation import IOS_SLOTS
from endcap.messages import Fix
from endcap.presets import Precision, Resolution

try:
    from pyobjus import autoclass, protocol
    from pyobjus.dylib_manager import load_framework
except ModuleNotFoundError as fault:
    raise ModuleNotFoundError("endcap.device.ios needs pyobjus, which kivy-ios brings", name=fault.name) from fault

log = logging.getLogger("endcap")

FRAMEWORK = "/System/Library/Frameworks/CoreLocation.framework"
BEST, HUNDRED_M, KILOMETRE = -1.0, 100.0, 1000.0  # kCLLocationAccuracy...
ACCURACY: dict[Precision, float] = {"high": BEST, "balanced": HUNDRED_M, "low": KILOMETRE}
FITNESS = 3  # CLActivityTypeFitness: on foot
STATES: dict[int, LocationPermission] = {  # CLAuthorizationStatus
    0: "not_determined",
    1: "denied_forever",  # restricted, by parents or an employer
    2: "denied_forever",  # iOS asks once
    3: "background",
    4: "foreground",
}
FULL_ACCURACY = 0  # CLAccuracyAuthorization
SMALLEST_M = 100.0
# "<+60.16952000,+24.93545000> +/- 5.00m (speed ...", alike in every language; pyobjus hands back no struct
_COORDINATES = re.compile(r"<([+-][\d.]+),([+-][\d.]+)>")


class _Coordinate(Structure):
    """CLLocationCoordinate2D, as it goes in."""

    _fields_ = (("latitude", c_double), ("longitude", c_double))


def core_location() -> Any:
    """A new CLLocationManager, on the main thread's run loop."""
    load_framework(FRAMEWORK)
    return autoclass("CLLocationManager").alloc().init()


class IosSource:
    """A `LocationSource` on CLLocationManager. iOS decides how often; `displacement_m` and precision it heeds.

    `background`: go on while the app is not in front. Only where the app's Info.plist has the background mode
    "location": without it iOS ends the app.
    """

    def __init__(self, manager: Any = None, *, background: bool = False) -> None:
        self._manager = manager or core_location()
        self._background = background
        self._resolution = Resolution(5.0)
        self._delegate: _Delegate | None = None

    def start(self, on_fix: OnFix, on_status: OnStatus) -> None:
        if STATES.get(self._manager.authorizationStatus, "denied_forever") not in ("foreground", "background"):
            raise NotPermitted("iOS refuses location: ask by Permissions().request('foreground') first")
        self._delegate = _Delegate(on_fix, on_status, lambda evidence: None)
        self._manager.delegate = self._delegate  # which iOS holds weakly: we must
        self._manager.activityType = FITNESS
        self._manager.allowsBackgroundLocationUpdates = self._background
        self._manager.pausesLocationUpdatesAutomatically = False
        self._apply()
        self._manager.startUpdatingLocation()
        on_status("searching")

    def tune(self, resolution: Resolution) -> None:
        self._resolution = resolution
        if self._delegate is not None:
            self._apply()

    def sleep_until_moved(self, radius_m: float) -> None:
        """Cells alone, told of only after a move."""
        self.tune(Resolution(0.0, radius_m, "low"))

    def stop(self) -> None:
        delegate, self._delegate = self._delegate, None
        if delegate is not None:
            delegate.deaf = True
            self._manager.stopUpdatingLocation()

    def _apply(self) -> None:
        self._manager.desiredAccuracy = ACCURACY[self._resolution.precision]
        self._manager.distanceFilter = self._resolution.displacement_m or -1.0  # kCLDistanceFilterNone


class IosRegions:
    """Hands fences to iOS, which wakes the app when she crosses one: 20 at most, circles of 100 m or more."""

    slots = IOS_SLOTS

    def __init__(self, on_evidence: Callable[[Evidence], None], manager: Any = None) -> None:
        self._manager = manager or core_location()
        self._delegate = _Delegate(lambda fix: None, lambda status: None, on_evidence)
        self._manager.delegate = self._delegate
        self._regions: dict[str, Any] = {}

    def watch(self, fences: Iterable[Geofence]) -> None:
        """Hand over fences.

        Raises:
            NotPermitted: more than iOS takes; rotate them (endcap.fences.rotation).
        """
        for fence in fences:
            if len(self._regions) >= IOS_SLOTS and fence.id not in self._regions:
                raise NotPermitted(f"iOS watches {IOS_SLOTS} regions at most; unwatch one first")
            centre = _Coordinate(*fence.shape.centre)
            radius_m = max(SMALLEST_M, fence.shape.extent_m)
            region = autoclass("CLCircularRegion").alloc().initWithCenter_radius_identifier_(centre, radius_m, fence.id)
            self._regions[fence.id] = region
            self._manager.startMonitoringForRegion_(region)

    def unwatch(self, fence_ids: Iterable[str]) -> None:
        for fence_id in fence_ids:
            region = self._regions.pop(fence_id, None)
            if region is not None:
                self._manager.stopMonitoringForRegion_(region)


class Permissions:
    """Reads and asks, in two stages: iOS asks for "always" only after "while using the app"."""

    def __init__(self, manager: Any = None) -> None:
        self._manager = manager or core_location()

    def state(self) -> PermissionState:
        return PermissionState(
            location=STATES.get(self._manager.authorizationStatus, "not_determined"),
            precise=self._manager.accuracyAuthorization == FULL_ACCURACY,
            services_on=bool(self._manager.locationServicesEnabled()),
            notifications=False,  # asked for by the app's own notification code
        )

    def request(self, stage: Stage) -> bool:
        """Show the dialog for a stage; False when iOS would show none.

        Raises:
            NotPermitted: background before foreground.
        """
        location = self.state().location
        if stage == "background":
            if location not in ("foreground", "background"):
                raise NotPermitted("ask for 'foreground' first; iOS gives 'always' only in a second step")
            if location == "background":
                return False
            self._manager.requestAlwaysAuthorization()
            return True
        if stage == "notifications" or location != "not_determined":
            return False
        self._manager.requestWhenInUseAuthorization()
        return True


class _Delegate:
    """CLLocationManagerDelegate: calls come on the main thread."""

    def __init__(self, on_fix: OnFix, on_status: OnStatus, on_evidence: Callable[[Evidence], None]) -> None:
        self._on_fix, self._on_status, self._on_evidence = on_fix, on_status, on_evidence
        self.deaf = False

    @protocol("CLLocationManagerDelegate")  # type: ignore[untyped-decorator]
    def locationManager_didUpdateLocations_(self, manager: Any, locations: Any) -> None:
        for index in range(locations.count()):
            fix = fix_of(locations.objectAtIndex_(index))
            if fix is not None and not self.deaf:
                self._on_fix(fix)

    @protocol("CLLocationManagerDelegate")  # type: ignore[untyped-decorator]
    def locationManager_didFailWithError_(self, manager: Any, error: Any) -> None:
        if not self.deaf:
            self._on_status("denied" if error.code == 1 else "searching")  # kCLErrorDenied; the others pass

    @protocol("CLLocationManagerDelegate")  # type: ignore[untyped-decorator]
    def locationManagerDidChangeAuthorization_(self, manager: Any) -> None:
        if not self.deaf and STATES.get(manager.authorizationStatus) == "denied_forever":
            self._on_status("denied")

    @protocol("CLLocationManagerDelegate")  # type: ignore[untyped-decorator]
    def locationManager_didEnterRegion_(self, manager: Any, region: Any) -> None:
        self._crossed(region, inside=True)

    @protocol("CLLocationManagerDelegate")  # type: ignore[untyped-decorator]
    def locationManager_didExitRegion_(self, manager: Any, region: Any) -> None:
        self._crossed(region, inside=False)

    def _crossed(self, region: Any, *, inside: bool) -> None:
        fence_id = region.identifier.UTF8String()
        self._on_evidence(Evidence("os_fence", fence_id, datetime.now(UTC), inside=inside))


def fix_of(location: Any) -> Fix | None:
    """The fix of a CLLocation; None when it holds no position. iOS says -1 for what it does not know."""
    found = _COORDINATES.search(location.description.UTF8String())
    if found is None or location.horizontalAccuracy < 0:
        return None
    try:
        return Fix(
            latitude_deg=float(found[1]),
            longitude_deg=float(found[2]),
            taken_at=datetime.fromtimestamp(location.timestamp.timeIntervalSince1970(), UTC),
            accuracy_m=float(location.horizontalAccuracy) or None,
            speed_m_s=_known(location.speed),
            bearing_deg=_known(location.course),
            altitude_m=float(location.altitude) if location.verticalAccuracy > 0 else None,
        )
    except (ValueError, OutOfRange):
        log.warning("iOS handed over a fix that is none")
        return None


def _known(value: Any) -> float | None:
    return float(value) if value >= 0 else None
