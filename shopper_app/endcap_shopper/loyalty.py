"""Loyalty: her card, her points and where they came from, and the code the till reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from endcap.wire import ID_PATTERN, Message, wired
from endcap_shopper.reading import each_of

RENEW_EARLY = timedelta(seconds=15)  # the till needs that long to read it and to ask


@dataclass(frozen=True, slots=True)
class Entry(Message):
    """A line of the ledger: points given or taken."""

    id: str = wired("id", "text", "of the line", max_chars=64)
    at: datetime = wired("at", "instant", "when")
    points: int = wired("points", "integer", "given, or taken where negative")
    reason: str = wired("reason", "text", "what for")
    store: str | None = wired("store", "text", "where", default=None, pattern=ID_PATTERN)


@dataclass(frozen=True, slots=True)
class Expiring(Message):
    """Points that are lost at a time unless they are used."""

    points: int = wired("points", "integer", "how many", minimum=0)
    at: datetime = wired("at", "instant", "when")


@dataclass(frozen=True, slots=True)
class Tier:
    """Where she stands, by the points that count for it, and what comes next (None at the top)."""

    id: str
    name: str
    points: int
    next_name: str = ""
    next_at: int | None = None

    @property
    def share(self) -> float:
        """How much of the way to the next tier is done, 0 to 1; 1 at the top."""
        return 1.0 if not self.next_at else min(1.0, max(0.0, self.points / self.next_at))

    @property
    def missing(self) -> int:
        """Points to the next tier; 0 at the top."""
        return 0 if self.next_at is None else max(0, self.next_at - self.points)


@dataclass(frozen=True, slots=True)
class Loyalty:
    """Her card, as `GET /v1/loyalty` tells of it: the ledger's latest lines, and the sum of those `before` them."""

    card: str
    balance: int
    tier: Tier
    expiring: tuple[Expiring, ...] = ()
    ledger: tuple[Entry, ...] = ()
    before: int = 0

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Loyalty:
        """Read the shop's answer.

        Raises:
            ValueError, KeyError, TypeError: there is no card or no balance in it.
        """
        ledger = each_of(value.get("ledger"), _entry, "a line of the ledger")
        return cls(
            str(value["card"]["number"]),
            int(value["balance"]),
            _tier(value["tier"]),
            tuple(sorted(each_of(value.get("expiring"), Expiring.from_json, "expiring points"), key=lambda e: e.at)),
            tuple(sorted(ledger, key=lambda entry: entry.at, reverse=True)),
            int(value.get("brought_forward") or 0),
        )

    @property
    def adds_up(self) -> bool:
        """True when the ledger explains the balance to the point."""
        return self.before + sum(entry.points for entry in self.ledger) == self.balance


@dataclass(frozen=True, slots=True)
class TillCode:
    """What the QR holds: the card and the clipped coupons, signed by the shop, good until `expires_at`."""

    code: str
    expires_at: datetime

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> TillCode:
        """Read an answer of `POST /v1/loyalty/code`.

        Raises:
            ValueError, KeyError, TypeError: it is no such answer.
        """
        return cls(str(value["code"]), datetime.fromisoformat(value["expires_at"]))

    def good_at(self, now: datetime) -> bool:
        return now < self.expires_at

    def renew_at(self) -> datetime:
        """When to ask for the next one."""
        return self.expires_at - RENEW_EARLY


def _tier(value: Mapping[str, Any]) -> Tier:
    following = value.get("next") or {}
    at = following.get("at")
    return Tier(
        str(value["id"]),
        str(value.get("name") or value["id"]),
        int(value.get("points") or 0),
        str(following.get("name") or following.get("id") or ""),
        None if at is None else int(at),
    )


def _entry(value: Mapping[str, Any]) -> Entry:
    return Entry.from_json({**value, "id": str(value["id"])})  # some shops number their lines
