"""What the shop's database knows of shoppers, brought to the decision: in bulk, and at most once a second."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from endcap.clock import Clock, SystemClock
from endcap_backend.decide.knowledge import NOBODY, Knowledge, Known, Terms

log = logging.getLogger("endcap.pipeline")

LOOK_EVERY_S = 1.0  # so soon a wish, a clip or a spent budget is known here
OVERLAP = 1000  # changes looked at again: numbers are given when a transaction writes, and seen when it has committed
AT_ONCE = 500  # shoppers a question
MOST_CHANGES = 5000  # of one look; beyond it everybody is read anew
GOOD_FOR_S = 3600.0  # then a shopper is read again: coupons begin and points grow old without any change


@dataclass(frozen=True, slots=True)
class Sources:
    """Where knowledge comes from; each answers in bulk. They may raise what SQLAlchemy raises."""

    shoppers: Callable[[Collection[str]], Mapping[str, Known]]  # of these uids, those of whom anything is known
    changes: Callable[[int, int], Mapping[str, int]]  # uids with their last change: the latest after a number
    terms: Callable[[], Mapping[str, Terms]]  # by pid, of all promotions that have any


NOTHING = Sources(lambda uids: {}, lambda after, most: {}, dict)


class Learning:
    """Keeps a `Knowledge` as fresh as its sources. Owned by the pipeline's thread.

    A shopper is read when her first fix comes, together with all others who are new in that batch, and again when
    something of hers changed. While a source fails, what is known already holds on, and `faults` counts.
    """

    def __init__(self, sources: Sources = NOTHING, clock: Clock | None = None) -> None:
        self.knowledge = Knowledge()
        self._sources = sources
        self._clock = clock or SystemClock()
        self._next_look_s = self._paused_until_s = 0.0
        self._change = 0  # the newest seen
        self._seen: dict[str, int] = {}  # the last changes, by uid
        self._read = self._faults = 0

    def attend(self, uids: Iterable[str], *, terms_changed: bool = False) -> Collection[str]:
        """Know what there is to know of these shoppers; who of them has become a member since she was last read.

        `terms_changed`: a promotion came in, so that who may have it is asked for before it is told to anybody.
        """
        if self._sources is NOTHING:
            return ()
        now_s = self._clock.monotonic()
        new = {uid for uid in uids if not self.knowledge.is_fresh(uid, now_s)}
        due = now_s >= self._next_look_s
        if now_s < self._paused_until_s or not (new or due or terms_changed):
            return ()
        try:
            if due or terms_changed:
                self.knowledge.set_terms(self._sources.terms())
            return self._learn(new | self._changed() if due else new)
        except SQLAlchemyError as fault:
            self._faults += 1
            self._paused_until_s = now_s + LOOK_EVERY_S
            log.warning("what is known of shoppers can't be read, the last of it holds on: %s", type(fault).__name__)
            return ()

    def stats(self) -> Mapping[str, int]:
        """Shoppers read since the start, and times that a source failed."""
        return {"read": self._read, "faults": self._faults}

    def _changed(self) -> set[str]:
        """Those known here of whom something changed since the last look."""
        self._next_look_s = self._clock.monotonic() + LOOK_EVERY_S
        found = self._sources.changes(self._change - OVERLAP, MOST_CHANGES)
        if len(found) >= MOST_CHANGES:
            self.knowledge.clear()
        new = {uid for uid, number in found.items() if self._seen.get(uid) != number and uid in self.knowledge}
        self._change = max(found.values(), default=self._change)
        self._seen = {uid: number for uid, number in found.items() if number > self._change - OVERLAP}
        return new

    def _learn(self, uids: Collection[str]) -> Collection[str]:
        members = set()
        ordered = sorted(uids)
        for start in range(0, len(ordered), AT_ONCE):
            chunk = ordered[start : start + AT_ONCE]
            found = self._sources.shoppers(chunk)
            for uid in chunk:
                before, known = self.knowledge.of(uid), found.get(uid, NOBODY)
                if uid in self.knowledge and before.tier is None and known.tier is not None:
                    members.add(uid)
                self.knowledge.put(uid, known, self._clock.monotonic() + GOOD_FOR_S)
            self._read += len(chunk)
        return members
