"""Ground: what every part of the shopper stands on: her state, her wallet, the time, and the way to the window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, tzinfo
from typing import Any
from uuid import uuid4

from endcap.clock import Clock
from endcap_shopper.i18n import LANGUAGES, Words
from endcap_shopper.platform.ports import Platform
from endcap_shopper.settings import AppSettings
from endcap_shopper.state import State, Undo
from endcap_shopper.views import Page
from endcap_shopper.wallet import Wallet

Post = Callable[[Callable[[], object]], None]

SETTINGS = "settings"
UNDO_FOR_S = 8.0


@dataclass
class Ground:
    """Shared by the parts of one shopper. `state` is the window's thread's alone; `post` leads there from any other."""

    state: State
    wallet: Wallet
    clock: Clock
    platform: Platform
    post: Post
    zone: tzinfo | None = None
    watchers: list[Callable[[Page | None], None]] = field(default_factory=list)

    def now(self) -> datetime:
        """The time on her clock."""
        return self.clock.now().astimezone(self.zone)

    def tell(self, *pages: Page | None) -> None:
        """These pages have something new to show; None: all of them."""
        for page in pages:
            for watcher in self.watchers:
                watcher(page)

    def set(self, **changes: Any) -> None:
        """Change settings, and keep them."""
        self.state.settings = replace(self.state.settings, **changes)
        self.wallet.set(SETTINGS, self.state.settings.to_json())

    def keep(self, name: str, body: Any) -> None:
        """Keep what the shop said, for when there is no network."""
        self.wallet.keep_answer(name, body, self.now())

    def offer_undo(self, text: str, back: Callable[[], None]) -> None:
        """Let her take back what she just did, for a few seconds."""
        self.state.undo = Undo(uuid4().hex, text, self.now() + timedelta(seconds=UNDO_FOR_S), back)
        self.tell(None)


def words_for(settings: AppSettings, machine: str, currency: str, zone: tzinfo | None) -> Words:
    """Her language: the one she chose, else the machine's (such as "de_AT") where the app speaks it, else English."""
    spoken = machine.replace("-", "_").partition("_")[0].lower()
    language = settings.language or (spoken if spoken in LANGUAGES else "en")
    return Words(language, currency=currency, zone=zone, feet=settings.feet)
