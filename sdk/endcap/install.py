"""Install: everything that exists only under consent; made with the first grant, erased with the last revocation."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from endcap.clock import Clock
from endcap.config import Config
from endcap.consent import Consent, Purpose
from endcap.fences import Geofence, GeofenceEvent
from endcap.messages import CustomerAlert, CustomerEvent
from endcap.outbox import Outbox, draft
from endcap.publisher import Publisher
from endcap.receiving import Channel, Receiver
from endcap.subscriber import STATE as HEARD_STATE
from endcap.subscriber import Subscriber
from endcap.tracking import FENCES_STATE, FILTER_STATE, Tracker
from endcap.transports import Transport

if TYPE_CHECKING:
    from endcap.session import Sessions
    from endcap.transports.ably import AblyTransport
    from endcap.transports.api import Api

log = logging.getLogger("endcap")

_STATE_OF = {FENCES_STATE: Purpose.LOCATION, FILTER_STATE: Purpose.LOCATION, HEARD_STATE: Purpose.PROMOTIONS}
STOP_S = 0.5  # patience with a request on its way when consent ends: nothing new can go out by then


class Install:
    """One install of one shopper: her outbox, her session, and the threads that send and receive for her.

    Holds the folder until `close` or `erase`. Any thread; the client's lock orders the calls.

    Raises:
        BadConfig, OSError: as `Outbox`.
    """

    def __init__(
        self,
        config: Config,
        consent: Consent,
        *,
        transport: Transport | None,
        on_events: Callable[[list[GeofenceEvent]], None],
        on_alert: Callable[[CustomerAlert], None],
        on_state: Callable[[], None],
        clock: Clock,
    ) -> None:
        self._config, self._consent, self._clock = config, consent, clock
        self._on_events, self._on_state = on_events, on_state
        self.outbox = Outbox(
            config.storage_dir,
            capacity=config.outbox_capacity,
            max_bytes=config.outbox_max_bytes,
            retention_s=config.retention_h * 3600.0,
            clock=clock,
        )
        _purge(self.outbox, consent.granted)
        self.api, self.sessions = self._backend()
        self.sessions.on_new_uid = self._uid_changed
        self._given = transport
        self.transport = transport or self._own_transport()
        self.publisher = Publisher(
            self.outbox,
            self.transport,
            lambda: self.sessions.current().uid,
            permit=lambda: bool(consent.granted),
            batch_size=config.batch_size,
            on_state=lambda state: on_state(),
            clock=clock,
        )
        self.subscriber = Subscriber(on_alert, self.outbox, uid=lambda: self.sessions.uid, clock=clock)
        self.tracker: Tracker | None = None
        self.receiver: Receiver | None = None

    def receive(self) -> None:
        """Begin to listen for offers."""
        if self.receiver is None:
            self.receiver = Receiver(self._offers, self.subscriber, on_state=self._on_state, clock=self._clock)
            self.receiver.start()

    def track(self, fences: Iterable[Geofence]) -> Tracker:
        """Begin to take fixes."""
        if self.tracker is None:
            self.tracker = Tracker(self._config, self.outbox, fences, on_put=self._tracked, clock=self._clock)
            self._tracked([])
        return self.tracker

    def report(self, event: CustomerEvent, purpose: Purpose) -> bool:
        """Keep and send what became of an offer, or a call for help; False when the disk refuses it."""
        kept = self.outbox.put(events=[draft(event)], purpose=purpose)
        self.publisher.wake()
        return kept

    def withdraw(self, revoked: frozenset[Purpose]) -> None:
        """Stop what she took back, at once, and throw away what waits for it."""
        self.api.interrupt()
        if Purpose.LOCATION in revoked:
            self._end_tracking(keep=False)
        if Purpose.PROMOTIONS in revoked:
            self._end_receiving()
        _purge(self.outbox, self._consent.granted)

    def close(self) -> None:
        """End in order: everything that is waiting stays for the next start."""
        self._end_tracking(keep=True)
        self._end_threads()
        self.outbox.close()

    def erase(self) -> None:
        """End, and leave nothing on disk: no fix, no token, no pseudonym, no install."""
        self.api.interrupt()
        self._end_tracking(keep=False)
        self.outbox.purge(*Purpose)
        self._end_threads()
        self.outbox.erase()

    def _tracked(self, events: list[GeofenceEvent]) -> None:
        self.publisher.wake()
        self._on_events(events)

    def _end_tracking(self, *, keep: bool) -> None:
        tracker, self.tracker = self.tracker, None
        if tracker is not None:
            tracker.close(keep=keep)

    def _end_receiving(self) -> None:
        receiver, self.receiver = self.receiver, None
        if receiver is not None:
            receiver.close()
            self.subscriber.forget()

    def _end_threads(self) -> None:
        if self.receiver is not None:
            self.receiver.close()
        self.publisher.stop(STOP_S)
        self.transport.close()
        self.api.close()

    def _backend(self) -> tuple[Api, Sessions]:
        from endcap.session import Sessions
        from endcap.transports.api import Api

        api = Api(self._config.backend_url, timeout_s=self._config.request_timeout_s)
        return api, Sessions(api, self.outbox, self._consent_body, self._clock)

    def _own_transport(self) -> Transport:
        return self._ably(self._http()) if self._config.route == "ably" else self._http()

    def _http(self) -> Transport:
        from endcap.transports.http import HttpTransport

        return HttpTransport(self.api, self.sessions)

    def _ably(self, other: Transport | None = None) -> AblyTransport:
        from endcap.transports.ably import AblyTransport

        return AblyTransport(
            self.sessions.ably_token,
            other,
            endpoint=self._config.ably_endpoint,
            timeout_s=self._config.request_timeout_s,
            clock=self._clock,
        )

    def _offers(self) -> Channel:
        """What offers come over: the connection fixes go out by when that is Ably's, else one of its own."""
        if self._config.route != "ably" or self._given is not None:
            return self._ably()
        transport = self._ably(self._http())
        self.transport.close()
        self.transport = transport
        self.publisher.use(transport)
        return transport

    def _uid_changed(self) -> None:
        if self.receiver is not None:
            self.receiver.reconnect()

    def _consent_body(self) -> dict[str, Any] | None:
        granted = self._consent.granted
        if not granted:
            return None
        return {"purposes": sorted(granted), "text_version": self._consent.text_version}


def purge_at_rest(config: Config, granted: frozenset[Purpose], clock: Clock) -> None:
    """Throw away what an install that is not running keeps without consent: all of it when nothing is granted.

    Raises:
        BadConfig, OSError: as `Outbox`.
    """
    if not Outbox.exists(config.storage_dir):
        return
    outbox = Outbox(config.storage_dir, clock=clock)
    if granted:
        _purge(outbox, granted)
        outbox.close()
    else:
        outbox.erase()


def _purge(outbox: Outbox, granted: frozenset[Purpose]) -> None:
    forbidden = frozenset(Purpose) - granted
    forgotten = [name for name, purpose in _STATE_OF.items() if purpose in forbidden]
    if outbox.holds(forbidden, forgotten):
        outbox.purge(*forbidden, state=forgotten)
