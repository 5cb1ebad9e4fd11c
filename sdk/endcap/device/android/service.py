"""A foreground service of type location: what lets positions come while the app is not in front."""

from __future__ import annotations

from typing import Any

from endcap.device.android import bridge
from endcap.device.android.bridge import java

CHANNEL = "endcap.location"
NOTIFICATION_ID = 8151
IMPORTANCE_LOW = 2  # NotificationManager.IMPORTANCE_LOW: seen, not heard
TYPE_LOCATION = 8  # ServiceInfo.FOREGROUND_SERVICE_TYPE_LOCATION


def stay_in_front(title: str, text: str, service: Any = None, *, icon: int = 0) -> None:
    """Put the service we run in into the foreground, with a notification she can see for as long as it runs.

    To be called at the service's start. The manifest must name the service with foregroundServiceType="location" and
    hold FOREGROUND_SERVICE and FOREGROUND_SERVICE_LOCATION; from Android 14 on the app must be in front when it starts
    the service, or hold the background permission. `icon` is a drawable's id; the app's own unless given.
    """
    service = service or bridge.context()
    manager = bridge.service(service, "notification", "android.app.NotificationManager")
    manager.createNotificationChannel(java("android.app.NotificationChannel")(CHANNEL, title, IMPORTANCE_LOW))
    builder = java("android.app.Notification$Builder")(service, CHANNEL)
    builder.setContentTitle(title)
    builder.setContentText(text)
    builder.setSmallIcon(icon or service.getApplicationInfo().icon)
    builder.setOngoing(True)
    service.startForeground(NOTIFICATION_ID, builder.build(), TYPE_LOCATION)
