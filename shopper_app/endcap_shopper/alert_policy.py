"""Alert policy: whether one thing is worth disturbing her for. A pure function of what she set and what was shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Literal

Verdict = Literal["tell", "kind off", "paused", "quiet hours", "expired", "told before", "visit is full", "too soon"]

MAX_A_VISIT = 3
APART_S = 300.0
ONCE_WITHIN_H = 24.0  # the same offer again, at the soonest
KEEP_H = 48.0  # what was told is remembered for longer than any rule looks back


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From `start` (included) to `end` (excluded), each day, in her local time; over midnight where `start` is later.

    The same time twice means none.
    """

    start: time = time(22)
    end: time = time(8)

    def hold_at(self, local: time) -> bool:
        if self.start <= self.end:
            return self.start <= local < self.end
        return local >= self.start or local < self.end


@dataclass(frozen=True, slots=True)
class AlertRules:
    """What she wants to be told. `help` is never capped nor quiet: somebody comes because she called."""

    kinds: Mapping[str, bool]  # by AlertKind; one that is missing is on
    quiet: QuietHours | None = QuietHours()
    paused_until: datetime | None = None
    max_a_visit: int = MAX_A_VISIT
    apart_s: float = APART_S


@dataclass(frozen=True, slots=True)
class Told:
    """Something she was told, as it is remembered. `subject` is what it was about: see `Candidate`."""

    subject: str
    visit: str
    at: datetime  # aware


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something that could be told. Two with the same `subject` are the same to her, whatever their ids."""

    subject: str
    kind: str
    visit: str
    expires_at: datetime | None = None


def verdict(candidate: Candidate, told: Iterable[Told], rules: AlertRules, now: datetime, local: time) -> Verdict:
    """ "tell", or the first reason not to. `now` is aware, `local` the time on her wall clock."""
    if candidate.expires_at is not None and candidate.expires_at <= now:
        return "expired"
    if candidate.kind == "help":
        return "tell"
    if not rules.kinds.get(candidate.kind, True):
        return "kind off"
    if rules.paused_until is not None and now < rules.paused_until:
        return "paused"
    if rules.quiet is not None and rules.quiet.hold_at(local):
        return "quiet hours"
    return _capped(candidate, list(told), rules, now)


def remembered(told: Iterable[Told], now: datetime) -> tuple[Told, ...]:
    """What any rule may still look at; the rest can be forgotten."""
    return tuple(each for each in told if now - each.at < timedelta(hours=KEEP_H))


def _capped(candidate: Candidate, told: list[Told], rules: AlertRules, now: datetime) -> Verdict:
    again = (each.at for each in told if each.subject == candidate.subject)
    if any(now - at < timedelta(hours=ONCE_WITHIN_H) for at in again):
        return "told before"
    if sum(each.visit == candidate.visit for each in told) >= rules.max_a_visit:
        return "visit is full"
    if any(abs(now - each.at) < timedelta(seconds=rules.apart_s) for each in told):
        return "too soon"
    return "tell"
