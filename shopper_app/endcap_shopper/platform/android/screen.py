"""The screen while a till reads from it, and cues she feels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from endcap.device.android import bridge
from endcap.device.android.bridge import PythonJavaClass, java, java_method
from endcap_shopper.platform.ports import Cue

OREO = 26  # the first with VibrationEffect
KEEP_SCREEN_ON = 0x80  # of WindowManager.LayoutParams
FULL, AS_THE_SYSTEM_SAYS = 1.0, -1.0  # BRIGHTNESS_OVERRIDE_FULL, BRIGHTNESS_OVERRIDE_NONE
CUES_MS: dict[Cue, list[int]] = {"offer": [0, 60], "turn": [0, 40, 80, 40], "arrived": [0, 200]}  # wait, buzz, ...


class AndroidVibrator:
    def __init__(self, context: Any = None, *, api_level: int | None = None) -> None:
        context = context or bridge.context()
        self._level = bridge.api_level() if api_level is None else api_level
        self._vibrator = bridge.service(context, "vibrator", "android.os.Vibrator")

    def cue(self, cue: Cue) -> bool:
        if not self._vibrator.hasVibrator():
            return False
        if self._level >= OREO:
            self._vibrator.vibrate(java("android.os.VibrationEffect").createWaveform(CUES_MS[cue], -1))
        else:
            self._vibrator.vibrate(CUES_MS[cue], -1)
        return True


class AndroidBrightness:
    """Of our own window alone; the system's setting is not touched. Windows belong to Java's UI thread."""

    def __init__(self, activity: Any = None) -> None:
        self._activity = activity or bridge.context()
        self._bright = False
        self._running: list[Any] = []  # Java holds no Python object: who is on its way must stay

    def full(self) -> bool:
        if not self._bright:
            self._bright = True
            self._on_ui_thread(lambda: self._set(FULL))
        return True

    def restore(self) -> None:
        if self._bright:
            self._bright = False
            self._on_ui_thread(lambda: self._set(AS_THE_SYSTEM_SAYS))

    def _set(self, brightness: float) -> None:
        window = self._activity.getWindow()
        attributes = window.getAttributes()
        attributes.screenBrightness = brightness
        window.setAttributes(attributes)
        if brightness == FULL:
            window.addFlags(KEEP_SCREEN_ON)
        else:
            window.clearFlags(KEEP_SCREEN_ON)

    def _on_ui_thread(self, call: Callable[[], None]) -> None:
        self._running = [*self._running[-3:], Runnable(call)]
        self._activity.runOnUiThread(self._running[-1])


class Runnable(PythonJavaClass):  # type: ignore[misc]
    """A Python call as java.lang.Runnable."""

    __javainterfaces__ = ("java/lang/Runnable",)
    __javacontext__ = "app"

    def __init__(self, call: Callable[[], None]) -> None:
        super().__init__()
        self._call = call

    @java_method("()V")  # type: ignore[untyped-decorator]
    def run(self) -> None:
        self._call()
