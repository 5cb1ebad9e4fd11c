"""What would be done to a cluster: shown first, done after, one thing at a time."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Verb = Literal["create", "change", "replace", "drop", "keep", "refuse"]
_SIGNS: dict[Verb, str] = {"create": "+", "change": "~", "replace": "±", "drop": "-", "keep": " ", "refuse": "!"}


@dataclass(frozen=True, slots=True)
class Change:
    """One step. `do` carries it out; it has none where nothing is done."""

    verb: Verb
    what: str  # "topic customers_events", "stream FIXES"
    detail: tuple[str, ...] = ()
    do: Callable[[], None] | None = None

    def shown(self) -> str:
        return "\n".join(
            (f"{_SIGNS[self.verb]} {self.verb:<7} {self.what}", *(f"      {line}" for line in self.detail))
        )


def pending(changes: Iterable[Change]) -> list[Change]:
    """Those that would do something."""
    return [each for each in changes if each.do is not None]


def refused(changes: Iterable[Change]) -> list[Change]:
    """Those that stand in the way of all others."""
    return [each for each in changes if each.verb == "refuse"]


def as_plan(changes: Sequence[Change], *, whole: bool = False) -> str:
    """The plan as text; without `whole` what is kept is only counted."""
    lines = [each.shown() for each in changes if whole or each.verb != "keep"]
    kept = sum(each.verb == "keep" for each in changes)
    if kept and not whole:
        lines.append(f"  {kept} as they should be")
    return "\n".join(lines)


def difference(before: str, after: str) -> tuple[str, ...]:
    """How a text changes, line by line, without the lines that stay."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
    return tuple(line for line in lines if not line.startswith(("---", "+++", "@@")))
