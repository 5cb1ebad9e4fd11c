"""Permissions: what the OS lets us do, as one state, in the same words on every phone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

LocationPermission = Literal["not_determined", "denied", "denied_forever", "foreground", "background"]
Stage = Literal["foreground", "background", "notifications"]
Capability = Literal["none", "coarse", "foreground", "background"]


@dataclass(frozen=True, slots=True)
class PermissionState:
    """What she and the OS allow now. Ask anew after each return to the app: she may have been in the settings."""

    location: LocationPermission
    precise: bool  # False: the OS gives places of a few streets only; then stores work, sections don't
    services_on: bool  # location as a whole, the switch in the OS
    notifications: bool
    battery_exempt: bool = False  # Android: not put to sleep with the others

    @property
    def capability(self) -> Capability:
        """What can be done with it. Signs and the store's Wi-Fi work with "none" too."""
        if not self.services_on or self.location not in ("foreground", "background"):
            return "none"
        if not self.precise:
            return "coarse"
        return "background" if self.location == "background" else "foreground"

    @property
    def next_stage(self) -> Stage | None:
        """What to ask for next, after a screen that says why; None when there is nothing to ask for, or no use."""
        if self.location in ("not_determined", "denied"):
            return "foreground"
        if self.location == "foreground":
            return "background"
        return None if self.notifications or self.location == "denied_forever" else "notifications"
