"""Publisher: drains the outbox in batches on a thread of its own, and never raises into the host."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event, Lock, Thread, current_thread
from typing import Literal

from endcap.clock import Clock, SystemClock
from endcap.errors import BadMessage, NotAuthorised, OutOfRange, Refused, Unreachable
from endcap.outbox import Outbox
from endcap.transports import Transport
from endcap.waiting import Waiting
from endcap.wire import Message

log = logging.getLogger("endcap")

FIRST_PAUSE_S = 1.0  # after the first failure; doubles with each
LONGEST_PAUSE_S = 300.0
PAUSED_FOR_S = 900.0  # what a person has to mend is tried again this often
RETRY_AFTER_SPREAD = 0.25  # a thousand phones told "in 60 s" come back within 15 s, not within one
POISON = (400, 413, 415, 422)  # the message itself may be at fault; any other refusal is about us
HOPELESS = 8  # so many single messages refused and none accepted: it isn't the messages

Doing = Literal["idle", "sending", "waiting", "paused", "stopped"]


@dataclass(frozen=True, slots=True)
class PublisherState:
    """What the publisher is at. "waiting": the network failed, it tries by itself at `retry_at`; "paused": somebody
    has to do something, and `reason` says what."""

    doing: Doing
    reason: str = ""
    retry_at: datetime | None = None


class Publisher:
    """Sends what waits in the outbox: an event at once, fixes after `send_every_s` or by the full batch.

    What was sent is confirmed, what a server rejects by itself is dropped and counted, and everything else stays for
    the next try: after a pause that doubles up to five minutes, or what Retry-After asks for. Runs on one daemon
    thread, "endcap-publisher"; the public calls may come from any.
    """

    def __init__(
        self,
        outbox: Outbox,
        transport: Transport,
        identity: Callable[[], str],
        *,
        permit: Callable[[], bool] = lambda: True,
        batch_size: int = 500,
        send_every_s: float = 0.0,
        on_state: Callable[[PublisherState], None] = lambda state: None,
        clock: Clock | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.send_every_s = send_every_s
        self.sent = 0  # since start, duplicates included
        self._outbox = outbox
        self._transport = transport
        self._identity = identity
        self._permit = permit
        self._batch_size = batch_size
        self._on_state = on_state
        self._clock = clock or SystemClock()
        self._jitter = jitter
        self._state = PublisherState("stopped")
        self._lock = Lock()
        self._thread: Thread | None = None
        self._stopping = Event()
        self._wake = Event()
        self._drained = Event()
        self._hurry = False  # a flush was asked for
        self._flushes = 0  # asked for so far
        self._resuming = False
        self._failures = 0
        self._told: set[str] = set()  # the kinds of failure logged since it last worked
        self._not_before = 0.0  # monotonic
        self._last_sent_at = float("-inf")  # monotonic

    @property
    def state(self) -> PublisherState:
        return self._state

    def start(self) -> None:
        """Begin, or begin again after a stop. Idempotent."""
        with self._lock:
            if self._thread is not None and self._thread.is_alive():
                return
            self._stopping.clear()
            self._thread = Thread(target=self._run, name="endcap-publisher", daemon=True)
            self._become("idle")
            self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """End, at most after `timeout_s`; what is not sent yet stays in the outbox. Idempotent."""
        self._stopping.set()
        self._wake.set()
        thread = self._thread
        if thread is not None and thread is not current_thread():
            thread.join(timeout_s)
        self._become("stopped")

    def use(self, transport: Transport) -> None:
        """Send by another transport from the next batch on."""
        self._transport = transport
        self._wake.set()

    def wake(self) -> None:
        """Something was put, or something changed: look again. Does not cut a pause short."""
        self._wake.set()

    def resume(self) -> None:
        """Try again now: the network is back, or what a paused state asked for was done."""
        self._resuming = True
        self._wake.set()

    def flush(self, timeout_s: float) -> bool:
        """Send everything without waiting for company; True when the outbox was emptied in time.

        The one wait in real seconds: whoever calls it waits in them, whatever clock a replay runs on.
        """
        with self._lock:
            self._flushes += 1
            self._drained.clear()
            self._hurry = True
        self._wake.set()
        return self._drained.wait(timeout_s)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                pause_s = self._step()
            except Exception as fault:  # ours stay ours: the host must not die of them
                log.exception("the publisher failed; it goes on")
                pause_s = self._postpone(f"fault: {type(fault).__name__}", None)
            self._clock.wait(self._wake, pause_s)
            self._wake.clear()

    def _step(self) -> float | None:
        """Do what is due, and say for how many seconds there is nothing to do: None means until woken."""
        if not self._permit():
            self._become("idle", "no consent")
            return None
        if self._resuming:
            self._resuming, self._failures, self._not_before = False, 0, 0.0
            self._told.clear()
        wait_s = self._not_before - self._clock.monotonic()
        if wait_s > 0:
            return wait_s
        if not self._outbox.count("event") and (wait_s := self._company_s()) > 0:
            return None if wait_s == float("inf") else wait_s
        return self._drain()

    def _company_s(self) -> float:
        """How long the fixes may still wait for company; infinity when there are none."""
        count = self._outbox.count("fix")
        if not count:
            self._rest()
            return float("inf")
        if self._hurry or count >= self._batch_size:
            return 0.0
        return self._last_sent_at + self.send_every_s - self._clock.monotonic()

    def _drain(self) -> float | None:
        try:
            while self._permit() and not self._stopping.is_set() and self._waiting():
                self._become("sending")
                self._send(self._batch())
                self._failures = 0
                self._told.clear()
                self._last_sent_at = self._clock.monotonic()
        except Unreachable as fault:
            return self._postpone(str(fault), fault.retry_after_s, patience=fault.asks_for_patience)
        except NotAuthorised as fault:
            return self._pause(f"not authorised: {fault}")
        except Refused as fault:
            return self._pause(f"refused: {fault}")
        self._rest()
        return None

    def _waiting(self) -> int:
        return self._outbox.count("event") + self._outbox.count("fix")

    def _batch(self) -> list[Waiting]:
        """The next to go: events before fixes, each oldest first."""
        batch = self._outbox.peek("event", self._batch_size) or self._outbox.peek("fix", self._batch_size)
        if not batch and self._waiting():
            raise Unreachable("the outbox can't be read")
        return batch

    def _send(self, batch: Sequence[Waiting]) -> None:
        """Raises what `Transport.send` raises when nothing of the batch could be settled."""
        uid = self._identity()
        intact = [entry for entry in batch if self._is_intact(entry, uid)]
        if not intact:
            return
        try:
            self._settle(intact, uid)
        except Refused as fault:
            if fault.status not in POISON:
                raise
            self._settle_in_parts(intact, uid, fault)

    def _settle(self, entries: Sequence[Waiting], uid: str) -> None:
        result = self._transport.send([self._message(entry, uid) for entry in entries])
        done = [entries[index] for index in sorted(result.accepted | result.duplicates)]
        self.sent += len(done)
        if not self._outbox.confirm(done):
            raise Unreachable("the disk does not let go of what was sent; it will be sent again, and known again")
        for index, reason in result.rejected.items():
            self._give_up(entries[index], reason)

    def _settle_in_parts(self, entries: Sequence[Waiting], uid: str, refusal: Refused) -> None:
        """The batch was refused whole: find who is to blame by halves, and spare the neighbours.

        Raises:
            Refused: nothing at all is accepted, so it isn't the messages.
        """
        before, blamed, parts = self.sent, list[Waiting](), _halves(entries)
        while parts:
            part = parts.pop(0)
            try:
                self._settle(part, uid)
            except Refused as fault:
                if fault.status not in POISON or (self.sent == before and len(blamed) >= HOPELESS):
                    raise
                if len(part) > 1:
                    parts[:0] = _halves(part)
                else:
                    blamed += part
        if not self.sent:  # not one message ever went through: the next one would fare no better
            raise refusal
        for entry in blamed:
            self._give_up(entry, f"refused: {refusal.status}")

    def _give_up(self, entry: Waiting, reason: str) -> None:
        log.warning("a %s will never be taken: %s", entry.kind, reason)
        if not self._outbox.drop([entry], reason):
            raise Unreachable("the disk does not let go of what was refused")

    def _is_intact(self, entry: Waiting, uid: str) -> bool:
        try:
            self._message(entry, uid)
        except (BadMessage, OutOfRange):
            self._give_up(entry, "damaged")
            return False
        return True

    def _message(self, entry: Waiting, uid: str) -> Message:
        return entry.message(uid=uid, install=self._outbox.install)

    def _rest(self) -> None:
        flushes = self._flushes
        if not self._waiting():
            with self._lock:
                if flushes == self._flushes:  # else it was empty before what the last flush is about was put
                    self._hurry = False
                    self._drained.set()
        self._become("idle")

    def _postpone(self, reason: str, retry_after_s: float | None, *, patience: bool = False) -> float:
        self._failures += 1
        if retry_after_s is None:
            longest = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(self._failures - 1, 30))
            pause_s = longest * (0.5 + self._jitter() / 2)
        else:
            pause_s = max(FIRST_PAUSE_S, retry_after_s) * (1.0 + RETRY_AFTER_SPREAD * self._jitter())
        if patience:
            log.info("asked for patience, and all is kept; trying again in %.0f s: %s", pause_s, reason)
        elif self._is_news("postponed"):
            log.warning("nothing could be sent, and all is kept; trying again in %.0f s: %s", pause_s, reason)
        return self._wait("waiting", reason, pause_s)

    def _pause(self, reason: str) -> float:
        if self._is_news(reason):
            log.warning("publishing is paused: %s", reason)
        return self._wait("paused", reason, PAUSED_FOR_S)

    def _is_news(self, kind: str) -> bool:
        """True the first time since something was sent, so that an outage of hours is one line."""
        known = kind in self._told
        self._told.add(kind)
        return not known

    def _wait(self, doing: Doing, reason: str, pause_s: float) -> float:
        self._not_before = self._clock.monotonic() + pause_s
        self._become(doing, reason, self._clock.now() + timedelta(seconds=pause_s))
        return pause_s

    def _become(self, doing: Doing, reason: str = "", retry_at: datetime | None = None) -> None:
        state = PublisherState(doing, reason, retry_at)
        if state == self._state:
            return
        self._state = state
        try:
            self._on_state(state)
        except Exception:
            log.exception("on_state failed")


def _halves(entries: Sequence[Waiting]) -> list[Sequence[Waiting]]:
    middle = len(entries) // 2
    return [half for half in (entries[:middle], entries[middle:]) if half]
