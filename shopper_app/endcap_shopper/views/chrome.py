"""What stands around every screen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from endcap_shopper.views.page import Page

Sharing = Literal["off", "paused", "on"]


Tone = Literal["plain", "good", "warning"]


@dataclass(frozen=True, slots=True)
class Notice:
    """A line above everything else: she is offline and how old what she sees is, her location is off, a fault.

    `action` is the caption of its button and `page` where that leads; without an action there is no button.
    """

    text: str
    tone: Tone = "plain"
    action: str = ""
    page: Page | None = None


@dataclass(frozen=True, slots=True)
class Undo:
    """Something just done that can be taken back by `Intents.undo`; `id` changes with each."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Chrome:
    """What stands around every screen."""

    sharing: Sharing = "off"
    sharing_text: str = ""  # the live indicator's words: "Location on", "Paused until 15:00"
    notice: Notice | None = None
    undo: Undo | None = None
    unseen: int = 0  # offers she has not looked at
