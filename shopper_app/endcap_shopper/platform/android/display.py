"""The window on a phone: what the system's bars cover of it, and whether the phone is dark."""

from __future__ import annotations

from typing import Any

from endcap.device.android import bridge
from endcap.device.android.bridge import java
from endcap_shopper.platform.ports import Insets

EDGE_TO_EDGE = 35  # from Android 15 on a window lies under the bars; before, the system lays it out between them
NIGHT_MASK, NIGHT_YES = 0x30, 0x20  # of Configuration.uiMode


class AndroidDisplay:
    """Read from the activity, which is there while the window is. Any thread: nothing is changed."""

    def __init__(self, activity: Any = None, *, api_level: int | None = None) -> None:
        self._activity = activity or bridge.context()
        self._level = bridge.api_level() if api_level is None else api_level

    def insets(self) -> Insets:
        if self._level < EDGE_TO_EDGE:
            return Insets()
        around = self._activity.getWindow().getDecorView().getRootWindowInsets()
        if around is None:  # the window is not attached yet
            return Insets()
        kinds = java("android.view.WindowInsets$Type")
        covered = around.getInsets(kinds.systemBars() | kinds.displayCutout())
        return Insets(covered.top, covered.right, covered.bottom, covered.left)

    def dark(self) -> bool:
        mode: int = self._activity.getResources().getConfiguration().uiMode
        return mode & NIGHT_MASK == NIGHT_YES
