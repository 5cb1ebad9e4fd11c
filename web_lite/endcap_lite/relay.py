"""Relay: fixes of all visits on their way to the backend, kept in the SDK's outbox and sent by its HTTP transport."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread

from endcap.clock import Clock, SystemClock
from endcap.errors import BadMessage, EndcapError, NotAuthorised, Refused, Unreachable
from endcap.messages import CustomerLocation
from endcap.outbox import Outbox
from endcap.waiting import Waiting
from endcap_lite.backend import Backend
from endcap_lite.visits import Visits

log = logging.getLogger("endcap.lite")

BATCH = 500
SENDERS = 8  # visits sent at once: the backend writes them to its disk together
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 15.0
HOLD_S = 5.0  # how long one visit waits that the backend wants less of, while others go on
HELD_BATCHES = 10  # how far beyond such a visit's fixes the others' are looked for
TIDY_EVERY_S = 60.0


class Relay:
    """Takes fixes at once and delivers them when the backend answers; each goes out under its visit's own session.

    In the outbox a fix bears its visit's id where the pseudonym will stand, since the first fix may come before the
    first session. `put` and `forget` may be called by any thread; delivery happens on one thread, "relay", and its
    pool of senders.
    """

    def __init__(
        self,
        outbox: Outbox,
        visits: Visits,
        backend: Backend,
        clock: Clock | None = None,
        chores: Sequence[Callable[[], None]] = (),
    ) -> None:
        self._outbox = outbox
        self._visits = visits
        self._backend = backend
        self._clock = clock or SystemClock()
        self._chores = chores
        self._woken, self._stopping = Event(), Event()
        self._wait_s = 0.0
        self._forgotten = Event()  # somebody was, whose traces are still in the files; or so it ended the last time
        self._forgotten.set()
        self._traces = False  # they could not be taken out
        self._held: dict[str, float] = {}  # visit -> until when, monotonic
        self._tidied_at = self._clock.monotonic()
        self._thread = Thread(target=self._run, name="relay", daemon=True)
        self._senders = ThreadPoolExecutor(SENDERS, "relay-sender")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Finish the round under way; what is left stays in the outbox for the next start."""
        self._stopping.set()
        self._woken.set()
        self._thread.join()
        self._senders.shutdown()

    def put(self, fixes: Sequence[CustomerLocation]) -> bool:
        """Keep these fixes, whose `uid` is their visit's id; False when the disk refuses."""
        kept = self._outbox.put([fix.to_json() for fix in fixes])
        self._woken.set()
        return kept

    def forget(self, visit_id: str) -> None:
        """Throw away what waits of a visit, and have the backend erase the rest."""
        self._visits.erase(visit_id)
        self._backend.forget(visit_id)
        self._outbox.drop([entry for entry in self._outbox.entries() if entry.draft["uid"] == visit_id], "stopped")
        self._forgotten.set()
        self._woken.set()

    def waiting(self) -> int:
        return self._outbox.count("fix")

    def drain(self) -> bool:
        """One round: the oldest fixes go out, what is to be erased is; False when some must be tried again."""
        settled = self._settle()
        by_visit: dict[str, list[Waiting]] = {}
        for entry in self._oldest():
            by_visit.setdefault(entry.draft["uid"], []).append(entry)
        sent = dict(zip(by_visit, self._senders.map(self._deliver, by_visit, by_visit.values()), strict=True))
        if any(sent.values()):  # the backend answers: whom it refused for now waits alone
            held_until = self._clock.monotonic() + HOLD_S
            self._held |= {visit_id: held_until for visit_id, done in sent.items() if not done}
            return True
        return settled and not sent

    def _oldest(self) -> list[Waiting]:
        """The oldest fixes, but for visits that are held back."""
        now = self._clock.monotonic()
        self._held = {visit_id: until for visit_id, until in self._held.items() if until > now}
        entries = self._outbox.peek("fix", BATCH * HELD_BATCHES if self._held else BATCH)
        return [entry for entry in entries if entry.draft["uid"] not in self._held][:BATCH]

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._woken.clear()
            try:
                done = self.drain()
            except Exception:
                log.exception("a round of the relay failed; it is tried again")
                done = False
            self._shred()
            if not done:
                self._wait_s = min(LONGEST_WAIT_S, max(FIRST_WAIT_S, self._wait_s * 2))
                self._clock.wait(self._stopping, self._wait_s)
                continue
            self._wait_s = 0.0
            self._tidy()
            if not self._outbox.count("fix") or self._held:
                self._clock.wait(self._woken, HOLD_S if self._held else TIDY_EVERY_S)

    def _tidy(self) -> None:
        """Once a minute: forget the visits that nobody has used for a day, and do the other chores."""
        if self._clock.monotonic() - self._tidied_at >= TIDY_EVERY_S:
            self._tidied_at = self._clock.monotonic()
            if self._traces:
                self._traces = False
                self._forgotten.set()
            for visit_id in self._visits.unused():
                self.forget(visit_id)
            for chore in self._chores:
                chore()

    def _deliver(self, visit_id: str, entries: Sequence[Waiting]) -> bool:
        try:
            result = self._backend.send(visit_id, [CustomerLocation.from_json(entry.draft) for entry in entries])
        except Unreachable as fault:
            if self._wait_s == 0.0:
                log.warning("fixes wait: %s", fault)
            return False
        except (NotAuthorised, Refused, BadMessage) as fault:
            log.warning("%d fixes dropped: %s", len(entries), fault)
            self._outbox.drop(entries, "refused")
            return True
        self._outbox.drop([entries[index] for index in result.rejected], "rejected")
        self._outbox.confirm([entry for index, entry in enumerate(entries) if index not in result.rejected])
        return True

    def _settle(self) -> bool:
        for session in self._visits.owed():
            try:
                self._backend.erase(session)
            except Unreachable:
                return False
            except EndcapError as fault:
                log.warning("the backend did not erase a shopper, so its retention has to: %s", fault)
            self._visits.settle(session)
            self._forgotten.set()
        return True

    def _shred(self) -> None:
        """Take the traces of who was forgotten out of the files; what fails is tried again within a minute."""
        if self._forgotten.is_set():
            self._forgotten.clear()
            try:
                self._visits.shred()
                self._outbox.shred()
            except (OSError, sqlite3.Error) as fault:
                self._traces = True
                log.warning("traces of shoppers who stopped are still in the files: %s", fault)
