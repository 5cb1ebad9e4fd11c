"""Waiting: one fix or event that waits in the outbox, and the form in which it is kept there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from endcap.messages import CustomerEvent, CustomerLocation

Kind = Literal["fix", "event"]
Draft = Mapping[str, Any]  # a message's JSON object without the pseudonym, and a fix's without its id


def draft(message: CustomerLocation | CustomerEvent) -> Draft:
    """A message as the outbox keeps it."""
    dropped = ("uid", "id") if isinstance(message, CustomerLocation) else ("uid",)
    return {name: value for name, value in message.to_json().items() if name not in dropped}


@dataclass(frozen=True, slots=True)
class Waiting:
    """One entry. `sequence` counts up within its kind and is never used again, not even after a kill or a purge."""

    kind: Kind
    sequence: int
    draft: Draft

    def message(self, *, uid: str, install: str) -> CustomerLocation | CustomerEvent:
        """The entry as it travels. The pseudonym comes in here: the first fix may be older than the first session.

        Raises:
            BadMessage: the draft was damaged.
        """
        if self.kind == "event":
            return CustomerEvent.from_json({**self.draft, "uid": uid})
        return CustomerLocation.from_json({**self.draft, "uid": uid, "id": f"{install}:{self.sequence}"})

    @classmethod
    def from_row(cls, kind: Kind, sequence: int, body: bytes) -> Waiting:
        """What a row holds; a draft that is empty, and so no message, when the disk has garbled it."""
        try:
            value = json.loads(body)
        except ValueError:
            value = None
        return cls(kind, sequence, value if isinstance(value, dict) else {})
