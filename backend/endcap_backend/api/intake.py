"""A batch of messages on its way into the log: each read on its own, the good ones stored together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from endcap.clock import Clock
from endcap.errors import BadMessage
from endcap.messages import CustomerEvent, CustomerLocation
from endcap.wire import epoch_ms
from endcap_backend.api.metrics import Metrics
from endcap_backend.log import Log, NewRecord

MAX_SKEW = timedelta(minutes=5)  # a device's clock that is further off is not believed
MAX_AGE = timedelta(days=7)  # nothing waits on a device for longer; an older time is a broken clock

Sent = CustomerLocation | CustomerEvent
M = TypeVar("M", CustomerLocation, CustomerEvent)
Check = Callable[[Any], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one item. `field` and `reason` say why it was rejected; neither repeats a value."""

    index: int
    status: str  # accepted, duplicate, rejected
    field: str = ""
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        told: dict[str, Any] = {"index": self.index, "status": self.status}
        if self.status == "rejected":
            told |= {"field": self.field, "reason": self.reason}
        return told


class Intake:
    """Stores what shoppers send, whichever way it came. Safe from any thread."""

    def __init__(self, log: Log, clock: Clock, metrics: Metrics) -> None:
        self._log = log
        self._clock = clock
        self._metrics = metrics

    def store(
        self,
        uid: str,
        kind: type[M],
        items: Sequence[object],
        *,
        sent_at: datetime | None = None,
        check: Callable[[M], None] = lambda message: None,
    ) -> list[Outcome]:
        """Read each of `items` as a `kind` of `uid`'s and store the good ones; returns when they are on disk.

        `sent_at` is the device's time when it sent them: with it, an old fix from a right clock keeps its time, and one
        from a wrong clock is put right. `check` raises BadMessage for an item that is well formed but not allowed.

        Raises:
            LogFull: nothing was stored.
        """
        received = self._clock.now()
        outcomes: dict[int, Outcome] = {}
        records: dict[int, NewRecord] = {}
        for index, item in enumerate(items):
            try:
                message = _read(kind, item, uid)
                check(message)
                records[index] = _record(message, event_time(message, received, sent_at))
            except BadMessage as fault:
                outcomes[index] = Outcome(index, "rejected", fault.field, fault.reason)
        for index, appended in zip(records, self._log.append(list(records.values())), strict=True):
            outcomes[index] = Outcome(index, "duplicate" if appended.duplicate else "accepted")
        found = [outcomes[index] for index in range(len(items))]
        self._count(kind, found)
        return found

    def reject(self, kind: type[Sent], field: str, reason: str) -> list[Outcome]:
        """Count one item that can't even be read."""
        outcomes = [Outcome(0, "rejected", field, reason)]
        self._count(kind, outcomes)
        return outcomes

    def _count(self, kind: type[Sent], outcomes: Sequence[Outcome]) -> None:
        for status in ("accepted", "duplicate", "rejected"):
            count = sum(outcome.status == status for outcome in outcomes)
            if count:
                self._metrics.messages.labels(kind.TOPIC, status).inc(count)
        for outcome in outcomes:
            if outcome.status == "rejected":
                self._metrics.rejected.labels(kind.TOPIC, outcome.field or "item").inc()


def event_time(message: Sent, received: datetime, sent_at: datetime | None) -> datetime:
    """When it happened, in the server's time.

    The device's word counts when its clock is right: within 5 minutes of ours when it sent (`sent_at`), or, when it
    does not say, at the event itself. A wrong clock that says when it sent is put right by the difference; otherwise
    the time of arrival has to do. Nothing happens in the future.
    """
    happened = message.taken_at if isinstance(message, CustomerLocation) else message.occurred_at
    if happened is None:
        return received
    if sent_at is None:
        return happened if abs(received - happened) <= MAX_SKEW else received
    skew = received - sent_at
    try:
        happened += skew if abs(skew) > MAX_SKEW else timedelta()
    except OverflowError:
        return received
    return happened if received - MAX_AGE <= happened <= received + MAX_SKEW else received


def _read(kind: type[M], item: object, uid: str) -> M:
    if isinstance(item, Mapping):
        if item.get("uid") is None:
            item = {**item, "uid": uid}
        elif item["uid"] != uid:
            raise BadMessage("uid", "must be the session's own, or left out")
    return kind.from_json(item)


def _record(message: Sent, happened: datetime) -> NewRecord:
    return NewRecord(message.TOPIC, message.uid, message.to_text(), epoch_ms(happened), message.id)
