"""What the app asks of the machine it runs on: `ports` says what, and one module for each machine does it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from endcap_shopper.platform.ports import Platform


def on_android() -> bool:
    return "ANDROID_ARGUMENT" in os.environ or hasattr(sys, "getandroidapilevel")


def pick(folder: Path) -> Platform:
    """The machine this runs on. `folder` is the app's own."""
    if on_android():
        from endcap_shopper.platform.android import android

        return android(folder)
    from endcap_shopper.platform.desktop import desktop

    return desktop(folder)
