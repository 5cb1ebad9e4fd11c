"""AndroidFences: the OS's own geofences, which wake the app; Transitions: what they told while no Python ran."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from endcap.device.android import bridge
from endcap.device.android.bridge import JavaException, PythonJavaClass, java, java_method
from endcap.errors import BadMessage, NotPermitted
from endcap.fences import Evidence, Geofence
from endcap.fences.rotation import ANDROID_SLOTS

log = logging.getLogger("endcap")

RECEIVER = "dev.endcap.TransitionReceiver"  # java/dev/endcap/TransitionReceiver.java
ACTION = "dev.endcap.TRANSITION"
SCHEME = "endcap"  # of the data that tells one alert's intent from another's
FOLDER, FILE = "endcap", "transitions.jsonl"  # below the app's files; TransitionReceiver appends a line each
ENTER, EXIT = 1, 2  # Geofence.GEOFENCE_TRANSITION_*
NEVER = -1
RESPONSIVE_MS = 30_000  # how late Play services may tell, to save the battery
SMALLEST_M = 100.0  # below it no OS delivers reliably; the monitor decides exactly once it is awake


class AndroidFences:
    """Hands fences to Play services where the phone has them, else to LocationManager's proximity alerts.

    What they tell wakes TransitionReceiver, a few lines of Java in the app; `Transitions` reads it. All of them are
    forgotten by the OS at a reboot and an update of the app: `Transitions.lost` says when to hand them over again.
    """

    slots = ANDROID_SLOTS

    def __init__(self, context: Any = None, *, api_level: int | None = None) -> None:
        self._context = context or bridge.context()
        self._api_level = bridge.api_level() if api_level is None else api_level
        self._play = self._geofencing_client()
        self._handed: dict[str, Geofence] = {}

    @property
    def by(self) -> str:
        """Who watches: "play" or "proximity"."""
        return "proximity" if self._play is None else "play"

    def watch(self, fences: Iterable[Geofence]) -> None:
        """Hand over fences; one of the same id replaces the one before. A polygon goes as the circle around it.

        Raises:
            NotPermitted: the OS wants precise location, and in the background, for this.
        """
        wanted = list(fences)
        if not wanted:
            return
        try:
            self._watch_by_play(wanted) if self._play is not None else self._watch_by_proximity(wanted)
        except JavaException as fault:
            if bridge.is_refusal(fault):
                raise NotPermitted("geofences need precise location, allowed all the time") from fault
            raise
        self._handed |= {fence.id: fence for fence in wanted}

    def unwatch(self, fence_ids: Iterable[str]) -> None:
        """Take fences back; ids that were never handed over do no harm."""
        gone = list(fence_ids)
        for fence_id in gone:
            self._handed.pop(fence_id, None)
        if self._play is not None:
            self._play.removeGeofences(_java_list(gone))
            return
        manager = bridge.service(self._context, "location", "android.location.LocationManager")
        for fence_id in gone:
            manager.removeProximityAlert(self._intent(fence_id))

    def rewatch(self) -> None:
        """Hand over again what was handed over: the OS has forgotten it."""
        self.watch(self._handed.values())

    def _watch_by_play(self, fences: list[Geofence]) -> None:
        package = "com.google.android.gms.location"
        request = java(f"{package}.GeofencingRequest$Builder")()
        request.setInitialTrigger(0)  # whether she is inside already the monitor knows better
        for fence in fences:
            builder = java(f"{package}.Geofence$Builder")()
            builder.setRequestId(fence.id)
            builder.setCircularRegion(*_circle(fence))
            builder.setExpirationDuration(NEVER)
            builder.setTransitionTypes(ENTER | EXIT)
            builder.setNotificationResponsiveness(RESPONSIVE_MS)
            request.addGeofence(builder.build())
        self._listener = _Failure()  # Java holds it weakly
        self._play.addGeofences(request.build(), self._intent("")).addOnFailureListener(self._listener)

    def _watch_by_proximity(self, fences: list[Geofence]) -> None:
        manager = bridge.service(self._context, "location", "android.location.LocationManager")
        for fence in fences:
            latitude, longitude, radius_m = _circle(fence)
            manager.addProximityAlert(latitude, longitude, radius_m, NEVER, self._intent(fence.id))

    def _intent(self, fence_id: str) -> Any:
        """What the OS sends: one for all by Play services, which names the fences; else one a fence."""
        pending = java("android.app.PendingIntent")
        intent = java("android.content.Intent")(ACTION)
        intent.setClassName(self._context.getPackageName(), RECEIVER)
        if fence_id:
            intent.setData(java("android.net.Uri").fromParts(SCHEME, fence_id, None))
        flags = pending.FLAG_UPDATE_CURRENT
        if self._api_level >= bridge.S:
            flags |= pending.FLAG_MUTABLE  # the OS writes what happened into it
        return pending.getBroadcast(self._context, 0, intent, flags)

    def _geofencing_client(self) -> Any:
        try:
            return java("com.google.android.gms.location.LocationServices").getGeofencingClient(self._context)
        except JavaException:
            return None  # a phone, or an app, without Play services


class _Failure(PythonJavaClass):  # type: ignore[misc]
    __javainterfaces__ = ("com/google/android/gms/tasks/OnFailureListener",)
    __javacontext__ = "app"

    @java_method("(Ljava/lang/Exception;)V")  # type: ignore[untyped-decorator]
    def onFailure(self, fault: Any) -> None:
        log.warning("Play services took no geofences: %s", fault.getClass().getName())


class Transitions:
    """Reads what TransitionReceiver noted while no Python ran. `folder` is the app's files unless given."""

    def __init__(self, folder: Path | None = None) -> None:
        files = folder or Path(bridge.context().getFilesDir().getAbsolutePath())
        self._path = files / FOLDER / FILE
        self.lost = False  # the OS has forgotten all fences: AndroidFences.rewatch, then set it back

    def take(self) -> list[Evidence]:
        """What was noted since the last time, oldest first; feed it to the client. Each line is taken once."""
        taken = self._path.with_suffix(".taken")
        if not taken.exists():
            try:
                self._path.replace(taken)  # at once: the receiver begins a new file
            except FileNotFoundError:
                return []
        lines = taken.read_text(encoding="utf-8", errors="replace").splitlines()
        found = [evidence for line in lines for evidence in self._read(line)]
        taken.unlink()
        return found

    def _read(self, line: str) -> list[Evidence]:
        try:
            noted = json.loads(line)
            at = datetime.fromtimestamp(noted["at_ms"] / 1000, UTC)
            if noted["kind"] == "forgotten":
                self.lost = True
                return []
            inside = noted["kind"] == "enter"
            return [Evidence("os_fence", fence_id, at, inside=inside) for fence_id in noted["fences"]]
        except (ValueError, KeyError, TypeError, OverflowError, BadMessage):
            log.warning("a line of the geofence receiver can't be read; it is skipped")
            return []


def _circle(fence: Geofence) -> tuple[float, float, float]:
    """Latitude, longitude and radius of the circle the OS watches for a fence: not smaller than it can."""
    centre = fence.shape.centre
    return centre.latitude_deg, centre.longitude_deg, float(max(SMALLEST_M, fence.shape.extent_m))


def _java_list(texts: Iterable[str]) -> Any:
    found = java("java.util.ArrayList")()
    for text in texts:
        found.add(text)
    return found
