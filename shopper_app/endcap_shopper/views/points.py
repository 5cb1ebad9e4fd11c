"""Her points, booking by booking."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LedgerRow:
    id: str
    what: str
    when: str
    points: str  # signed
    balance: str  # after it
    gain: bool = True


@dataclass(frozen=True, slots=True)
class Points:
    balance: str = ""
    tier: str = ""
    next_tier: str = ""  # "660 points to Platinum"
    ratio: float = 0.0  # of the way from this tier to the next
    expiring: tuple[str, ...] = ()
    ledger: tuple[LedgerRow, ...] = ()
    trend: tuple[float, ...] = ()  # the balance after each booking, oldest first
    empty_why: str = ""
    needs_yes: bool = False  # nothing is here before she agrees to something under Privacy
