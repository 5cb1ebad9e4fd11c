"""The app's own addresses as intents, and text to another app."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from endcap.device.android import bridge
from endcap.device.android.bridge import java
from endcap_shopper.platform.ports import SCHEME

VIEW, SEND = "android.intent.action.VIEW", "android.intent.action.SEND"
EXTRA_TEXT = "android.intent.extra.TEXT"
NEW_TASK, SINGLE_TOP = 0x10000000, 0x20000000  # flags of Intent: one window, whichever is open


def link_intent(link: str, context: Any) -> Any:
    """An intent that opens our app, and no other, at a link."""
    intent = java("android.content.Intent")(VIEW, java("android.net.Uri").parse(link))
    intent.setPackage(context.getPackageName())
    intent.addFlags(NEW_TASK | SINGLE_TOP)
    return intent


class AndroidLinks:
    """`activity` and python-for-android's own module of that name, unless given."""

    def __init__(self, activity: Any = None, events: Any = None) -> None:
        self._activity = activity or bridge.context()
        self._events = events
        self._taken = False

    def take_first(self) -> str | None:
        if self._taken:
            return None
        self._taken = True
        return _link(self._activity.getIntent())

    def watch(self, on_link: Callable[[str], None]) -> None:
        def came(intent: Any) -> None:
            link = _link(intent)
            if link is not None:
                on_link(link)

        events = self._events or importlib.import_module("android.activity")
        events.bind(on_new_intent=came)


class AndroidSharing:
    """The system's own sheet."""

    def __init__(self, activity: Any = None) -> None:
        self._activity = activity or bridge.context()

    def share(self, text: str, title: str) -> bool:
        intent = java("android.content.Intent")(SEND)
        intent.setType("text/plain")
        intent.putExtra(EXTRA_TEXT, java("java.lang.String")(text))
        chooser = java("android.content.Intent").createChooser(intent, java("java.lang.String")(title))
        self._activity.startActivity(chooser)
        return True


def _link(intent: Any) -> str | None:
    link = intent.getDataString() if intent is not None else None
    return link if link and link.startswith(f"{SCHEME}://") else None
