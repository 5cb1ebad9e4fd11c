"""Permissions on Android: asked for in stages, each once, each after a screen of the host's that says why."""

from __future__ import annotations

from typing import Any

from endcap.device.android import bridge
from endcap.device.android.bridge import java
from endcap.device.android.source import COARSE, FINE
from endcap.device.permissions import LocationPermission, PermissionState, Stage
from endcap.errors import NotPermitted

BACKGROUND = "android.permission.ACCESS_BACKGROUND_LOCATION"
NOTIFICATIONS = "android.permission.POST_NOTIFICATIONS"
REQUEST_CODE = 8151  # of the dialogs; any number that is the app's own
PREFERENCES, ASKED = "endcap", "asked"  # Android can't tell "never asked" from "never again": we remember


class Permissions:
    """Reads and asks. `activity` is the app's own unless given: a service can read, but not ask."""

    def __init__(self, activity: Any = None, *, api_level: int | None = None) -> None:
        self._activity = activity or bridge.context()
        self._api_level = bridge.api_level() if api_level is None else api_level

    def state(self) -> PermissionState:
        """What is allowed now. Ask anew whenever the app comes back to the front."""
        manager = bridge.service(self._activity, "location", "android.location.LocationManager")
        power = self._activity.getSystemService("power")
        return PermissionState(
            location=self._location(),
            precise=self._may(FINE),
            services_on=bool(manager.isLocationEnabled()),
            notifications=self._api_level < bridge.T or self._may(NOTIFICATIONS),
            battery_exempt=bool(power.isIgnoringBatteryOptimizations(self._activity.getPackageName())),
        )

    def request(self, stage: Stage) -> bool:
        """Show the OS's dialog for a stage; what she answered stands in `state()` when the app is back in front.

        False when there is nothing to ask: it is granted, or she has refused for good and only the OS's settings
        (`open_settings`) help. Never asks twice what was refused for good.

        Raises:
            NotPermitted: background before foreground; Android wants two steps.
        """
        if stage == "background" and self._location() not in ("foreground", "background"):
            raise NotPermitted("ask for 'foreground' first; Android gives the background only in a second step")
        wanted = [name for name in self._names(stage) if not self._may(name)]
        if not wanted or (stage == "foreground" and self._location() == "denied_forever"):
            return False
        if stage == "foreground":
            self._preferences().edit().putBoolean(ASKED, True).apply()
        self._activity.requestPermissions(wanted, REQUEST_CODE)
        return True

    def open_settings(self) -> None:
        """The OS's page of this app, where she can change her mind."""
        intent = java("android.content.Intent")("android.settings.APPLICATION_DETAILS_SETTINGS")
        intent.setData(java("android.net.Uri").fromParts("package", self._activity.getPackageName(), None))
        self._activity.startActivity(intent)

    def _names(self, stage: Stage) -> tuple[str, ...]:
        if stage == "foreground":
            return (FINE, COARSE)  # together: she chooses precise or approximate
        if stage == "background":
            return (BACKGROUND,) if self._api_level >= bridge.Q else ()
        return (NOTIFICATIONS,) if self._api_level >= bridge.T else ()

    def _location(self) -> LocationPermission:
        if self._may(FINE) or self._may(COARSE):
            in_background = self._api_level < bridge.Q or self._may(BACKGROUND)
            return "background" if in_background else "foreground"
        if self._activity.shouldShowRequestPermissionRationale(FINE):
            return "denied"
        return "denied_forever" if self._preferences().getBoolean(ASKED, False) else "not_determined"

    def _preferences(self) -> Any:
        return self._activity.getSharedPreferences(PREFERENCES, 0)

    def _may(self, permission: str) -> bool:
        return bool(self._activity.checkSelfPermission(permission) == 0)
