"""The decision itself, without any state of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from endcap.messages import CustomerAlert
from endcap.wire import from_epoch_ms
from endcap_backend.decide.candidates import Candidate
from endcap_backend.decide.identity import alert_id, was_told
from endcap_backend.decide.knowledge import NOBODY, Known
from endcap_backend.decide.limits import Limits
from endcap_backend.decide.reason import why
from endcap_backend.decide.score import Score, rank, score
from endcap_backend.decide.shoppers import DAY_MS, HOUR_MS, Shopper

Barred = Callable[[str | None], str]
SHORTEST_MS = 60_000  # what quiet hours would end sooner she could hardly read, and never hears again


@dataclass(frozen=True, slots=True)
class Choice:
    """What to tell her now, best first, and why the rest is held back: reason -> candidates.

    `waiting` are those that only she has no room for now: they may be told at another fix. `scores` say of each alert
    what it was chosen by. Of a shopper who is held out the alerts are `withheld`.
    """

    alerts: tuple[CustomerAlert, ...]
    held: Counter[str]
    waiting: tuple[Candidate, ...]
    scores: tuple[Score, ...] = ()
    withheld: tuple[CustomerAlert, ...] = ()


def decide(
    candidates: Iterable[Candidate],
    shopper: Shopper,
    at_ms: int,
    limits: Limits,
    accuracy_m: float | None = None,
    *,
    known: Known = NOBODY,
    barred: Barred = lambda pid: "",
    currency: str = "EUR",
) -> Choice:
    """The alerts for one fix, taken at `at_ms` (epoch ms) with a 68 % radius of `accuracy_m` (None: unknown).

    `barred` says why she may not have a promotion, "" when she may. Changes nothing: the same arguments give the same
    choice, in whichever order the candidates come.
    """
    held: Counter[str] = Counter()
    chosen: list[Candidate] = []
    waiting: list[Candidate] = []
    quiet = silence(shopper, at_ms, limits, known)
    room, full = (0, quiet) if quiet else room_for(shopper, at_ms, limits)
    section = shopper.stay.section
    for candidate in rank(list(_open(candidates, shopper, at_ms, known, barred, held)), section):
        is_help = candidate.kind == "help"
        if clash := _clash(candidate, chosen, shopper, at_ms, limits):
            held[clash] += 1
        elif (is_help and quiet) or (not is_help and room <= 0):
            held[full] += 1
            waiting.append(candidate)
        else:
            room -= not is_help
            chosen.append(candidate)
    until = _end_of_life(at_ms, limits, known) if chosen else from_epoch_ms(at_ms)
    return Choice(
        tuple(_alert(each, shopper, at_ms, until, accuracy_m, currency) for each in chosen),
        held,
        tuple(waiting),
        tuple(score(each, section) for each in chosen),
    )


def _open(
    candidates: Iterable[Candidate],
    shopper: Shopper,
    at_ms: int,
    known: Known,
    barred: Barred,
    held: Counter[str],
) -> Iterator[Candidate]:
    """Those that hold at all: in stock, not over, hers to have, never told her before."""
    pairs = shopper.pairs()
    now = from_epoch_ms(at_ms)
    for candidate in candidates:
        if was_told(candidate, shopper, pairs, at_ms):
            held["told before"] += 1
        elif candidate.stock == 0:
            held["out of stock"] += 1
        elif candidate.ends_at is not None and candidate.ends_at <= now:
            held["promotion over"] += 1
        elif candidate.kind in known.muted:
            held["muted by her"] += 1
        elif bar := barred(candidate.pid):
            held[bar] += 1
        else:
            yield candidate


def silence(shopper: Shopper, at_ms: int, limits: Limits, known: Known = NOBODY) -> str:
    """Why she is told nothing at all now, not even that help is there; "" when she may be told something."""
    for quiet, reason in ((limits.quiet, "quiet hours"), (known.quiet, "her quiet hours")):
        if quiet is not None and (quiet.hold(at_ms) or quiet.hold(at_ms + SHORTEST_MS - 1)):
            return reason
    if limits.cooldown_s and shopper.since(at_ms, int(limits.cooldown_s * 1000)):
        return "cooldown"
    return ""


def room_for(shopper: Shopper, at_ms: int, limits: Limits) -> tuple[int, str]:
    """How many offers she may get now, and the cap that says so."""
    rooms = (
        (limits.per_day - shopper.since(at_ms, DAY_MS), "cap per day"),
        (limits.per_hour - shopper.since(at_ms, HOUR_MS), "cap per hour"),
        (limits.per_visit - shopper.in_visit(), "cap per visit"),
        (limits.per_fix, "cap per fix"),
    )
    return min(rooms, key=lambda room: room[0])


def _clash(candidate: Candidate, chosen: list[Candidate], shopper: Shopper, at_ms: int, limits: Limits) -> str:
    """Why a better one of the same fix, or earlier ones, leave no place for this one; "" when they do."""
    if candidate.sku is not None and any(each.sku == candidate.sku for each in chosen):
        return "product told already"
    if candidate.pid is None:
        return ""
    told = sum(1 for each in shopper.told if each.pid == candidate.pid and at_ms - DAY_MS < each.at_ms)
    if told + sum(1 for each in chosen if each.pid == candidate.pid) >= limits.per_promotion:
        return "cap per promotion"
    return ""


def _end_of_life(at_ms: int, limits: Limits, known: Known) -> datetime:
    """When what is told now expires: before quiet hours begin, so that nothing which was delayed comes in them."""
    now = from_epoch_ms(at_ms)
    quiet = (each.begin_after(now) for each in (limits.quiet, known.quiet) if each is not None)
    return min([now + timedelta(seconds=limits.alert_life_s), *(each for each in quiet if each is not None)])


def _alert(
    candidate: Candidate, shopper: Shopper, at_ms: int, until: datetime, accuracy_m: float | None, currency: str
) -> CustomerAlert:
    return CustomerAlert(
        id=alert_id(candidate, shopper, at_ms),
        uid=shopper.uid,
        kind=candidate.kind,
        title=candidate.title,
        why=why(candidate, accuracy_m, currency),
        expires_at=until if candidate.ends_at is None else min(until, candidate.ends_at),
        pid=candidate.pid,
        sku=candidate.sku,
        distance_ft=None if candidate.distance_ft is None else round(candidate.distance_ft, 1),
        store=candidate.store,
        section=candidate.section,
        visit=shopper.visit,
    )
