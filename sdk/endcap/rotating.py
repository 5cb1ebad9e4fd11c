"""Rotator: keeps the OS watching the few fences that are near, since it watches only a few."""

from __future__ import annotations

import logging

from endcap.device import FenceRegistrar
from endcap.errors import NotPermitted
from endcap.fences import Geofence, GeofenceMonitor
from endcap.fences.rotation import BUBBLE_ID, Rotation, rotate
from endcap.geo import LatLon

log = logging.getLogger("endcap")


class Rotator:
    """Hands the nearest fences and the bubble to the OS, and others when she has left the bubble.

    One caller at a time (the tracker's). An OS that refuses is asked no more; the monitor goes on by fixes alone.
    """

    def __init__(self, registrar: FenceRegistrar) -> None:
        self._registrar = registrar
        self._rotation: Rotation | None = None
        self._stale = False
        self._refused = False

    def observe(self, point: LatLon, monitor: GeofenceMonitor) -> None:
        """Rotate when it is due."""
        before = self._rotation
        if self._refused or (before is not None and not self._stale and not before.due(point)):
            return
        self._rotation = rotation = rotate(monitor.fences, point, monitor.inside(), slots=self._registrar.slots)
        self._stale = False
        added, removed = rotation.changes(before)
        try:
            self._registrar.unwatch(removed)
            self._registrar.watch([*added, Geofence(BUBBLE_ID, rotation.bubble)])
        except NotPermitted as fault:
            self._refused = True
            log.warning("the OS watches no fences, so visits need fixes: %s", fault)

    def expire(self) -> None:
        """What is registered has changed: rotate at the next fix, wherever that is."""
        self._stale = True
