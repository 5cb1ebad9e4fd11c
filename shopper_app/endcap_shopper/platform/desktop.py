"""A desktop: notifications and a voice where it has a command for them, secrets in a file of her account's alone."""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from threading import RLock, Thread
from typing import TYPE_CHECKING

from endcap_shopper.platform.desktop_display import DesktopDisplay
from endcap_shopper.platform.keptfile import KeptFile
from endcap_shopper.platform.ports import SCHEME, Channel, Cue, Notification, Platform

if TYPE_CHECKING:
    from endcap_shopper.platform.desktop_bus import BusNotifier

log = logging.getLogger("endcap.shopper")


class Commands:
    """Runs the machine's own programs and waits for none; the one before is ended when the next begins."""

    def __init__(self) -> None:
        self._running: subprocess.Popen[bytes] | None = None

    def run(self, command: Sequence[str]) -> bool:
        """Begin it; False when there is no such program."""
        path = shutil.which(command[0])
        if path is None:
            return False
        self.stop()
        try:
            quiet = subprocess.DEVNULL
            self._running = subprocess.Popen([path, *command[1:]], stdin=quiet, stdout=quiet, stderr=quiet)
        except OSError as fault:
            log.info("%s can't be run: %s", command[0], fault)
            return False
        Thread(target=self._running.wait, name="endcap-command", daemon=True).start()  # its end is not ours to wait for
        return True

    def stop(self) -> None:
        """End what still runs. Idempotent."""
        running, self._running = self._running, None
        if running is not None:
            if running.poll() is None:
                running.terminate()
            running.wait()


class DesktopNotifier:
    """The session bus on Linux, where `on_link` hears of clicks; without one notify-send, and osascript on a Mac, where
    a click opens nothing. Elsewhere none."""

    def __init__(self, on_link: Callable[[str], None] = lambda link: None) -> None:
        self._commands = Commands()
        self._on_link = on_link

    @cached_property
    def bus(self) -> BusNotifier | None:
        """None where there is no session bus, or nothing to ask it with."""
        try:
            from endcap_shopper.platform.desktop_bus import BusNotifier, address
        except ModuleNotFoundError:  # jeepney is required on Linux alone
            return None
        return BusNotifier(self._on_link, self._by_command) if address() else None

    def name_channels(self, names: dict[Channel, str]) -> None:
        """A desktop has none."""

    def show(self, notification: Notification) -> bool:
        if self.bus is not None:
            self.bus.show(notification)
            return True
        return self._by_command(notification)

    def _by_command(self, notification: Notification) -> bool:
        if sys.platform == "darwin":
            title, text = json.dumps(notification.title), json.dumps(notification.text)
            return self._commands.run(["osascript", "-e", f"display notification {text} with title {title}"])
        return self._commands.run(["notify-send", "--app-name=Endcap", "--", notification.title, notification.text])

    def cancel(self, id: str) -> None:
        """What a command showed ends by itself."""
        if self.bus is not None:
            self.bus.cancel(id)

    def permitted(self) -> bool:
        return self.bus is not None or any(map(shutil.which, ("notify-send", "osascript")))

    def ask_permission(self) -> None:
        """A desktop does not ask."""


class NoVibrator:
    def cue(self, cue: Cue) -> bool:
        return False


class NoBrightness:
    """A desktop's screen is not held to a till."""

    def full(self) -> bool:
        return False

    def restore(self) -> None:
        return None


class FileSecrets:
    """A file with the right to nobody else. Any thread."""

    guarded = False

    def __init__(self, folder: Path) -> None:
        self._file = KeptFile(folder / "secrets.json")
        self._lock = RLock()

    def get(self, name: str) -> str | None:
        with self._lock:
            value = self._file.read().get(name)
            return value if isinstance(value, str) else None

    def set(self, name: str, value: str | None) -> None:
        with self._lock:
            kept = self._file.read()
            kept.pop(name, None)
            if value is not None:
                kept[name] = value
            self._file.write(kept)


class DesktopLinks:
    """The address the app was started with, as a desktop does that knows whose scheme it is; and clicks meanwhile."""

    def __init__(self, arguments: Sequence[str] | None = None) -> None:
        self._watchers: list[Callable[[str], None]] = []
        given = sys.argv[1:] if arguments is None else arguments
        self._first = next((each for each in given if each.startswith(f"{SCHEME}://")), None)

    def take_first(self) -> str | None:
        first, self._first = self._first, None
        return first

    def watch(self, on_link: Callable[[str], None]) -> None:
        """For an address elsewhere a desktop starts the app anew."""
        self._watchers.append(on_link)

    def opened(self, link: str) -> None:
        """She clicked on a notification. Any thread."""
        for watcher in self._watchers:
            watcher(link)


class DesktopSpeech:
    """`say` on a Mac, `espeak-ng` or speech-dispatcher on Linux."""

    def __init__(self) -> None:
        self._commands = Commands()

    def say(self, text: str, language: str) -> bool:
        if sys.platform == "darwin":
            return self._commands.run(["say", "--", text])
        return self._commands.run(["espeak-ng", "-v", language, "--", text]) or self._commands.run(
            ["spd-say", "-l", language, "--", text]
        )

    def stop(self) -> None:
        self._commands.stop()


class NoSharing:
    """The window's clipboard does that on a desktop."""

    def share(self, text: str, title: str) -> bool:
        return False


def desktop(folder: Path) -> Platform:
    """This desktop; `folder` is the app's own."""
    links = DesktopLinks()
    return Platform(
        "desktop",
        DesktopNotifier(links.opened),
        NoVibrator(),
        NoBrightness(),
        DesktopDisplay(),
        FileSecrets(folder),
        links,
        DesktopSpeech(),
        NoSharing(),
    )
