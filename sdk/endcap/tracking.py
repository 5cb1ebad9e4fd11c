"""Tracker: what happens on the device with each fix, from the filter to the outbox."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from secrets import token_hex
from threading import RLock
from typing import Any

from endcap.clock import Clock, SystemClock
from endcap.config import Config, Mode
from endcap.device import FenceRegistrar
from endcap.errors import BadMessage
from endcap.fences import Evidence, Geofence, GeofenceEvent, GeofenceMonitor
from endcap.filtering import FixFilter, FixLimits
from endcap.geo import LatLon
from endcap.messages import EVENT_KINDS, CustomerLocation, Fix
from endcap.outbox import Outbox
from endcap.pacing import Pace
from endcap.presets import PRESETS
from endcap.privacy import COARSE_EVERY_S, PrivacyZone, Zones, coarse
from endcap.rotating import Rotator
from endcap.waiting import Draft, draft

log = logging.getLogger("endcap")

FENCES_STATE, FILTER_STATE, BLUR_STATE = "fences", "filter", "blur"
GENERATION_STATE = "generation"  # how often the monitor began anew: part of its ids, and so never forgotten
KEEP_EVERY_S = 15.0  # of the fixes' time: what a kill may cost the monitor; an event keeps its state at once
NOBODY = "pending"  # stands where the pseudonym comes in when the message leaves
STORE_TAG = "store"  # a fence with this tag is a whole store: in it the pace is in_store's

OnPut = Callable[[list[GeofenceEvent]], None]


class Tracker:
    """Filters a fix, asks the monitor what it means, and puts both into the outbox in one transaction.

    An event and the monitor's state after it are on disk together, so that no kill repeats or loses an enter. What
    privacy withholds never reaches the disk. Any thread; one lock, held for a fraction of a millisecond a fix.
    """

    def __init__(
        self,
        config: Config,
        outbox: Outbox,
        fences: Iterable[Geofence] = (),
        *,
        mode: Mode = "exact",
        zones: Iterable[PrivacyZone] = (),
        on_put: OnPut = lambda events: None,
        on_pace: Callable[[Pace], None] = lambda pace: None,
        registrar: FenceRegistrar | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.mode = mode
        self.withheld: Counter[str] = Counter()  # fixes that privacy did not let pass, by its reason
        self.pace = Pace(PRESETS[config.preset])
        self._config, self._outbox = config, outbox
        self._on_put, self._on_pace = on_put, on_pace
        self._lock = RLock()
        self._zones = Zones(zones, self._secret())
        limits = FixLimits(config.max_accuracy_m, config.max_age_s, config.max_speed_m_s, config.allow_mock)
        self.filter = FixFilter(limits, clock or SystemClock())
        self.filter.restore(self._kept(FILTER_STATE))
        self.monitor = self._monitor(fences)
        self._rotator = None if registrar is None else Rotator(registrar)
        self._told: tuple[LatLon, datetime] | None = None  # the last coarse fix
        self._kept_at: datetime | None = None
        self._closed = False

    def take(self, fix: Fix) -> bool:
        """Use a fix; False when the filter refuses it or privacy withholds it.

        `on_put` gets the events it caused, once both are kept; `on_pace` hears when another resolution is wanted.
        """
        with self._lock:
            zone = self._zones.of(fix)
            if zone is not None and zone.action == "exclude":
                self.withheld["excluded zone"] += 1
                return False
            if self._closed or not self.filter.admit(fix):
                return False
            events = self.monitor.observe(fix) if zone is None else []
            paced = self._paced(fix)
            if self._rotator is not None and zone is None:
                self._rotator.observe(fix.point, self.monitor)
            self._outbox.put(
                self._fix_drafts(fix, zone), self._event_drafts(events), self._state(fix, zone, whole=bool(events))
            )
        self._on_put(events)
        if paced:
            self._on_pace(self.pace)
        return True

    def hear(self, evidence: Evidence) -> bool:
        """Use what but a position tells where she is; False when there is nothing it could say."""
        with self._lock:
            if self._closed or evidence.fence_id not in self.monitor.fences:
                return False
            self._keep(self.monitor.feed(evidence))
        return True

    def advance(self, now: datetime) -> None:
        """Let time pass without a fix: holds run out, dwells fall due, long silence ends visits."""
        with self._lock:
            if not self._closed:
                self._keep(self.monitor.advance(now))

    def register(self, *fences: Geofence) -> None:
        with self._lock:
            self.monitor.register(*fences)
            self._expire_rotation()

    def unregister(self, *fence_ids: str) -> None:
        with self._lock:
            self._keep(self.monitor.unregister(*fence_ids))
            self._expire_rotation()

    def protect(self, zones: Iterable[PrivacyZone]) -> None:
        """From now on these zones hold, and no others."""
        with self._lock:
            self._zones = Zones(zones, self._secret())

    def close(self, *, keep: bool) -> None:
        """Take no more, and put the state on disk as it is now when it is to be kept."""
        with self._lock:
            if keep and not self._closed:
                self._outbox.put(state=_texts({FENCES_STATE: self.monitor.state()}))
            self._closed = True

    def _keep(self, events: list[GeofenceEvent]) -> None:
        if events:
            self._outbox.put(events=self._event_drafts(events), state=_texts({FENCES_STATE: self.monitor.state()}))
            self._on_put(events)

    def _paced(self, fix: Fix) -> bool:
        before = self.pace.active, self.pace.resolution
        self.pace.observe(fix, in_store=any(self._is_store(fence_id) for fence_id in self.monitor.inside()))
        return before != (self.pace.active, self.pace.resolution)

    def _is_store(self, fence_id: str) -> bool:
        fence = self.monitor.fences.get(fence_id)
        return fence is not None and STORE_TAG in fence.tags

    def _fix_drafts(self, fix: Fix, zone: PrivacyZone | None) -> list[Draft]:
        """What may be told of the fix: itself, something vaguer, or nothing."""
        if self.mode in ("zones_only", "off"):
            self.withheld[self.mode] += 1
            return []
        if not self.pace.due(fix):
            self.withheld["thinned"] += 1
            return []
        told = fix if zone is None else self._zones.blurred(fix, zone)
        if self.mode == "coarse":
            told = coarse(told)
            if not self._is_news(told):
                self.withheld["coarse"] += 1
                return []
        config = self._config
        location = CustomerLocation.from_fix(
            told, uid=NOBODY, id=f"{NOBODY}:0", country=config.country or None, store=config.store or None
        )
        return [draft(location)]

    def _is_news(self, fix: Fix) -> bool:
        if self._told is not None:
            point, at = self._told
            if fix.point == point and (fix.taken_at - at).total_seconds() < COARSE_EVERY_S:
                return False
        self._told = fix.point, fix.taken_at
        return True

    def _event_drafts(self, events: list[GeofenceEvent]) -> list[Draft]:
        travelling = [event for event in events if event.kind in EVENT_KINDS]
        return [draft(event.to_message(NOBODY, self._config.store or None)) for event in travelling]

    def _state(self, fix: Fix, zone: PrivacyZone | None, *, whole: bool) -> dict[str, str]:
        """The filter's always, so that a fix the OS hands out again after a kill is known; the monitor's when whole
        or due. Of a fix in a zone only the time is kept."""
        states: dict[str, Any] = {FILTER_STATE: self.filter.state(place=zone is None)}
        if whole or self._kept_at is None or (fix.taken_at - self._kept_at).total_seconds() >= KEEP_EVERY_S:
            self._kept_at = fix.taken_at
            states[FENCES_STATE] = self.monitor.state()
        return _texts(states)

    def _expire_rotation(self) -> None:
        if self._rotator is not None:
            self._rotator.expire()

    def _monitor(self, fences: Iterable[Geofence]) -> GeofenceMonitor:
        """A monitor that goes on where the last one was; else a new one, whose ids can't meet the old one's."""
        generation, state = int(self._outbox.get(GENERATION_STATE) or "0"), self._kept(FENCES_STATE)
        if state is not None:
            try:
                return self._made(generation, state, fences)
            except BadMessage as fault:
                log.warning("the kept visits can't be read (%s); they begin anew", fault)
        self._outbox.set(GENERATION_STATE, str(generation + 1))
        return self._made(generation + 1, None, fences)

    def _made(self, generation: int, state: Mapping[str, Any] | None, fences: Iterable[Geofence]) -> GeofenceMonitor:
        return GeofenceMonitor(fences, state, install=f"{self._outbox.install}/{generation}")

    def _secret(self) -> str:
        secret = self._outbox.get(BLUR_STATE)
        if secret is None:
            secret = token_hex(16)
            self._outbox.set(BLUR_STATE, secret)
        return secret

    def _kept(self, name: str) -> Any:
        text = self._outbox.get(name)
        if text is None:
            return None
        try:
            return json.loads(text)
        except ValueError:
            log.warning("the kept state %r can't be read; it begins anew", name)
            return None


def _texts(states: Mapping[str, Any]) -> dict[str, str]:
    return {name: json.dumps(state, separators=(",", ":")) for name, state in states.items()}
