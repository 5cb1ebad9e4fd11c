"""Engine: makes what runs be what should run, by what the host started, she agreed to and the shop switched."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from threading import RLock
from typing import TYPE_CHECKING, Any, Literal

from endcap.clock import Clock
from endcap.config import Config, Mode
from endcap.consent import Consent, Purpose
from endcap.device import FenceRegistrar, LocationSource, SleepingSource, SourceStatus
from endcap.errors import NotPermitted
from endcap.fences import Evidence, Geofence, GeofenceEvent
from endcap.fences.rotation import BUBBLE_ID
from endcap.install import Install, purge_at_rest
from endcap.listeners import Listeners
from endcap.messages import CustomerAlert, Fix
from endcap.pacing import Pace
from endcap.presets import ASLEEP
from endcap.privacy import STRICTER, PrivacyZone
from endcap.publisher import PublisherState
from endcap.tracking import Tracker
from endcap.transports import Transport

if TYPE_CHECKING:
    from endcap.session import Keeping

log = logging.getLogger("endcap")


@dataclass(frozen=True, slots=True)
class ClientState:
    """What the SDK is at: handed to `on_state` whenever it changes."""

    running: bool
    granted: frozenset[Purpose]
    enabled: bool  # False: the shop has switched the SDK off from afar
    source: SourceStatus | Literal["stopped"]
    publisher: PublisherState
    receiver: str  # "stopped", "connecting", "listening", or why not


class Engine:
    """Owns the source, the install while there is one, and what of the host's must outlive it. Any thread; one lock.

    The source's callbacks and the install's threads come in by `take`, `happened`, `offered`, `paced`, `reconfigured`
    and `changed`; of these only `reconfigured` waits for the lock.
    """

    def __init__(
        self,
        config: Config,
        source: LocationSource,
        listeners: Listeners,
        *,
        zones: Iterable[PrivacyZone],
        registrar: FenceRegistrar | None,
        transport: Transport | None,
        secrets: Keeping | None = None,
        clock: Clock,
    ) -> None:
        self.config, self.clock, self.listeners = config, clock, listeners
        self.mode: Mode = config.privacy
        self.zones = tuple(zones)
        self.install: Install | None = None
        self.faults = 0  # of ours, in handling a fix
        self.lock = RLock()
        self._source, self._registrar, self._transport = source, registrar, transport
        self._secrets = secrets
        self._fences: dict[str, Geofence] = {}
        self._running = False
        self._listening = False
        self._source_status: SourceStatus | Literal["stopped"] = "stopped"
        self.consent = Consent(config.storage_dir / "consent.json", clock)
        self.consent.watch(self._consent_changed)
        self._state = self.state()

    def start(self) -> None:
        """As `Endcap.start`."""
        with self.lock:
            self._running = True
            try:
                self._apply()
            except BaseException:
                self._running = self.install is not None
                raise
            finally:
                self.changed()

    def close(self) -> None:
        """As `Endcap.close`."""
        with self.lock:
            self._running = False
            self._apply()
            self.changed()

    def register(self, fences: Iterable[Geofence]) -> None:
        with self.lock:
            fences = list(fences)
            self._fences |= {fence.id: fence for fence in fences}
            if self._tracker is not None:
                self._tracker.register(*fences)

    def unregister(self, fence_ids: Iterable[str]) -> None:
        with self.lock:
            fence_ids = list(fence_ids)
            for fence_id in fence_ids:
                self._fences.pop(fence_id, None)
            if self._tracker is not None:
                self._tracker.unregister(*fence_ids)

    def protect(self, zones: Iterable[PrivacyZone]) -> None:
        with self.lock:
            self.zones = tuple(zones)
            if self._tracker is not None:
                self._tracker.protect(self.zones)

    def set_mode(self, mode: Mode) -> None:
        """Tell more or less of her from now on; a stricter mode throws away what was waiting under the looser one."""
        with self.lock:
            stricter = STRICTER.index(mode) > STRICTER.index(self.mode)
            self.mode = mode
            if self._tracker is not None:
                self._tracker.mode = mode
            if self.install is not None and stricter:
                self._stop_source_unless(mode != "off")
                without = self.consent.granted - {Purpose.LOCATION}
                self._erase_unless(
                    self.install.withdraw(without, "privacy") if mode == "off" else self.install.withdraw_fixes()
                )
            self._apply()

    def take(self, evidence: Fix | Evidence) -> bool:
        """The one place that sees every fix; on the source's thread. False when it was not used."""
        tracker = self._tracker
        if tracker is None or not self.consent.allows(Purpose.LOCATION):
            return False
        try:
            if isinstance(evidence, Fix):
                return tracker.take(evidence)
            if evidence.fence_id == BUBBLE_ID:
                self.paced(tracker.pace)  # she has left the spot: look again, and the next fix rotates
                return True
            return tracker.hear(evidence)
        except Exception:  # ours stay ours: the OS's thread must not die of them
            self.faults += 1
            if self.faults == 1:
                log.exception("a fix could not be used (further ones are counted, not logged)")
            return False

    def state(self) -> ClientState:
        install = self.install
        return ClientState(
            running=self._running,
            granted=self.consent.granted,
            enabled=install is None or install.remote.enabled,
            source=self._source_status,
            publisher=PublisherState("stopped") if install is None else install.publisher.state,
            receiver="stopped" if install is None or install.receiver is None else install.receiver.state,
        )

    # What the install tells

    def happened(self, events: list[GeofenceEvent]) -> None:
        for event in events:
            self.listeners.tell("event", event)

    def offered(self, alert: CustomerAlert) -> None:
        self.listeners.tell("promotion", alert)

    def noticed(self, notice: Mapping[str, Any]) -> None:
        self.listeners.tell("notice", notice)

    def paced(self, pace: Pace) -> None:
        """Ask the source for what the pace wants; on the source's own thread, from within its callback."""
        resolution = pace.resolution
        if resolution is not None:
            self._source.tune(resolution)
        elif isinstance(self._source, SleepingSource):
            self._source.sleep_until_moved(pace.active.bubble_m)
        else:
            self._source.tune(ASLEEP)

    def reconfigured(self) -> None:
        """The shop changed something from afar: begin anew with it; on the upkeep's thread."""
        with self.lock:
            if self.install is not None and self._running:
                self._stop_source_unless(False)
                install, self.install = self.install, None
                install.close()
                self._apply()
        self.changed()

    def changed(self) -> None:
        state = self.state()
        if state != self._state:
            self._state = state
            self.listeners.tell("state", state)

    # What should run

    @property
    def _tracker(self) -> Tracker | None:
        install = self.install
        return None if install is None else install.tracker

    def _consent_changed(self, granted: frozenset[Purpose]) -> None:
        with self.lock:
            self._stop_source_unless(Purpose.LOCATION in granted)
            if granted and self.install is not None:
                self._erase_unless(self.install.withdraw(granted))
            elif self.install is None:
                purge_at_rest(self.config, granted, self.clock, self._secrets)
            try:
                self._apply()
            finally:
                self.changed()

    def _erase_unless(self, withdrawn: bool) -> None:
        """A disk that lets nothing be deleted lets the whole file go: nothing that was revoked stays."""
        if not withdrawn and self.install is not None:
            install, self.install = self.install, None
            install.erase()

    def _apply(self) -> None:
        granted = self.consent.granted
        self._stop_source_unless(self._running and self._may_locate())
        if self.install is not None and not (self._running and granted):
            install, self.install = self.install, None
            install.close() if granted else install.erase()
        if self._running and granted:
            self._begin(granted)
        elif self._running:
            purge_at_rest(
                self.config, granted, self.clock, self._secrets
            )  # a kill may have come between revoking and erasing

    def _begin(self, granted: frozenset[Purpose]) -> None:
        if self.install is None:
            self.install = Install(
                self.config, self.consent, self, transport=self._transport, secrets=self._secrets, clock=self.clock
            )
            self.install.start()
        if not self.install.remote.enabled:
            return
        if Purpose.PROMOTIONS in granted:
            self.install.receive()
        if self._may_locate():
            self.install.track(self._fences.values(), self.mode, self.zones, self._registrar)
            self._start_source()

    def _may_locate(self) -> bool:
        enabled = self.install is None or self.install.remote.enabled
        return Purpose.LOCATION in self.consent.granted and self.mode != "off" and enabled

    def _start_source(self) -> None:
        if self._listening:
            return
        try:
            self._listening = True
            self._source.start(self._heard, self._source_changed)
        except NotPermitted:
            self._listening = False
            self._source_status = "denied"
            raise

    def _stop_source_unless(self, wanted: bool) -> None:
        if self._listening and not wanted:
            self._listening = False
            self._source.stop()
            self._source_status = "stopped"

    def _heard(self, fix: Fix) -> None:
        self.take(fix)

    def _source_changed(self, status: SourceStatus) -> None:
        self._source_status = status
        self.changed()
