"""Doubles for the seams of the SDK, and builders for its messages: what we test with, and what a host may test with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Condition, Event
from typing import Any

from endcap.device import OnFix, OnStatus, SourceStatus
from endcap.errors import NotPermitted
from endcap.fences import Geofence
from endcap.messages import (
    CustomerAlert,
    CustomerEvent,
    CustomerLocation,
    Fix,
    ProductPromotion,
    StoreProduct,
    derived_id,
)
from endcap.presets import Resolution
from endcap.transports import SendResult
from endcap.wire import Message

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)  # when a ManualClock starts, unless told otherwise
SHOP = (60.16952, 24.93545)  # latitude and longitude of the builders' shop, in Helsinki
_LOOK_S = 0.002  # an Event can't be told of our time: how often a waiter looks, in real seconds


class ManualClock:
    """A `Clock` that stands still until `advance`; threads in `wait` then wake when their time has come.

    Safe from any thread.
    """

    def __init__(self, start: datetime = NOON) -> None:
        self._start = start
        self._passed_s = 0.0
        self._waiting: list[float | None] = []  # deadlines, None for ever
        self._changed = Condition()

    def now(self) -> datetime:
        with self._changed:
            return self._start + timedelta(seconds=self._passed_s)

    def monotonic(self) -> float:
        with self._changed:
            return self._passed_s

    def advance(self, seconds: float) -> None:
        """Let time pass, and wake whoever waited for it."""
        if seconds < 0:
            raise ValueError("time does not run backwards; use set_wall to turn the wall clock")
        with self._changed:
            self._passed_s += seconds
            self._changed.notify_all()

    def set_wall(self, now: datetime) -> None:
        """Turn the wall clock, as a phone does that finds the network's time; `monotonic` goes on."""
        with self._changed:
            self._start = now - timedelta(seconds=self._passed_s)

    def wait(self, event: Event, timeout_s: float | None) -> bool:
        with self._changed:
            deadline = None if timeout_s is None else self._passed_s + timeout_s
            self._waiting.append(deadline)
            self._changed.notify_all()
        try:
            while not event.is_set():
                if deadline is not None and self.monotonic() >= deadline:
                    return False
                event.wait(_LOOK_S)
            return True
        finally:
            with self._changed:
                self._waiting.remove(deadline)

    def until_waiting(self, timeout_s: float = 30.0, *, deadline_within_s: float | None = None) -> bool:
        """Block, in real time, until a thread waits on this clock (and would wake within `deadline_within_s`)."""

        def somebody_waits() -> bool:
            if deadline_within_s is None:
                return bool(self._asleep())
            latest = self._passed_s + deadline_within_s
            return any(deadline is not None and deadline <= latest for deadline in self._asleep())

        with self._changed:
            return self._changed.wait_for(somebody_waits, timeout_s)

    def next_wake_s(self) -> float | None:
        """Seconds until the first waiter wakes by time alone; None when nobody does."""
        with self._changed:
            deadlines = [deadline for deadline in self._asleep() if deadline is not None]
            return min(deadlines) - self._passed_s if deadlines else None

    def _asleep(self) -> list[float | None]:
        """The deadlines of those who wait; one whose time has come is as good as awake."""
        return [deadline for deadline in self._waiting if deadline is None or deadline > self._passed_s]


Answer = SendResult | Exception | Callable[[Sequence[Message]], SendResult]


class RecordingTransport:
    """A `Transport` that keeps what it was given.

    Each `send` takes the next of `answers` (a result to return, an exception to raise, or a function of the batch);
    when there are none left it accepts everything. `sent` holds what was accepted, in order, `attempts` every batch.
    """

    def __init__(self, answers: Iterable[Answer] = ()) -> None:
        self.attempts: list[tuple[Message, ...]] = []
        self.sent: list[Message] = []
        self.closed = False
        self._answers = list(answers)
        self._changed = Condition()

    def answer(self, *answers: Answer) -> None:
        """Queue more answers."""
        with self._changed:
            self._answers.extend(answers)

    def send(self, batch: Sequence[Message]) -> SendResult:
        with self._changed:
            self.attempts.append(tuple(batch))
            answer = self._answers.pop(0) if self._answers else SendResult.all_accepted(batch)
            self._changed.notify_all()
        if isinstance(answer, Exception):
            raise answer
        result = answer(batch) if callable(answer) else answer
        with self._changed:
            self.sent.extend(batch[index] for index in sorted(result.accepted))
            self._changed.notify_all()
        return result

    def close(self) -> None:
        self.closed = True

    def until_sent(self, count: int, timeout_s: float = 30.0) -> bool:
        """Block, in real time, until `count` messages were accepted; False when they weren't in time."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self.sent) >= count, timeout_s)

    def until_attempts(self, count: int, timeout_s: float = 30.0) -> bool:
        """Block, in real time, until `send` was called `count` times."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self.attempts) >= count, timeout_s)


