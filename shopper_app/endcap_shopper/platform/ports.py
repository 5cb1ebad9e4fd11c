"""Ports: what the app asks of a machine. None of it raises because the machine can't: it says so with False."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol
from urllib.parse import quote, unquote, urlsplit

Channel = Literal["deal", "wanted", "help", "alternative", "location"]
CHANNELS: tuple[Channel, ...] = ("deal", "wanted", "help", "alternative", "location")
Cue = Literal["offer", "turn", "arrived"]

SCHEME = "endcap"


@dataclass(frozen=True, slots=True)
class Notification:
    """Something to tell her while she does not look. `id` is of what it is about: the same again takes its place.

    `link` is what a tap opens, see `offer_link`; `mute` the caption of the button that silences the app for today.
    """

    id: str
    channel: Channel
    title: str
    text: str
    link: str = ""
    mute: str = ""


class Notifier(Protocol):
    """The system's notifications. Any thread."""

    def name_channels(self, names: dict[Channel, str]) -> None:
        """Say what kinds there are, in her language: she can silence each in the system's own settings."""
        ...

    def show(self, notification: Notification) -> bool:
        """Show it; False when the system has none, or she has not let us."""
        ...

    def cancel(self, id: str) -> None:
        """Take it away; one that is not shown does no harm."""
        ...

    def permitted(self) -> bool: ...

    def ask_permission(self) -> None:
        """Have the system ask her, if it must and still may."""
        ...


class Vibrator(Protocol):
    """A cue she feels in her pocket."""

    def cue(self, cue: Cue) -> bool: ...


class Brightness(Protocol):
    """The screen, while a till reads from it."""

    def full(self) -> bool:
        """As bright as it gets, and awake; a second call changes nothing."""
        ...

    def restore(self) -> None:
        """As it was. Idempotent."""
        ...


@dataclass(frozen=True, slots=True)
class Insets:
    """What the system's bars and a camera's cut-out cover of the window, in its own pixels; never negative."""

    top: int = 0
    right: int = 0
    bottom: int = 0
    left: int = 0


class Display(Protocol):
    """How the system has the window. It tells of no change: ask when the window's size changes or it is seen again."""

    def insets(self) -> Insets: ...

    def dark(self) -> bool:
        """Whether she has the whole machine in dark colours."""
        ...


class Secrets(Protocol):
    """Small secrets that outlive the process. Any thread.

    `guarded`: a key that never leaves the device's keystore seals them; otherwise they are a file that only her
    account can read, and the app says so.
    """

    guarded: bool

    def get(self, name: str) -> str | None:
        """None when there is none, or it can't be unsealed any more."""
        ...

    def set(self, name: str, value: str | None) -> None:
        """Keep it, or (None) forget it.

        Raises:
            OSError: it can't be kept.
        """
        ...


class Links(Protocol):
    """Addresses of the app's own, which a tap on a notification or on a web page opens."""

    def take_first(self) -> str | None:
        """What the app was opened with, once."""
        ...

    def watch(self, on_link: Callable[[str], None]) -> None:
        """Call with each that comes while the app runs; on any thread."""
        ...


class Speech(Protocol):
    """A voice for directions."""

    def say(self, text: str, language: str) -> bool:
        """Say it at once, in place of what is being said; returns before it is said. False: no voice for that."""
        ...

    def stop(self) -> None: ...


class Sharing(Protocol):
    """Text to another app, or onto the clipboard."""

    def share(self, text: str, title: str) -> bool: ...


class Background(Protocol):
    """Where the app goes on while its window is away."""

    def start(self, title: str, text: str) -> None:
        """Begin, with a notification that says so for as long as it runs."""
        ...

    def stop(self) -> None:
        """End it at once; what it holds is kept. Idempotent."""
        ...


@dataclass(frozen=True, slots=True)
class Platform:
    """One machine. `background`: None where the window's own process goes on."""

    name: str
    notifier: Notifier
    vibrator: Vibrator
    brightness: Brightness
    display: Display
    secrets: Secrets
    links: Links
    speech: Speech
    sharing: Sharing
    background: Background | None = None


def offer_link(alert_id: str) -> str:
    """endcap://offer/<id>"""
    return f"{SCHEME}://offer/{quote(alert_id, safe='')}"


def page_link(page: str) -> str:
    """endcap://page/<page>"""
    return f"{SCHEME}://page/{page}"


MUTE_LINK = f"{SCHEME}://mute/today"


def read_link(link: str) -> tuple[str, str] | None:
    """("offer", its id), ("page", its name) or ("mute", "today"); None for what is not ours."""
    try:
        parts = urlsplit(link)
    except ValueError:
        return None
    what, value = parts.netloc, unquote(parts.path.lstrip("/"))
    known = what in ("offer", "page", "mute")
    return (what, value) if parts.scheme == SCHEME and known and value and "/" not in value else None
