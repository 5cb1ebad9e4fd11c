"""Two who change one thing at once: what differs between what one opened, what is there now, and what she typed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Shown = Mapping[str, str]  # a thing as its form shows it


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that somebody else has changed since the form was opened."""

    name: str
    was: str
    now: str
    typed: str


class Overtaken(Exception):
    """What a form means to change is not as it was when the form was opened; nothing was changed.

    `now` is what is there, as a form shows it; None when it is gone. `there` is True when it was new to who typed.
    """

    def __init__(self, seen: Shown | None, now: Shown | None, typed: Shown) -> None:
        super().__init__("it has changed meanwhile")
        self.seen = seen
        self.now = now
        self.typed = typed

    @property
    def there(self) -> bool:
        return self.seen is None and self.now is not None

    def differences(self) -> list[Difference]:
        """What somebody else changed, field by field."""
        seen, now = self.seen or {}, self.now or {}
        return [
            Difference(name, seen.get(name, ""), now.get(name, ""), self.typed.get(name, ""))
            for name in self.typed
            if seen.get(name, "") != now.get(name, "")
        ]

    def merged(self) -> dict[str, str]:
        """The form for another try: what she changed as she typed it, all else as it is now."""
        seen, now = self.seen or {}, self.now or {}
        return {name: now.get(name, "") if text == seen.get(name, "") else text for name, text in self.typed.items()}


def check_unchanged(seen: str, now: Shown | None, typed: Shown, key: str) -> None:
    """Raises Overtaken when `now` is not what the form's hidden field `seen` says ("": there was nothing).

    Who types another `key` than she opened the form with means another thing.
    """
    opened = opened_as(seen)
    if opened is not None and opened.get(key) != typed.get(key, "").strip():
        opened = None
    if opened != now:
        raise Overtaken(opened, now, typed)


def seal(shown: Shown | None) -> str:
    """The text for a form's hidden field `seen`."""
    return "" if shown is None else json.dumps(shown, ensure_ascii=False, sort_keys=True)


def opened_as(seen: str) -> Shown | None:
    """What such a text says; None where it says nothing, or was never written here."""
    try:
        found = json.loads(seen)
    except (ValueError, RecursionError):
        return None
    return {str(name): str(text) for name, text in found.items()} if isinstance(found, dict) else None


def as_texts(values: Mapping[str, Any], names: Iterable[str]) -> dict[str, str]:
    """Values as a form's fields hold them; what is missing is empty."""
    found = {name: values.get(name) for name in names}
    return {name: "" if each is None or each is False else str(each) for name, each in found.items()}