class ScriptedSource:
    """A `LocationSource` that emits what the test tells it to, on the test's thread."""

    def __init__(self, fixes: Iterable[Fix] = ()) -> None:
        self.running = False
        self.resolutions: list[Resolution] = []
        self._fixes = list(fixes)
        self._on_fix: OnFix | None = None
        self._on_status: OnStatus | None = None

    def start(self, on_fix: OnFix, on_status: OnStatus) -> None:
        self._on_fix, self._on_status = on_fix, on_status
        self.running = True
        on_status("running")
        for fix in self._fixes:
            on_fix(fix)

    def tune(self, resolution: Resolution) -> None:
        self.resolutions.append(resolution)

    def stop(self) -> None:
        self.running = False

    def emit(self, *fixes: Fix) -> None:
        """Hand over fixes, as long as the source is started; before and after, they fall away as on a device."""
        for fix in fixes:
            if self.running and self._on_fix is not None:
                self._on_fix(fix)

    def report(self, status: SourceStatus) -> None:
        """Say what the device would: permission taken away, services off."""
        if self.running and self._on_status is not None:
            self._on_status(status)


class RecordingRegistrar:
    """A `FenceRegistrar` that keeps what the OS would be watching; `refuse` makes it one that does not let us."""

    def __init__(self, slots: int = 20) -> None:
        self.slots = slots
        self.watched: dict[str, Geofence] = {}
        self.asked = 0  # calls of watch
        self.refuse = False

    def watch(self, fences: Iterable[Geofence]) -> None:
        self.asked += 1
        if self.refuse:
            raise NotPermitted("the test says so")
        self.watched |= {fence.id: fence for fence in fences}

    def unwatch(self, fence_ids: Iterable[str]) -> None:
        for fence_id in fence_ids:
            self.watched.pop(fence_id, None)


def a_fix(**changes: Any) -> Fix:
    """A fix in the shop at noon, 8 m accurate; name what differs."""
    fix = Fix(latitude_deg=SHOP[0], longitude_deg=SHOP[1], taken_at=NOON, accuracy_m=8.0)
    return replace(fix, **changes)


def fixes(count: int, *, start: datetime = NOON, every_s: float = 1.0, step_deg: float = 1e-5) -> list[Fix]:
    """A walk north from the shop: `count` fixes, `every_s` apart, `step_deg` (1.1 m) each."""
    return [
        a_fix(latitude_deg=SHOP[0] + step * step_deg, taken_at=start + timedelta(seconds=step * every_s))
        for step in range(count)
    ]


def a_location(**changes: Any) -> CustomerLocation:
    """One fix of shopper u1 as it travels."""
    location = CustomerLocation.from_fix(a_fix(), uid="u1", id="install:1")
    return replace(location, **changes)


def a_product(**changes: Any) -> StoreProduct:
    """Coffee on a shelf of the shop."""
    product = StoreProduct(
        sku=9001,
        segment="coffee",
        latitude_deg=SHOP[0],
        longitude_deg=SHOP[1],
        store="s1",
        section="coffee",
        name="Dark roast 500 g",
        price=6.9,
        stock=12,
    )
    return replace(product, **changes)


def a_promotion(**changes: Any) -> ProductPromotion:
    """A fifth off that coffee."""
    promotion = ProductPromotion(pid="p1", segment="coffee", sku=9001, title="20 % off dark roast", discount=20.0)
    return replace(promotion, **changes)


def an_alert(**changes: Any) -> CustomerAlert:
    """That promotion as shopper u1 hears of it, good for an hour."""
    alert = CustomerAlert(
        id="alert-1",
        uid="u1",
        kind="deal",
        title="20 % off dark roast",
        why="You are 12 ft from it",
        expires_at=NOON + timedelta(hours=1),
        pid="p1",
        sku=9001,
        distance_ft=12.0,
        store="s1",
        section="coffee",
    )
    return replace(alert, **changes)


def an_event(**changes: Any) -> CustomerEvent:
    """Shopper u1 comes into the coffee section."""
    event = CustomerEvent(
        id=derived_id("install", "s1/coffee", 1, "enter"),
        uid="u1",
        kind="enter",
        occurred_at=NOON,
        fence="s1/coffee",
        visit="v1",
        p_inside=0.93,
    )
    return replace(event, **changes)
