"""Android's own voice, in her language."""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock
from typing import Any

from endcap.device.android import bridge
from endcap.device.android.bridge import PythonJavaClass, java, java_method

FLUSH = 0  # TextToSpeech.QUEUE_FLUSH: in place of what is being said
SUCCESS = 0
UTTERANCE = "endcap.step"


class AndroidSpeech:
    """The voice is made when something is first said, which takes a second; that is then said when it is there."""

    def __init__(self, context: Any = None) -> None:
        self._context = context
        self._lock = RLock()
        self._voice: Any = None
        self._listener: Any = None
        self._ready = False
        self._broken = False
        self._waiting: tuple[str, str] | None = None

    def say(self, text: str, language: str) -> bool:
        with self._lock:
            if self._broken:
                return False
            if self._ready:
                return self._speak(text, language)
            self._waiting = (text, language)
            if self._voice is None:
                self._listener = OnInit(self._made)
                context = self._context or bridge.context()
                self._voice = java("android.speech.tts.TextToSpeech")(context, self._listener)
            return True

    def stop(self) -> None:
        with self._lock:
            self._waiting = None
            if self._ready:
                self._voice.stop()

    def _made(self, status: int) -> None:
        with self._lock:
            self._ready, self._broken = status == SUCCESS, status != SUCCESS
            waiting, self._waiting = self._waiting, None
            if self._ready and waiting is not None:
                self._speak(*waiting)

    def _speak(self, text: str, language: str) -> bool:
        if self._voice.setLanguage(java("java.util.Locale").forLanguageTag(language)) < 0:  # no voice for it
            return False
        said = self._voice.speak(java("java.lang.String")(text), FLUSH, None, UTTERANCE)
        return bool(said == SUCCESS)


class OnInit(PythonJavaClass):  # type: ignore[misc]
    """Told once whether there is a voice."""

    __javainterfaces__ = ("android/speech/tts/TextToSpeech$OnInitListener",)
    __javacontext__ = "app"

    def __init__(self, made: Callable[[int], None]) -> None:
        super().__init__()
        self._made = made

    @java_method("(I)V")  # type: ignore[untyped-decorator]
    def onInit(self, status: int) -> None:
        self._made(status)
