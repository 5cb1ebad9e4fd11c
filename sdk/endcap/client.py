"""Endcap: the SDK's one face. Start it, close it, and hear of visits and offers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from threading import RLock
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

from endcap.clock import Clock, SystemClock
from endcap.config import Config
from endcap.consent import Consent, Purpose
from endcap.device import LocationSource, NoSource, SourceStatus
from endcap.dispatch import CallbackThread, Dispatcher, guarded
from endcap.errors import BadMessage, NotPermitted
from endcap.fences import Geofence, GeofenceEvent
from endcap.install import Install, purge_at_rest
from endcap.messages import EVENT_KINDS, CustomerAlert, CustomerEvent, Fix, derived_id
from endcap.presets import PRESETS
from endcap.publisher import PublisherState
from endcap.transports import Transport

log = logging.getLogger("endcap")

Listener = TypeVar("Listener", bound=Callable[[Any], object])
Topic = Literal["event", "promotion", "state"]
ANALYTIC_KINDS = ("shown", "opened")  # reported only with Purpose.ANALYTICS; the others are part of the service


@dataclass(frozen=True, slots=True)
class ClientState:
    """What the SDK is at: handed to `on_state` whenever it changes."""

    running: bool
    granted: frozenset[Purpose]
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
        self._lock = RLock()
        self._running = False
        self._install: Install | None = None
        self._listening = False
        self._source_status: SourceStatus | Literal["stopped"] = "stopped"
        self._faults = 0
        self.consent = Consent(config.storage_dir / "consent.json", self._clock)
        self.consent.watch(self._consent_changed)
        self._granted = self.consent.granted
        self._state = self._now()

    def on_event(self, listener: Listener) -> Listener:
        """Call `listener` with each GeofenceEvent; may be used as a decorator."""
        return self._listen("event", listener)

    def on_promotion(self, listener: Listener) -> Listener:
        """Call `listener` with each CustomerAlert, once each; may be used as a decorator."""
        return self._listen("promotion", listener)

    def on_state(self, listener: Listener) -> Listener:
        """Call `listener` with the ClientState whenever it changes; may be used as a decorator."""
        return self._listen("state", listener)

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

    def start(self) -> None:
        """Begin what she has agreed to, now and whenever she agrees to more. Idempotent; may follow `close`.

        Raises:
            BadConfig: another instance uses the folder.
            NotPermitted: the OS does not let us locate; all the rest has begun.
            OSError: the folder can't be made or written.
        """
        with self._lock:
            self._running = True
            try:
                self._apply()
            except BaseException:
                self._running = self._install is not None
                raise
            finally:
                self._changed()

    def close(self) -> None:
        """End everything; what is not sent yet is sent after the next `start`. Idempotent."""
        with self._lock:
            self._running = False
            self._apply()
            self._changed()
        if isinstance(self._dispatch, CallbackThread):
            self._dispatch.close()

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

    def feed(self, fix: Fix) -> bool:
        """Take a fix of the host's own; False when it was not used: no consent, not started, or filtered."""
        return self._take(fix)

    def flush(self, timeout_s: float = 10.0) -> bool:
        """Send what waits, without waiting for company; True when everything has left within the time."""
        install = self._install
        return install is not None and install.publisher.flush(timeout_s)

    def resume(self) -> None:
        """Try to send at once: the network is back, or what a paused state asked for was done."""
        install = self._install
        if install is not None:
            install.publisher.resume()

    def report(self, kind: str, alert: CustomerAlert | None = None, *, note: str | None = None) -> bool:
        """Tell what became of an offer ("shown", "opened", "clipped", "redeemed"), or that she asks for "help".

        The same kind for the same alert counts once, however often it is reported. False when she has not agreed to
        it: "shown" and "opened" need Purpose.ANALYTICS, the others Purpose.PROMOTIONS.

        Raises:
            BadMessage: an unknown kind.
        """
        if kind not in EVENT_KINDS or kind in ("enter", "dwell", "exit"):
            raise BadMessage("kind", "must be one of shown, opened, clipped, redeemed, help")
        purpose = Purpose.ANALYTICS if kind in ANALYTIC_KINDS else Purpose.PROMOTIONS
        with self._lock:
            install = self._install
            if install is None or not self.consent.allows(purpose):
                return False
            return install.report(self._reported(kind, alert, note, install), purpose)

    def diagnostics(self) -> dict[str, Any]:
        """What it is doing and what it lost, by reason: JSON-able, without coordinates, tokens or pseudonym."""
        from endcap.diagnostics import snapshot

        with self._lock:
            return snapshot(self.config, self._now(), self._install, self._faults, self._clock.now())

    def _reported(self, kind: str, alert: CustomerAlert | None, note: str | None, install: Install) -> CustomerEvent:
        now = self._clock.now()
        return CustomerEvent(
            id=derived_id(install.outbox.install, kind, alert.id if alert else now.isoformat()),
            uid="pending",
            kind=kind,
            occurred_at=now,
            alert=alert.id if alert else None,
            pid=alert.pid if alert else None,
            sku=alert.sku if alert else None,
            store=(alert.store if alert else None) or self.config.store or None,
            note=note,
        )

    def _heard(self, fix: Fix) -> None:
        self._take(fix)

    def _take(self, fix: Fix) -> bool:
        """The one place that sees every fix; on the source's thread."""
        install = self._install
        tracker = None if install is None else install.tracker
        if tracker is None or not self.consent.allows(Purpose.LOCATION):
            return False
        try:
            return tracker.take(fix)
        except Exception:  # ours stay ours: the OS's thread must not die of them
            self._faults += 1
            if self._faults == 1:
                log.exception("a fix could not be used (further ones are counted, not logged)")
            return False

    def _consent_changed(self, granted: frozenset[Purpose]) -> None:
        with self._lock:
            revoked, self._granted = self._granted - granted, granted
            self._stop_source_unless(Purpose.LOCATION in granted)
            if revoked and granted and self._install is not None:
                self._install.withdraw(revoked)
            elif self._install is None:
                purge_at_rest(self.config, granted, self._clock)
            try:
                self._apply()
            finally:
                self._changed()

    def _apply(self) -> None:
        """Make what runs be what should run."""
        granted = self.consent.granted
        self._stop_source_unless(self._running and Purpose.LOCATION in granted)
        if self._install is not None and not (self._running and granted):
            install, self._install = self._install, None
            install.close() if granted else install.erase()
        if self._running and granted:
            self._begin(granted)
        elif self._running:
            purge_at_rest(self.config, granted, self._clock)  # a kill may have come between revoking and erasing

    def _begin(self, granted: frozenset[Purpose]) -> None:
        if self._install is None:
            self._install = Install(
                self.config,
                self.consent,
                transport=self._transport,
                on_events=self._tell_events,
                on_alert=lambda alert: self._tell("promotion", alert),
                on_state=self._changed,
                clock=self._clock,
            )
        self._install.publisher.send_every_s = PRESETS[self.config.preset].send_every_s
        self._install.publisher.start()
        if Purpose.PROMOTIONS in granted:
            self._install.receive()
        if Purpose.LOCATION in granted:
            self._install.track(self._fences.values())
            self._start_source()

    def _start_source(self) -> None:
        if self._listening:
            return
        self._source.tune(PRESETS[self.config.preset].moving)
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
        self._changed()

    def _tell_events(self, events: Iterable[GeofenceEvent]) -> None:
        for event in events:
            self._tell("event", event)

    def _listen(self, topic: Topic, listener: Listener) -> Listener:
        self._listeners[topic].append(listener)
        return listener

    def _tell(self, topic: Topic, value: object) -> None:
        for listener in tuple(self._listeners[topic]):
            call = partial(guarded, partial(listener, value))
            guarded(partial(self._dispatch, call))

    def _changed(self) -> None:
        state = self._now()
        if state != self._state:
            self._state = state
            self._tell("state", state)

    def _now(self) -> ClientState:
        install = self._install
        publisher = PublisherState("stopped") if install is None else install.publisher.state
        receiver = "stopped" if install is None or install.receiver is None else install.receiver.state
        return ClientState(self._running, self.consent.granted, self._source_status, publisher, receiver)
