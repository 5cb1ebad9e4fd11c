"""The receipt of an erasure: every store that may hold something of a shopper, and when it is gone from there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from endcap.wire import write_instant
from endcap_backend.api.openapi import COUNT, INSTANT, TEXT, object_of, text

PROMISED = timedelta(minutes=15)
_WHEN_DONE = {"type": ["string", "null"], "format": "date-time"}
_STORE: dict[str, Any] = {"store": TEXT, "erased_at": _WHEN_DONE}
_MORE: dict[str, Any] = {
    "records": COUNT,
    "ends_by": {**INSTANT, "description": "by when this store lets go by itself of what it holds of her"},
    "bears": text("what her records there are found by, such as her uid or a name of the day"),
}
RECEIPT = object_of(
    {
        "receipt": text("its number: GET /v1/erasures/{receipt} tells how far it is"),
        "asked_at": INSTANT,
        "complete_by": INSTANT,
        "done_at": _WHEN_DONE,
        "stores": {"type": "array", "items": object_of(_STORE, _MORE)},
    }
)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A store that nobody can erase one shopper from; it lets go of each record `kept` after it came, at the latest."""

    store: str
    bears: str
    kept: timedelta

    def to_json(self, last_at: datetime) -> dict[str, Any]:
        """`last_at`: when the last of her records may come there."""
        ends_by = write_instant(last_at + self.kept)
        return {"store": self.store, "erased_at": None, "ends_by": ends_by, "bears": self.bears}


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was asked and done, without a word on whom. `records`: of hers in the log."""

    receipt: str
    asked_at: datetime
    done_at: datetime | None
    records: int

    def to_json(self, elsewhere: Sequence[Elsewhere] = ()) -> dict[str, Any]:
        done = None if self.done_at is None else write_instant(self.done_at)
        asked = write_instant(self.asked_at)
        complete_by = self.asked_at + PROMISED
        return {
            "receipt": self.receipt,
            "asked_at": asked,
            "complete_by": write_instant(complete_by),
            "done_at": done,
            "stores": [
                {"store": "session and consents", "erased_at": asked},
                {"store": "fixes, events and alerts in the log", "erased_at": asked, "records": self.records},
                {"store": "card, coupons, purchases and lists in the shop's database", "erased_at": asked},
                {"store": "the match's memory, and what it made meanwhile", "erased_at": done},
                {"store": "the journals of both on disk", "erased_at": done},
                *(each.to_json(complete_by) for each in elsewhere),
            ],
        }
