"""python-for-android's service of type location, begun and ended by the window."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from endcap.device.android import bridge
from endcap.device.android.bridge import java

SERVICE = "dev.endcap.shopper.ServiceLocation"  # made by the build, of package.domain, package.name and services


class AndroidBackground:
    """The service runs in a process of its own, which ends with it: whatever it does survives that."""

    def __init__(self, folder: Path, backend_url: str, currency: str, activity: Any = None) -> None:
        self._asked = {"folder": str(folder), "backend": backend_url, "currency": currency}
        self._activity = activity or bridge.context()

    def start(self, title: str, text: str) -> None:
        java(SERVICE).start(self._activity, json.dumps({**self._asked, "title": title, "text": text}))

    def stop(self) -> None:
        java(SERVICE).stop(self._activity)
