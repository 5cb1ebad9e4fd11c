"""A machine for tests: it keeps what it was asked, and does what a test tells it to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from endcap_shopper.platform.ports import Channel, Cue, Insets, Notification, Platform


@dataclass
class FakeNotifier:
    """`shown` is what is on her screen now, by id; `allowed` what she has said."""

    allowed: bool = True
    shown: dict[str, Notification] = field(default_factory=dict)
    told: list[Notification] = field(default_factory=list)
    names: dict[Channel, str] = field(default_factory=dict)
    asked: int = 0

    def name_channels(self, names: dict[Channel, str]) -> None:
        self.names = dict(names)

    def show(self, notification: Notification) -> bool:
        if self.allowed:
            self.shown[notification.id] = notification
            self.told.append(notification)
        return self.allowed

    def cancel(self, id: str) -> None:
        self.shown.pop(id, None)

    def permitted(self) -> bool:
        return self.allowed

    def ask_permission(self) -> None:
        self.asked += 1


@dataclass
class FakeVibrator:
    cues: list[Cue] = field(default_factory=list)

    def cue(self, cue: Cue) -> bool:
        self.cues.append(cue)
        return True


@dataclass
class FakeBrightness:
    level: float = 0.4
    _before: float | None = None

    def full(self) -> bool:
        if self._before is None:
            self._before, self.level = self.level, 1.0
        return True

    def restore(self) -> None:
        if self._before is not None:
            self.level, self._before = self._before, None


@dataclass
class FakeDisplay:
    """As a test sets it."""

    edges: Insets = field(default_factory=Insets)
    night: bool = False

    def insets(self) -> Insets:
        return self.edges

    def dark(self) -> bool:
        return self.night


@dataclass
class FakeSecrets:
    """Kept as long as `kept` is: hand the same to outlive a restart."""

    guarded: bool = True
    kept: dict[str, str] = field(default_factory=dict)

    def get(self, name: str) -> str | None:
        return self.kept.get(name)

    def set(self, name: str, value: str | None) -> None:
        if value is None:
            self.kept.pop(name, None)
        else:
            self.kept[name] = value


@dataclass
class FakeLinks:
    first: str | None = None
    _watchers: list[Callable[[str], None]] = field(default_factory=list)

    def take_first(self) -> str | None:
        first, self.first = self.first, None
        return first

    def watch(self, on_link: Callable[[str], None]) -> None:
        self._watchers.append(on_link)

    def open(self, link: str) -> None:
        """A tap on the link somewhere else."""
        for watcher in self._watchers:
            watcher(link)


@dataclass
class FakeSpeech:
    said: list[tuple[str, str]] = field(default_factory=list)
    stopped: int = 0

    def say(self, text: str, language: str) -> bool:
        self.said.append((text, language))
        return True

    def stop(self) -> None:
        self.stopped += 1


@dataclass
class FakeSharing:
    shared: list[str] = field(default_factory=list)

    def share(self, text: str, title: str) -> bool:
        self.shared.append(text)
        return True


def fake(kept: dict[str, str] | None = None) -> Platform:
    """A machine that can do everything; `kept` are the secrets that outlive it."""
    return Platform(
        "fake",
        FakeNotifier(),
        FakeVibrator(),
        FakeBrightness(),
        FakeDisplay(),
        FakeSecrets(kept={} if kept is None else kept),
        FakeLinks(),
        FakeSpeech(),
        FakeSharing(),
    )
