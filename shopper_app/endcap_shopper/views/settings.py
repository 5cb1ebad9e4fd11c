"""How everything looks and when it speaks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from typing import Literal

from endcap_shopper.views.choice import Choice
from endcap_shopper.views.privacy import Purpose

Theme = Literal["system", "light", "dark", "contrast"]


@dataclass(frozen=True, slots=True)
class Look:
    """How everything looks; read at the start and whenever it changes."""

    theme: Theme = "system"
    text_scale: float = 1.0  # one of TEXT_SCALES
    reduced_motion: bool = False
    language: str = "en"


TEXT_SCALES = (1.0, 1.25, 1.5, 2.0)


@dataclass(frozen=True, slots=True)
class Settings:
    look: Look = Look()
    languages: tuple[Choice, ...] = ()
    feet: bool = False  # distances, else in metres
    quiet_on: bool = True
    quiet_from: time = time(22)
    quiet_until: time = time(8)
    kinds: tuple[Purpose, ...] = ()  # kinds of alerts, on or off
    muted_today: bool = False
    shop: str = ""  # the backend's address
    version: str = ""
