"""Tracker: what happens on the device with each fix, from the filter to the outbox."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from datetime import datetime
from threading import RLock
from typing import Any

from endcap.clock import Clock, SystemClock
from endcap.config import Config
from endcap.fences import Geofence, GeofenceEvent, GeofenceMonitor
from endcap.filtering import FixFilter, FixLimits
from endcap.messages import EVENT_KINDS, CustomerLocation, Fix
from endcap.outbox import Draft, Outbox, draft

log = logging.getLogger("endcap")

FENCES_STATE, FILTER_STATE = "fences", "filter"
KEEP_EVERY_S = 15.0  # of the fixes' time: what a kill may cost the monitor; an event keeps its state at once
NOBODY = "pending"  # stands where the pseudonym comes in when the message leaves


class Tracker:
    """Filters a fix, asks the monitor what it means, and puts both into the outbox in one transaction.

    An event and the monitor's state after it are on disk together, so that no kill repeats or loses an enter. Any
    thread; one lock, held for about a tenth of a millisecond a fix.
    """

    def __init__(
        self,
        config: Config,
        outbox: Outbox,
        fences: Iterable[Geofence] = (),
        *,
        on_put: Callable[[list[GeofenceEvent]], None] = lambda events: None,
        clock: Clock | None = None,
    ) -> None:
        self._config = config
        self._outbox = outbox
        self._on_put = on_put
        self._lock = RLock()
        limits = FixLimits(config.max_accuracy_m, config.max_age_s, config.max_speed_m_s, config.allow_mock)
        self.filter = FixFilter(limits, clock or SystemClock())
        self.filter.restore(self._kept(FILTER_STATE))
        self.monitor = GeofenceMonitor(fences, self._kept(FENCES_STATE), install=outbox.install)
        self._kept_at: datetime | None = None
        self._closed = False

    def take(self, fix: Fix) -> bool:
        """Use a fix; False when the filter refuses it. `on_put` gets the events it caused, once both are kept."""
        with self._lock:
            if self._closed or not self.filter.admit(fix):
                return False
            events = self.monitor.observe(fix)
            state = self._state(whole=bool(events) or self._is_due(fix))
            self._outbox.put([self._draft(fix)], self._event_drafts(events), state)
        self._on_put(events)
        return True

    def register(self, *fences: Geofence) -> None:
        with self._lock:
            self._keep(self.monitor.register(*fences))

    def unregister(self, *fence_ids: str) -> None:
        with self._lock:
            self._keep(self.monitor.unregister(*fence_ids))

    def close(self, *, keep: bool) -> None:
        """Take no more, and put the state on disk as it is now when it is to be kept."""
        with self._lock:
            if keep and not self._closed:
                self._outbox.put(state=self._state())
            self._closed = True

    def _keep(self, events: list[GeofenceEvent]) -> None:
        if events:
            self._outbox.put(events=self._event_drafts(events), state=self._state())
            self._on_put(events)

    def _draft(self, fix: Fix) -> Draft:
        config = self._config
        location = CustomerLocation.from_fix(
            fix, uid=NOBODY, id=f"{NOBODY}:0", country=config.country or None, store=config.store or None
        )
        return draft(location)

    def _event_drafts(self, events: list[GeofenceEvent]) -> list[Draft]:
        travelling = [event for event in events if event.kind in EVENT_KINDS]
        return [draft(event.to_message(NOBODY, self._config.store or None)) for event in travelling]

    def _state(self, *, whole: bool = True) -> dict[str, str]:
        """The filter's always, so that a fix the OS hands out again after a kill is known; the monitor's when whole."""
        states: dict[str, Any] = {FILTER_STATE: self.filter.state()}
        if whole:
            states[FENCES_STATE] = self.monitor.state()
        return {name: json.dumps(state, separators=(",", ":")) for name, state in states.items()}

    def _is_due(self, fix: Fix) -> bool:
        due = self._kept_at is None or (fix.taken_at - self._kept_at).total_seconds() >= KEEP_EVERY_S
        if due:
            self._kept_at = fix.taken_at
        return due

    def _kept(self, name: str) -> Any:
        text = self._outbox.get(name)
        if text is None:
            return None
        try:
            return json.loads(text)
        except ValueError:
            log.warning("the kept state %r can't be read; it begins anew", name)
            return None
