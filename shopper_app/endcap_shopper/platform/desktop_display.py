"""A desktop's window has nothing in front of it; whether it should be dark, each system says in its own way."""

from __future__ import annotations

import os
import subprocess
import sys

from endcap_shopper.platform.ports import Insets

PATIENCE_S = 1.0  # with the command that knows: the window waits for it
_GNOME = ("gsettings", "get", "org.gnome.desktop.interface", "color-scheme")  # KDE and others follow it, too
_MAC = ("defaults", "read", "-g", "AppleInterfaceStyle")
_WINDOWS = (
    "reg",
    "query",
    r"HKCU\Software\Microsoft\Windows\CurrentVersion\Themes\Personalize",
    "/v",
    "AppsUseLightTheme",
)


class DesktopDisplay:
    """What the desktop prefers, asked when it is asked for; light where it says nothing."""

    def insets(self) -> Insets:
        return Insets()

    def dark(self) -> bool:
        if sys.platform == "darwin":
            return "dark" in _said(*_MAC)
        if sys.platform == "win32":
            return _said(*_WINDOWS).endswith("0x0")
        theme = os.environ.get("GTK_THEME", "").lower()  # says it for one program, and so before the desktop
        return theme.endswith((":dark", "-dark")) if theme else "dark" in _said(*_GNOME)


def _said(*command: str) -> str:
    """What a command says, in small letters; "" when there is none, it fails or takes too long."""
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError):
        return ""
    return ran.stdout.strip().lower() if ran.returncode == 0 else ""
