"""The day itself: fixes, events and changes go into a real log, match and decision read it, phones hear and react."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from endcap.messages import CUSTOMERS_ALERTS, CUSTOMERS_EVENTS, WITHHELD, CustomerAlert, CustomerEvent
from endcap.testing import ManualClock
from endcap.wire import Message, epoch_ms
from endcap_backend.decide import Limits
from endcap_backend.decide.holdout import is_held_out
from endcap_backend.log import Log, NewRecord, Record
from endcap_backend.pipeline.learning import Learning, Sources
from endcap_backend.pipeline.matching import TOPICS, Matching
from endcap_devkit.day.ledger import Ledger
from endcap_devkit.day.visits import Phone, Visit, visits_of
from endcap_devkit.day.world import CLOSES_H, OPENS_H, known_of, open_world

DAY = datetime(2026, 11, 24, tzinfo=UTC)
STEP_S = 10.0  # between two fixes of a phone
READ = 500  # records at a time, as the pipeline takes them


@dataclass(slots=True)
class Told:
    """What came of the day."""

    fixes: int = 0
    visits: int = 0
    alerts: int = 0
    withheld: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)


class Day:
    """One day from opening to closing; `restart_h` is when the match is rebuilt from the log, as after a crash."""

    def __init__(
        self, folder: Path, shoppers: int, stores: int, *, seed: int = 1, held_out: float = 0.1, restart_h: float = 14.0
    ) -> None:
        self._luck = Random(seed)
        self._limits = Limits()
        self._held_out = held_out
        self._restart_at: datetime | None = DAY + timedelta(hours=restart_h)
        self._waiting: list[NewRecord] = []
        self._clock = ManualClock(DAY + timedelta(hours=OPENS_H))
        self._world = open_world(stores, DAY, self._luck)
        self._log = Log(folder / "day.db", durability="fast", clock=self._clock)
        self._matching = self._begin()
        self._position = 0
        self._uids = [f"shopper-{number}" for number in range(shoppers)]
        self._phones = {uid: Phone(Random(f"{seed} {uid}")) for uid in self._uids}
        self._world.known = {uid: known_of(self._world, self._luck) for uid in self._uids}
        world = self._world
        self._ledger = Ledger(self._limits, dict(world.shelves), dict(world.promotions), dict(world.terms), world.known)
        self._told = Told()

    def run(self, progress: Callable[[int], None] = lambda minute: None) -> Told:
        """Let it be evening; `progress` hears how many minutes of the day are over."""
        for message in self._world.opening():
            self._append(message)
        self._decide()
        begins = self._clock.now()
        coming = self._visits()
        here: list[Visit] = []
        while coming or here:
            self._clock.advance(STEP_S)
            now = self._clock.now()
            self._restart_when_due(now)
            self._change(now)
            while coming and coming[-1].begins_at <= now:
                here.append(coming.pop())
            for visit in here:
                self._walk(visit, now)
            self._decide()
            here = [visit for visit in here if not visit.gone]
            progress(int((now - begins).total_seconds() // 60))
        self._close()
        return self._told

    def _visits(self) -> list[Visit]:
        """All visits of the day, the first one last."""
        world, hours = self._world, (OPENS_H, CLOSES_H)
        found = [
            visit for uid in self._uids for visit in visits_of(uid, world.stores, world.origins, DAY, hours, self._luck)
        ]
        self._told.visits = len(found)
        return sorted(found, key=lambda visit: visit.begins_at, reverse=True)

    def _change(self, now: datetime) -> None:
        """What the shops do, one thing after the other: each is decided upon before the next is true."""
        changes = self._world.changes
        while changes and changes[0].at <= now:
            message = changes.pop(0).message
            self._ledger.change(message)
            self._append(message)
            self._decide()

    def _walk(self, visit: Visit, now: datetime) -> None:
        self._told.fixes += 1
        self._append(visit.fix(now, STEP_S))
        for event in visit.passages(now):
            self._tell(event)

    def _decide(self) -> None:
        """The pipeline's turn: what came in is matched and decided, and what was decided is heard."""
        self._store()
        while records := self._log.read(self._position, READ, TOPICS):
            produced = self._matching.handle(records)
            self._position = records[-1].offset
            self._log.commit("match", self._position, produced)
            for each in produced:
                self._hear(each)
            self._store()

    def _hear(self, record: NewRecord) -> None:
        if record.topic == CUSTOMERS_ALERTS:
            alert = CustomerAlert.from_text(record.value or "")
            self._told.alerts += 1
            self._told.kinds[alert.kind] += 1
            self._ledger.judge(alert, record.timestamp_ms)
            if is_held_out(alert.uid, self._held_out):
                self._told.broken.append(f"a held-out shopper was told: {alert}")
            for event in self._phones[alert.uid].react(alert, self._clock.now()):
                self._tell(event)
        elif record.topic == CUSTOMERS_EVENTS:
            self._told.withheld += 1
        else:
            self._told.broken.append(f"a dead letter: {record}")

    def _tell(self, event: CustomerEvent) -> None:
        self._told.events[event.kind] += 1
        self._append(event)

    def _append(self, message: Message) -> None:
        key = getattr(message, type(message).KEY.lower())
        at_ms = epoch_ms(self._clock.now())
        self._waiting.append(
            NewRecord(type(message).TOPIC, str(key), message.to_text(), at_ms, getattr(message, "id", None))
        )

    def _store(self) -> None:
        waiting, self._waiting = self._waiting, []
        for start in range(0, len(waiting), READ):
            self._log.append(waiting[start : start + READ])

    def _begin(self) -> Matching:
        world = self._world
        sources = Sources(world.shoppers, lambda after, most: {}, lambda: world.terms)
        return Matching(self._limits, self._clock, learning=Learning(sources, self._clock), held_out=self._held_out)

    def _restart_when_due(self, now: datetime) -> None:
        """As after a crash: nothing is left but the log."""
        if self._restart_at is None or now < self._restart_at:
            return
        self._restart_at = None
        self._matching = self._begin()
        self._matching.rebuild(self._log, self._log.committed("match"))

    def _close(self) -> None:
        """Hold what was told and what was sent against what the log holds."""
        self._told.broken += self._ledger.close()
        logged: Counter[str] = Counter()
        by_promotion: dict[str, Counter[str | None]] = {"told": Counter(), "shown": Counter()}
        offset = 0
        while records := self._log.read(offset, READ, (CUSTOMERS_ALERTS, CUSTOMERS_EVENTS)):
            offset = records[-1].offset
            for record in records:
                _count(record, logged, by_promotion)
        self._log.close()
        sent = Counter(self._told.events)
        sent["told"], sent[WITHHELD] = self._told.alerts, self._told.withheld
        if logged != sent:
            self._told.broken.append(f"the log holds {dict(logged)}, and there were {dict(sent)}")
        if by_promotion["told"] != by_promotion["shown"]:
            self._told.broken.append("what was shown by promotion is not what was told")
        steps = [logged[kind] for kind in ("told", "opened", "clipped", "redeemed")]
        if steps != sorted(steps, reverse=True):
            self._told.broken.append(f"the funnel widens: {steps}")


def _count(record: Record, logged: Counter[str], by_promotion: dict[str, Counter[str | None]]) -> None:
    if record.topic == CUSTOMERS_ALERTS:
        logged["told"] += 1
        by_promotion["told"][CustomerAlert.from_text(record.value or "").pid] += 1
        return
    event = CustomerEvent.from_text(record.value or "")
    logged[event.kind] += 1
    if event.kind == "shown":
        by_promotion["shown"][event.pid] += 1
