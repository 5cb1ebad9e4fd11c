"""One of several that she may choose."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several, by id."""

    id: str
    text: str
    chosen: bool = False
