"""Endcap: the SDK's one face. Start it, close it, and hear of visits and offers."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

from endcap.clock import Clock, SystemClock
from endcap.config import Config, Mode
from endcap.consent import Consent, Purpose
from endcap.device import LocationSource, NoSource, SleepingSource, SourceStatus
from endcap.dispatch import CallbackThread, Dispatcher, guarded
from endcap.errors import BadConfig, NotPermitted
from endcap.fences import Evidence, Geofence, GeofenceEvent
from endcap.install import Install, purge_at_rest
from endcap.messages import CustomerAlert, Fix
from endcap.pacing import Pace
from endcap.presets import ASLEEP
from endcap.privacy import STRICTER, PrivacyZone
from endcap.publisher import PublisherState
from endcap.reports import purpose_of, reported
from endcap.support import LogTail
from endcap.transports import Transport

if TYPE_CHECKING:
    from endcap.account import Receipt
    from endcap.fences import Explanation

log = logging.getLogger("endcap")

Listener = TypeVar("Listener", bound=Callable[[Any], object])
Topic = Literal["event", "promotion", "state"]


@dataclass(frozen=True, slots=True)
class ClientState:
    """What the SDK is at: handed to `on_state` whenever it changes."""

    running: bool
    granted: frozenset[Purpose]
    enabled: bool  # False: the shop has switched the SDK off from afar
    source: SourceStatus | Literal["stopped"]
    publisher: PublisherState
    receiver: str  # "stopped", "connecting", "listening", or why not


class Endcap:
    """Positions in; visits and offers out. Everything waits for consent, and nothing raises but the calls made here.

    `source` locates (`endcap.device.pick()` is the device's own; none: the host feeds fixes). Callbacks run by
    `dispatcher`, one after the other on a thread of the SDK's own unless told otherwise. Use one instance a process
    and folder; every call may come from any thread. What the SDK could not do is counted in `diagnostics()`.
    """

    def __init__(
        self,
        config: Config,
        source: LocationSource | None = None,
        *,
        zones: Iterable[PrivacyZone] = (),
        transport: Transport | None = None,
        dispatcher: Dispatcher | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.config = config
        self._source = source or NoSource()
        self._clock: Clock = clock or getattr(source, "clock", None) or SystemClock()
        self._transport = transport
        self._dispatch = dispatcher or CallbackThread()
        self._listeners: dict[Topic, list[Callable[[Any], object]]] = {"event": [], "promotion": [], "state": []}
        self._fences: dict[str, Geofence] = {}
        self._zones = tuple(zones)
        self._mode: Mode = config.privacy
        self._lock = RLock()
        self._running = False
        self._install: Install | None = None
        self._listening = False
        self._source_status: SourceStatus | Literal["stopped"] = "stopped"
        self._faults = 0
        self._log_tail = LogTail()
        self.consent = Consent(config.storage_dir / "consent.json", self._clock)
        self.consent.watch(self._consent_changed)
        self._state = self._now()

    # What the host hears

    def on_event(self, listener: Listener) -> Listener:
        """Call `listener` with each GeofenceEvent; may be used as a decorator."""
        return self._listen("event", listener)

    def on_promotion(self, listener: Listener) -> Listener:
        """Call `listener` with each CustomerAlert, once each; may be used as a decorator."""
        return self._listen("promotion", listener)

    def on_state(self, listener: Listener) -> Listener:
        """Call `listener` with the ClientState whenever it changes; may be used as a decorator."""
        return self._listen("state", listener)

    # What runs

    def start(self) -> None:
        """Begin what she has agreed to, now and whenever she agrees to more. Idempotent; may follow `close`.

        Raises:
            BadConfig: another instance uses the folder.
            NotPermitted: the OS does not let us locate; all the rest has begun.
            OSError: the folder can't be made or written.
        """
        with self._lock:
            self._running = True
            log.addHandler(self._log_tail)
            try:
                self._apply()
            except BaseException:
                self._running = self._install is not None
                raise
            finally:
                self.changed()

    def close(self) -> None:
        """End everything; what is not sent yet is sent after the next `start`. Idempotent."""
        with self._lock:
            self._running = False
            self._apply()
            self.changed()
        if isinstance(self._dispatch, CallbackThread):
            self._dispatch.close()
        log.removeHandler(self._log_tail)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def state(self) -> ClientState:
        return self._now()

    # What is watched

    def register(self, *fences: Geofence) -> None:
        """Watch these fences too; one of the same id is replaced."""
        with self._lock:
            self._fences |= {fence.id: fence for fence in fences}
            if self._install is not None and self._install.tracker is not None:
                self._install.tracker.register(*fences)

    def unregister(self, *fence_ids: str) -> None:
        """Watch these no longer; a visit that goes on there ends with the reason "removed"."""
        with self._lock:
            for fence_id in fence_ids:
                self._fences.pop(fence_id, None)
            if self._install is not None and self._install.tracker is not None:
                self._install.tracker.unregister(*fence_ids)

    @property
    def privacy(self) -> Mode:
        """What leaves the device: "exact", "coarse", "zones_only" or "off"."""
        return self._mode

    @privacy.setter
    def privacy(self, mode: Mode) -> None:
        if mode not in STRICTER:
            raise BadConfig("privacy", f"is {mode!r}; it must be one of {', '.join(STRICTER)}")
        with self._lock:
            stricter = STRICTER.index(mode) > STRICTER.index(self._mode)
            self._mode = mode
            install = self._install
            if install is not None and install.tracker is not None:
                install.tracker.mode = mode
            if install is not None and stricter:
                self._stop_source_unless(mode != "off")
                install.api.interrupt()
                if mode == "off":
                    install.withdraw(self.consent.granted - {Purpose.LOCATION}, "privacy")
                else:
                    install.outbox.purge_fixes("privacy")
            self._apply()

    @property
    def zones(self) -> tuple[PrivacyZone, ...]:
        """The places she wants left alone. Assign to change them; the host keeps them over restarts."""
        return self._zones

    @zones.setter
    def zones(self, zones: Iterable[PrivacyZone]) -> None:
        with self._lock:
            self._zones = tuple(zones)
            if self._install is not None and self._install.tracker is not None:
                self._install.tracker.protect(self._zones)

    # What goes in

    def feed(self, evidence: Fix | Evidence) -> bool:
        """Take a fix of the host's own, or what else tells where she is: a scanned sign, the store's Wi-Fi, a beacon.

        False when it was not used: no consent, not started, filtered, withheld, or about no fence that is registered.
        """
        return self._take(evidence)

    def report(self, kind: str, alert: CustomerAlert | None = None, *, note: str | None = None) -> bool:
        """Tell what became of an offer ("shown", "opened", "clipped", "redeemed"), or that she asks for "help".

        The same kind for the same alert counts once, however often it is reported. False when she has not agreed to
        it: "shown" and "opened" need Purpose.ANALYTICS, the others Purpose.PROMOTIONS.

        Raises:
            BadMessage: an unknown kind.
        """
        purpose = purpose_of(kind)
        with self._lock:
            install = self._install
            if install is None or not self.consent.allows(purpose):
                return False
            event = reported(kind, alert, note, install.outbox.install, self.config.store, self._clock.now())
            return install.report(event, purpose)

    def flush(self, timeout_s: float = 10.0) -> bool:
        """Send what waits, without waiting for company; True when everything has left within so many real seconds."""
        install = self._install
        return install is not None and install.publisher.flush(timeout_s)

    def resume(self) -> None:
        """Try to send at once: the network is back, or what a paused state asked for was done."""
        install = self._install
        if install is not None:
            install.publisher.resume()

    # What can be asked

    def diagnostics(self) -> dict[str, Any]:
        """What it is doing and what it lost, by reason: JSON-able, without coordinates, tokens or pseudonym."""
        from endcap.diagnostics import snapshot

        with self._lock:
            return snapshot(self.config, self._now(), self._install, self._faults, self._clock.now())

    def explain(self, fence_id: str, at: datetime | None = None) -> Explanation | None:
        """Why a fence did or did not fire at a time, or last; None while nothing is tracked."""
        with self._lock:
            tracker = None if self._install is None else self._install.tracker
            return None if tracker is None else tracker.monitor.explain(fence_id, at)

    def support_bundle(self, path: Path) -> None:
        """Write a zip to send to whoever helps: diagnostics and the log's tail, without places, ids and tokens.

        Raises:
            OSError: it can't be written.
        """
        from endcap.support import write_bundle

        write_bundle(path, self.diagnostics(), self._log_tail)

    def export(self, path: Path | None = None) -> dict[str, Any]:
        """Everything known of her, here and at the shop, JSON-able; also written to `path`, for her account alone.

        Asks the backend: blocks as long as a request may take. `backend_fault` says so when it can't be asked.
        """
        from endcap.account import export

        found = export(self.consent, self._install, self._clock.now())
        if path is not None:
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
                json.dump(found, file, ensure_ascii=False, indent=1)
        return found

    def delete_my_data(self) -> Receipt:
        """Have the shop erase her, then revoke her consent, which erases her here.

        Raises:
            Unreachable: the shop can't be asked now, and nothing was erased; `consent.revoke()` erases this device.
            Refused: the shop can't do it.
        """
        from endcap.account import delete

        receipt = delete(self._install, self._clock.now())
        self.consent.revoke()
        return receipt

    # What the install tells; not for the host

    def happened(self, events: Iterable[GeofenceEvent]) -> None:
        for event in events:
            self._tell("event", event)

    def offered(self, alert: CustomerAlert) -> None:
        self._tell("promotion", alert)

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
        with self._lock:
            if self._install is not None and self._running:
                self._stop_source_unless(False)
                install, self._install = self._install, None
                install.close()
                self._apply()
        self.changed()

    def changed(self) -> None:
        state = self._now()
        if state != self._state:
            self._state = state
            self._tell("state", state)

    def _heard(self, fix: Fix) -> None:
        self._take(fix)

    def _take(self, evidence: Fix | Evidence) -> bool:
        """The one place that sees every fix; on the source's thread."""
        install = self._install
        tracker = None if install is None else install.tracker
        if tracker is None or not self.consent.allows(Purpose.LOCATION):
            return False
        try:
            return tracker.take(evidence) if isinstance(evidence, Fix) else tracker.hear(evidence)
        except Exception:  # ours stay ours: the OS's thread must not die of them
            self._faults += 1
            if self._faults == 1:
                log.exception("a fix could not be used (further ones are counted, not logged)")
            return False

    def _consent_changed(self, granted: frozenset[Purpose]) -> None:
        with self._lock:
            self._stop_source_unless(Purpose.LOCATION in granted)
            if granted and self._install is not None:
                self._install.withdraw(granted)
            elif self._install is None:
                purge_at_rest(self.config, granted, self._clock)
            try:
                self._apply()
            finally:
                self.changed()

    def _apply(self) -> None:
        """Make what runs be what should run."""
        granted = self.consent.granted
        self._stop_source_unless(self._running and self._may_locate())
        if self._install is not None and not (self._running and granted):
            install, self._install = self._install, None
            install.close() if granted else install.erase()
        if self._running and granted:
            self._begin(granted)
        elif self._running:
            purge_at_rest(self.config, granted, self._clock)  # a kill may have come between revoking and erasing

    def _begin(self, granted: frozenset[Purpose]) -> None:
        if self._install is None:
            self._install = Install(self.config, self.consent, self, transport=self._transport, clock=self._clock)
            self._install.start()
        if not self._install.remote.enabled:
            return
        if Purpose.PROMOTIONS in granted:
            self._install.receive()
        if self._may_locate():
            self._install.track(self._fences.values(), self._mode, self._zones)
            self._start_source()

    def _may_locate(self) -> bool:
        enabled = self._install is None or self._install.remote.enabled
        return Purpose.LOCATION in self.consent.granted and self._mode != "off" and enabled

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

    def _source_changed(self, status: SourceStatus) -> None:
        self._source_status = status
        self.changed()

    def _listen(self, topic: Topic, listener: Listener) -> Listener:
        self._listeners[topic].append(listener)
        return listener

    def _tell(self, topic: Topic, value: object) -> None:
        for listener in tuple(self._listeners[topic]):
            call = partial(guarded, partial(listener, value))
            guarded(partial(self._dispatch, call))

    def _now(self) -> ClientState:
        install = self._install
        return ClientState(
            running=self._running,
            granted=self.consent.granted,
            enabled=install is None or install.remote.enabled,
            source=self._source_status,
            publisher=PublisherState("stopped") if install is None else install.publisher.state,
            receiver="stopped" if install is None or install.receiver is None else install.receiver.state,
        )
