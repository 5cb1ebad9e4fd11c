"""Geofences: shapes, what a shop says about them, and the engine that turns fixes into visits.

    monitor = GeofenceMonitor([Geofence("s1/coffee", Circle(LatLon(60.17, 24.94), radius_m=30.48))], install="...")
    for event in monitor.observe(fix): ...

Pure Python; nothing here reads a clock, a file or the network.
"""

from endcap.fences.events import GeofenceEvent
from endcap.fences.evidence import Evidence
from endcap.fences.explain import Explanation
from endcap.fences.geofence import Geofence
from endcap.fences.hours import OpeningHours
from endcap.fences.index import FenceIndex
from endcap.fences.monitor import GeofenceMonitor
from endcap.fences.rotation import ANDROID_SLOTS, IOS_SLOTS, Rotation, rotate
from endcap.fences.shapes import Circle, Polygon, Shape
from endcap.fences.visits import Rules, Stage

__all__ = [
    "ANDROID_SLOTS",
    "IOS_SLOTS",
    "Circle",
    "Evidence",
    "Explanation",
    "FenceIndex",
    "Geofence",
    "GeofenceEvent",
    "GeofenceMonitor",
    "OpeningHours",
    "Polygon",
    "Rotation",
    "Rules",
    "Shape",
    "Stage",
    "rotate",
]
