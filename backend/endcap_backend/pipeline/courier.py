"""Alerts to Ably: what is due now, what has to wait, and what became of each. In order for each shopper.

Where the alerts come from is somebody else's: the durable log (`delivery.py`) or Kafka (`stages/deliver.py`).
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from threading import Event
from typing import Generic, NamedTuple, Protocol, TypeVar

from endcap.clock import Clock
from endcap.errors import BadMessage, EndcapError, NotAuthorised, Unreachable
from endcap.messages import CustomerAlert
from endcap.wire import epoch_ms

log = logging.getLogger("endcap.pipeline")

PUSH_ALERTS = 100  # a request: 30 kB, and one slow shopper holds up few others
FIRST_WAIT_S = 0.25
LONGEST_WAIT_S = 30.0
CHANNEL_PATIENCE_S = 10.0  # for a channel that fails while others pass; then it holds nobody up any longer


class Push(Protocol):
    """Publishes on Ably. Called by the delivery thread alone."""

    def publish(self, alerts: Sequence[CustomerAlert]) -> Sequence[EndcapError | None]:
        """Put each on its shopper's channel under its own id; no two are for one shopper. What became of each.

        None: taken. Unreachable: this one later. Any other error: never.

        Raises:
            Unreachable: none of them for certain; all again later.
            NotAuthorised: the key was refused.
        """
        ...

    def close(self) -> None: ...


class AlertRecord(Protocol):
    """An alert as it was stored, wherever that was."""

    @property
    def offset(self) -> int: ...

    @property
    def value(self) -> str | bytes | None: ...

    @property
    def timestamp_ms(self) -> int: ...


R = TypeVar("R", bound=AlertRecord)


class Carried(NamedTuple, Generic[R]):
    """What became of a batch: the refused with their reasons, how many from the first on are settled, and how long to
    wait before the rest is handed over again."""

    refused: Sequence[tuple[R, str]]
    done: int
    wait_s: float


@dataclass(slots=True)
class _Held(Generic[R]):
    """A record in hand; `alert` is None once it is settled."""

    record: R
    alert: CustomerAlert | None
    failures: int = 0
    failing_since_s: float = 0.0
    not_before_s: float = 0.0


class Courier(Generic[R]):
    """Carries one sequence of alerts to Ably, handed over again and again until they are settled. One thread.

    While Ably is away it waits with growing, jittered pauses, or as long as Ably asks, but no longer than until
    `stopping`; what expires meanwhile is not pushed any more.
    """

    def __init__(self, push: Push, clock: Clock, stopping: Event, luck: Random | None = None) -> None:
        self._push = push
        self._clock = clock
        self._stopping = stopping
        self._luck = luck or Random()
        self._counts: Counter[str] = Counter(pushed=0, expired=0, refused=0, retries=0, requests=0)
        self._oldest_ms: int | None = None
        self._failures = 0  # in a row
        self._answered_at_s: float | None = None
        self._hand: dict[int, _Held[R]] = {}  # by offset, in order; at most a batch

    def stats(self) -> Mapping[str, float]:
        """The counters, `oldest unsent s` and `failures in a row` (0: Ably answers). From any thread."""
        oldest_ms = self._oldest_ms
        age_s = 0.0 if oldest_ms is None else max(0.0, (epoch_ms(self._clock.now()) - oldest_ms) / 1000)
        return {**self._counts, "oldest unsent s": age_s, "failures in a row": self._failures}

    def carry(self, records: Sequence[R]) -> Carried[R]:
        """One request at most; what is not settled stays in hand and comes again with the next batch."""
        letters: list[tuple[R, str]] = []
        if not records:
            return Carried(letters, 0, 0.0)
        self._hand = {offset: each for offset, each in self._hand.items() if offset >= records[0].offset}
        for record in records:
            if record.offset not in self._hand:
                self._hand[record.offset] = _Held(record, self._read(record, letters))
        self._drop_expired()
        due = self._due()
        self._note_oldest()
        if due:
            self._attempt(due, letters)
            self._note_oldest()
        return Carried(letters, self._release(records), 0.0 if due else self._until_due_s())

    def _note_oldest(self) -> None:
        self._oldest_ms = next((each.record.timestamp_ms for each in self._hand.values() if each.alert), None)

    def _read(self, record: R, letters: list[tuple[R, str]]) -> CustomerAlert | None:
        try:
            return CustomerAlert.from_text(record.value or "")
        except BadMessage as fault:
            self._refuse(record, fault, letters)
            return None

    def _drop_expired(self) -> None:
        now = self._clock.now()
        for each in self._hand.values():
            if each.alert is not None and each.alert.expires_at <= now:
                each.alert = None
                self._counts["expired"] += 1

    def _due(self) -> list[_Held[R]]:
        """The next to push: of each shopper her first, when its time has come. So order holds whatever fails."""
        now_s = self._clock.monotonic()
        due: list[_Held[R]] = []
        seen: set[str] = set()
        for each in self._hand.values():
            if each.alert is None or each.alert.uid in seen:
                continue
            seen.add(each.alert.uid)
            if each.not_before_s <= now_s and len(due) < PUSH_ALERTS:
                due.append(each)
        return due

    def _until_due_s(self) -> float:
        waits = [each.not_before_s for each in self._hand.values() if each.alert is not None]
        return max(0.0, min(waits, default=0.0) - self._clock.monotonic())

    def _release(self, records: Sequence[R]) -> int:
        """How many records from the first on are settled; they leave the hand."""
        done = 0
        for record in records:
            if self._hand[record.offset].alert is not None:
                break
            del self._hand[record.offset]
            done += 1
        return done

    def _attempt(self, due: Sequence[_Held[R]], letters: list[tuple[R, str]]) -> None:
        self._counts["requests"] += 1
        try:
            results = self._push.publish([each.alert for each in due if each.alert is not None])
        except (Unreachable, NotAuthorised) as fault:
            self._counts["retries"] += len(due)
            self._pause(fault, str(fault))
            return
        if None in results:
            self._answered()
        for each, result in zip(due, results, strict=True):
            self._settle(each, result, letters)
        if len(due) > 1 and all(isinstance(result, Unreachable) for result in results):  # not one channel, but Ably
            self._pause(next(result for result in results if result is not None), "every channel is busy")

    def _settle(self, each: _Held[R], result: EndcapError | None, letters: list[tuple[R, str]]) -> None:
        if isinstance(result, Unreachable) and not self._given_up(each):
            self._counts["retries"] += 1
            each.not_before_s = self._clock.monotonic() + self._wait_s(each.failures, result)
            each.failures += 1
            return
        each.alert = None
        if result is None:
            self._counts["pushed"] += 1
        else:
            self._refuse(each.record, result, letters)

    def _given_up(self, each: _Held[R]) -> bool:
        """True when its channel has failed for so long, while others passed, that it is the channel and not Ably."""
        now_s = self._clock.monotonic()
        if not each.failures:
            each.failing_since_s = now_s
        others_passed = self._answered_at_s is not None and self._answered_at_s > each.failing_since_s
        return others_passed and now_s - each.failing_since_s >= CHANNEL_PATIENCE_S

    def _refuse(self, record: R, fault: EndcapError, letters: list[tuple[R, str]]) -> None:
        self._counts["refused"] += 1
        letters.append((record, str(fault)))
        # the fault's own words name the channel, and with it the shopper
        log.warning("the alert at offset %d can't be delivered: %s", record.offset, type(fault).__name__)

    def _wait_s(self, failures: int, fault: EndcapError) -> float:
        """Twice as long after each failure, at random between half and all of it; never less than Ably asks for."""
        longest_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(failures, 10))
        asked_s = fault.retry_after_s if isinstance(fault, Unreachable) else None
        return float(max(asked_s or 0.0, longest_s * self._luck.uniform(0.5, 1.0)))

    def _pause(self, fault: EndcapError, said: str) -> None:
        """Nothing goes through: leave Ably alone for a while."""
        if self._failures == 0:
            log.warning("Ably does not take alerts, they wait: %s", said)
        self._failures += 1
        self._clock.wait(self._stopping, self._wait_s(self._failures - 1, fault))

    def _answered(self) -> None:
        if self._failures:
            log.info("Ably takes alerts again")
        self._failures = 0
        self._answered_at_s = self._clock.monotonic()
