"""Notifications with a channel for each kind: she can silence one and keep the others."""

from __future__ import annotations

from typing import Any

from endcap.device.android import Permissions, bridge
from endcap.device.android.bridge import java
from endcap_shopper.platform.android.links import link_intent
from endcap_shopper.platform.ports import MUTE_LINK, Channel, Notification

OREO = 26  # the first with channels
IMPORTANCE_DEFAULT, IMPORTANCE_HIGH, IMPORTANCE_LOW = 3, 4, 2  # of NotificationManager
FLAG_IMMUTABLE, FLAG_UPDATE_CURRENT = 1 << 26, 1 << 27  # of PendingIntent; Android 12 wants one of them said
ID = 1  # all are told apart by their tag

_IMPORTANCE: dict[Channel, int] = {"help": IMPORTANCE_HIGH, "location": IMPORTANCE_LOW}


class AndroidNotifier:
    """`context` is the app or the service we run in, unless given."""

    def __init__(self, context: Any = None, *, api_level: int | None = None) -> None:
        self._context = context or bridge.context()
        self._level = bridge.api_level() if api_level is None else api_level
        self._manager = bridge.service(self._context, "notification", "android.app.NotificationManager")

    def name_channels(self, names: dict[Channel, str]) -> None:
        if self._level >= OREO:
            for channel, name in names.items():
                importance = _IMPORTANCE.get(channel, IMPORTANCE_DEFAULT)
                made = java("android.app.NotificationChannel")(_channel(channel), name, importance)
                self._manager.createNotificationChannel(made)

    def show(self, notification: Notification) -> bool:
        if not self.permitted():
            return False
        builder = self._builder(notification.channel)
        builder.setContentTitle(notification.title)
        builder.setContentText(notification.text)
        builder.setSmallIcon(self._context.getApplicationInfo().icon)
        builder.setAutoCancel(True)
        if notification.link:
            builder.setContentIntent(self._opening(notification.link))
        if notification.mute:
            action = java("android.app.Notification$Action$Builder")(0, notification.mute, self._opening(MUTE_LINK))
            builder.addAction(action.build())
        self._manager.notify(notification.id, ID, builder.build())
        return True

    def cancel(self, id: str) -> None:
        self._manager.cancel(id, ID)

    def permitted(self) -> bool:
        return bool(self._manager.areNotificationsEnabled())

    def ask_permission(self) -> None:
        Permissions(self._context, api_level=self._level).request("notifications")

    def _builder(self, channel: Channel) -> Any:
        builder = java("android.app.Notification$Builder")
        return builder(self._context, _channel(channel)) if self._level >= OREO else builder(self._context)

    def _opening(self, link: str) -> Any:
        """What opens the app at a link; one for each, since Android tells them apart by the link."""
        intent = link_intent(link, self._context)
        return java("android.app.PendingIntent").getActivity(
            self._context, 0, intent, FLAG_IMMUTABLE | FLAG_UPDATE_CURRENT
        )


def _channel(channel: Channel) -> str:
    return f"endcap.{channel}"
