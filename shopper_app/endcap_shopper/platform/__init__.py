"""What the app asks of the machine it runs on: `ports` says what, and one module for each machine does it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from endcap_shopper.platform.ports import Background, Platform


def on_android() -> bool:
    return "ANDROID_ARGUMENT" in os.environ or hasattr(sys, "getandroidapilevel")


def pick(folder: Path) -> Platform:
    """The machine this runs on. `folder` is the app's own."""
    if on_android():
        from endcap_shopper.platform.android import android

        return android(folder)
    from endcap_shopper.platform.desktop import desktop

    return desktop(folder)


def background(folder: Path, backend_url: str, currency: str) -> Background | None:
    """Where the app of that folder and shop goes on while its window is away; None where the window's process does."""
    if not on_android():
        return None
    from endcap_shopper.platform.android.background import AndroidBackground

    return AndroidBackground(folder, backend_url, currency)
