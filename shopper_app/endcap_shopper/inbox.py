"""Inbox: offers become cards; the nearest first, each once, none after its time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from endcap.geo import FEET_PER_KM
from endcap.messages import CustomerAlert

_CAPACITY = 100  # cards; a shop that tells more in a day than that is not read any more
_FIRST = {"help": 0, "wanted": 1, "deal": 2, "alternative": 2}  # who is on her way to her comes before any offer


@dataclass(frozen=True, slots=True)
class Card:
    """One offer as she sees it. `walk_m` is along the aisles where the plan and her place are known.

    `subject` says what it is about: two offers of one promotion for one product are the same to her.
    """

    alert: CustomerAlert
    received_at: datetime
    seen: bool = False
    walk_m: float | None = None
    subject: str = field(init=False, repr=False, compare=False)  # kept: asked for at each offer

    def __post_init__(self) -> None:
        object.__setattr__(self, "subject", _subject(self.alert))

    @property
    def distance_m(self) -> float | None:
        """How far to walk: by the plan, else as the crow flew when it was told; None when nobody knows."""
        if self.walk_m is not None or self.alert.distance_ft is None:
            return self.walk_m
        return self.alert.distance_ft / FEET_PER_KM * 1000


@dataclass(frozen=True, slots=True)
class Inbox:
    """All offers that are still good, as they came. Never changes."""

    cards: tuple[Card, ...] = ()
    dismissed: frozenset[str] = frozenset()  # subjects she put away; they stay away until they would have ended

    def received(self, alert: CustomerAlert, now: datetime) -> Inbox:
        """With one more offer. The same offer again replaces the one before, and is not new again."""
        card = Card(alert, now)
        if alert.expires_at <= now or card.subject in self.dismissed:
            return self
        known = next((each for each in self.cards if each.subject == card.subject), None)
        if known is not None:
            card = replace(card, received_at=known.received_at, seen=known.seen)
        others = tuple(each for each in self.cards if each.subject != card.subject)
        return replace(self, cards=(*others, card)[-_CAPACITY:])

    def at(self, now: datetime) -> Inbox:
        """Without what is over."""
        return replace(self, cards=tuple(card for card in self.cards if now < card.alert.expires_at))

    def get(self, alert_id: str) -> Card | None:
        return next((card for card in self.cards if card.alert.id == alert_id), None)

    def seen(self, alert_ids: Iterable[str]) -> Inbox:
        """With these cards marked as seen."""
        ids = set(alert_ids)
        return replace(self, cards=tuple(replace(card, seen=card.seen or card.alert.id in ids) for card in self.cards))

    def without(self, alert_id: str) -> Inbox:
        """With a card put away, so that it does not come back."""
        card = self.get(alert_id)
        if card is None:
            return self
        left = tuple(each for each in self.cards if each is not card)
        return Inbox(left, self.dismissed | {card.subject})

    def ordered(self, now: datetime, walk_m: Callable[[CustomerAlert], float | None] | None = None) -> tuple[Card, ...]:
        """What to show now: first help and what she wants, then by the way to walk; the newest of equals first."""
        cards = [replace(card, walk_m=walk_m(card.alert)) if walk_m else card for card in self.at(now).cards]
        newest = sorted(cards, key=lambda card: (card.received_at, card.alert.id), reverse=True)
        return tuple(sorted(newest, key=_nearness))

    @property
    def unseen(self) -> int:
        return sum(not card.seen for card in self.cards)


def _subject(alert: CustomerAlert) -> str:
    about = (alert.kind, alert.pid or "", "" if alert.sku is None else str(alert.sku))
    return ":".join(about) if any(about[1:]) else f"{alert.kind}:{alert.id}"


def _nearness(card: Card) -> tuple[int, float]:
    distance_m = card.distance_m
    return _FIRST.get(card.alert.kind, 2), float("inf") if distance_m is None else distance_m
