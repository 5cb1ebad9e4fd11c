"""What she has agreed to, what was sent, and the first run that asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Pause = Literal["hour", "today"]


@dataclass(frozen=True, slots=True)
class Purpose:
    """Something she may agree to: off until she does."""

    id: str
    title: str
    why: str
    on: bool = False


@dataclass(frozen=True, slots=True)
class SentRow:
    """One thing that left the phone."""

    id: str
    what: str
    when: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Privacy:
    purposes: tuple[Purpose, ...] = ()
    paused: str = ""  # until when; "" when it is not
    can_pause: bool = False
    sent: tuple[SentRow, ...] = ()
    result: str = ""  # what became of an export or a deletion: its path, its receipt, its fault
    busy: bool = False


@dataclass(frozen=True, slots=True)
class FirstRun:
    """Explained before anything is asked; all purposes off."""

    purposes: tuple[Purpose, ...] = ()
    done: bool = False
