"""A desktop: notifications and a voice where it has a command for them, secrets in a file of her account's alone."""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import RLock, Thread

from endcap_shopper.platform.desktop_display import DesktopDisplay
from endcap_shopper.platform.keptfile import KeptFile
from endcap_shopper.platform.ports import SCHEME, Channel, Cue, Notification, Platform

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
    """notify-send on Linux, osascript on a Mac; elsewhere none. A tap opens nothing there."""

    def __init__(self) -> None:
        self._commands = Commands()

    def name_channels(self, names: dict[Channel, str]) -> None:
        """A desktop has none."""

    def show(self, notification: Notification) -> bool:
        if sys.platform == "darwin":
            title, text = json.dumps(notification.title), json.dumps(notification.text)
            return self._commands.run(["osascript", "-e", f"display notification {text} with title {title}"])
        return self._commands.run(["notify-send", "--app-name=Endcap", "--", notification.title, notification.text])

    def cancel(self, id: str) -> None:
        """Its own end does that."""

    def permitted(self) -> bool:
        return any(map(shutil.which, ("notify-send", "osascript")))

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


class ArgumentLinks:
    """The address the app was started with, as a desktop does that knows whose scheme it is."""

    def __init__(self, arguments: Sequence[str] | None = None) -> None:
        given = sys.argv[1:] if arguments is None else arguments
        self._first = next((each for each in given if each.startswith(f"{SCHEME}://")), None)

    def take_first(self) -> str | None:
        first, self._first = self._first, None
        return first

    def watch(self, on_link: Callable[[str], None]) -> None:
        """A desktop starts the app anew for each."""


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
    return Platform(
        "desktop",
        DesktopNotifier(),
        NoVibrator(),
        NoBrightness(),
        DesktopDisplay(),
        FileSecrets(folder),
        ArgumentLinks(),
        DesktopSpeech(),
        NoSharing(),
    )
