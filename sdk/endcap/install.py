"""Install: everything that exists only under consent; made with the first grant, erased with the last revocation."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from endcap.clock import Clock
from endcap.config import Config, Mode
from endcap.consent import Consent, Purpose
from endcap.device import FenceRegistrar
from endcap.errors import BadMessage, Refused
from endcap.fencebook import ASK_EVERY_S as FENCES_EVERY_S
from endcap.fencebook import FenceBook
from endcap.fences import Geofence, GeofenceEvent
from endcap.messages import CustomerAlert, CustomerEvent
from endcap.outbox import Outbox
from endcap.pacing import Pace
from endcap.privacy import PrivacyZone
from endcap.publisher import Publisher
from endcap.receiving import Channel, Receiver
from endcap.remote import ASK_EVERY_S, Remote, kept
from endcap.remote import STATE as REMOTE_STATE
from endcap.subscriber import STATE as HEARD_STATE
from endcap.subscriber import Subscriber
from endcap.tracking import FENCES_STATE, FILTER_STATE, Tracker
from endcap.transports import Transport
from endcap.upkeep import Upkeep
from endcap.waiting import draft

if TYPE_CHECKING:
    from endcap.session import Keeping, Sessions
    from endcap.transports.ably import AblyTransport
    from endcap.transports.api import Api

log = logging.getLogger("endcap")

STOP_S = 0.2  # patience with each thread when consent ends: nothing new can go out by then, and a second is promised
CLOSE_S = 3.0  # and when it is only closed
ADVANCE_EVERY_S = 60.0  # what the monitor asks for: silence, dwells and closing hours need no fix
NOT_OFFERED_S = 3600.0  # a backend without remote configuration is asked again this much later
SESSION_STATE = "session"  # as `endcap.session`, which is imported when there is one
_STATE_OF = {FENCES_STATE: Purpose.LOCATION, FILTER_STATE: Purpose.LOCATION, HEARD_STATE: Purpose.PROMOTIONS}


class Host(Protocol):
    """What the install tells the client; any of it on any of its threads."""

    def happened(self, events: list[GeofenceEvent]) -> None: ...

    def offered(self, alert: CustomerAlert) -> None: ...

    def noticed(self, notice: Mapping[str, Any]) -> None: ...

    def paced(self, pace: Pace) -> None: ...

    def reconfigured(self) -> None: ...

    def changed(self) -> None: ...


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
        host: Host,
        *,
        transport: Transport | None,
        secrets: Keeping | None = None,
        clock: Clock,
    ) -> None:
        self._consent, self._host, self._clock = consent, host, clock
        self._secrets = secrets
        self.outbox = Outbox(
            config.storage_dir,
            capacity=config.outbox_capacity,
            max_bytes=config.outbox_max_bytes,
            retention_s=config.retention_h * 3600.0,
            clock=clock,
        )
        _purge(self.outbox, consent.granted)
        self.remote = kept(self.outbox.get(REMOTE_STATE)) if config.remote_config else Remote()
        self.config = self.remote.applied(config)
        self.api, self.sessions = self._backend()
        self.sessions.on_new_uid = self._uid_changed
        self._given = transport
        self.transport = transport or self._own_transport()
        self.publisher = Publisher(
            self.outbox,
            self.transport,
            lambda: self.sessions.current().uid,
            permit=lambda: bool(consent.granted) and self.remote.enabled,
            batch_size=self.config.batch_size,
            on_state=lambda state: host.changed(),
            clock=clock,
        )
        self.subscriber = Subscriber(
            host.offered, self.outbox, on_notice=host.noticed, uid=lambda: self.sessions.uid, clock=clock
        )
        self.tracker: Tracker | None = None
        self.receiver: Receiver | None = None
        self._asked_s = float("-inf")
        self._upkeep = Upkeep(clock)
        self._upkeep.add(ADVANCE_EVERY_S, self._advance)
        if config.remote_config:
            self._upkeep.add(ASK_EVERY_S, self._ask, first_s=0.0)
        self._book = FenceBook(self.outbox, self.api, self.sessions) if config.shop_fences else None
        self._book_asked_s = float("-inf")
        if self._book is not None:
            self._upkeep.add(ASK_EVERY_S, self._ask_fences, first_s=0.0)

    def start(self) -> None:
        """Begin to send, and to keep house. Idempotent."""
        self.publisher.start()
        self._upkeep.start()

    def receive(self) -> None:
        """Begin to listen for offers. Idempotent."""
        if self.receiver is None:
            self.receiver = Receiver(self._offers, self.subscriber, on_state=self._host.changed, clock=self._clock)
            self.receiver.start()

    def track(
        self,
        fences: Iterable[Geofence],
        mode: Mode,
        zones: Iterable[PrivacyZone],
        registrar: FenceRegistrar | None = None,
    ) -> None:
        """Begin to take fixes, with the host's fences and the shop's. Idempotent."""
        if self.tracker is None:
            self.tracker = Tracker(
                self.config,
                self.outbox,
                [*(self._book.fences() if self._book is not None else ()), *fences],
                mode=mode,
                zones=zones,
                on_put=self._put,
                on_pace=self._paced,
                registrar=registrar,
                clock=self._clock,
            )
            self._paced(self.tracker.pace)
            self._upkeep.soon(self._ask_fences)

    def report(self, event: CustomerEvent, purpose: Purpose) -> bool:
        """Keep and send what became of an offer, or a call for help; False when the disk refuses it."""
        taken = self.outbox.put(events=[draft(event)], purpose=purpose)
        self.publisher.wake()
        return taken

    def withdraw(self, granted: frozenset[Purpose], reason: str = "consent revoked") -> bool:
        """Stop what is no longer in `granted`, at once, and throw away what waits for it.

        False when the disk does not let go of it; then all of it is to be erased, which a full disk can do.
        """
        self.api.interrupt()
        if Purpose.LOCATION not in granted:
            self.end_tracking(keep=False)
        if Purpose.PROMOTIONS not in granted:
            self.end_receiving()
        return _let_go(lambda: _purge(self.outbox, granted, reason))

    def withdraw_fixes(self) -> bool:
        """Throw away the fixes that wait, which would tell more than she now wants told. False: as `withdraw`."""
        self.api.interrupt()
        return _let_go(lambda: self.outbox.purge_fixes("privacy"))

    def end_tracking(self, *, keep: bool) -> None:
        """Take no more fixes. Idempotent."""
        tracker, self.tracker = self.tracker, None
        if tracker is not None:
            tracker.close(keep=keep)

    def end_receiving(self, patience_s: float = STOP_S) -> None:
        """Listen no more. Idempotent."""
        receiver, self.receiver = self.receiver, None
        if receiver is not None:
            receiver.close(patience_s)

    def close(self) -> None:
        """End in order: everything that is waiting stays for the next start."""
        self.end_tracking(keep=True)
        self._end_threads(CLOSE_S)
        self.outbox.close()

    def erase(self) -> None:
        """End, and leave nothing on disk: no fix, no token, no pseudonym, no install."""
        self.api.interrupt()
        self.end_tracking(keep=False)
        self._end_threads(STOP_S)
        self.outbox.erase()
        _forget_session(self._secrets)

    def _put(self, events: list[GeofenceEvent]) -> None:
        self.publisher.wake()
        self._host.happened(events)

    def _paced(self, pace: Pace) -> None:
        self.publisher.send_every_s = pace.active.send_every_s
        self._host.paced(pace)

    def _advance(self) -> None:
        if self.tracker is not None:
            self.tracker.advance(self._clock.now())

    def _ask(self) -> None:
        """Ask for the remote configuration, no more often than fixes are sent.

        Raises:
            TransportError, NotAuthorised: no answer; the last good one stays.
        """
        now_s = self._clock.monotonic()
        if not self._consent.granted or now_s - self._asked_s < self.publisher.send_every_s:
            return
        self._asked_s = now_s
        try:
            remote = Remote.from_json(self.api.get("/config", self.sessions.current().token).body)
        except Refused as fault:
            self._asked_s = now_s + NOT_OFFERED_S
            log.debug("no remote configuration: %s", fault)
            return
        except BadMessage as fault:
            log.warning("the remote configuration can't be used, the last good one stays: %s", fault)
            return
        if remote.version > self.remote.version:
            for name in remote.ignored:
                log.warning("the remote configuration's %s can't be used; it is ignored", name)
            self.outbox.set(REMOTE_STATE, remote.to_text())
            self.remote = remote
            self._host.reconfigured()

    def _ask_fences(self) -> None:
        """Fetch what the shop changed of its fences, when she is tracked.

        Raises:
            TransportError, NotAuthorised, BadMessage: no usable answer; the ones that are known stay.
        """
        now_s, tracker = self._clock.monotonic(), self.tracker
        if self._book is None or tracker is None or now_s - self._book_asked_s < FENCES_EVERY_S:
            return
        self._book_asked_s = now_s
        try:
            delta = self._book.ask()
        except Refused as fault:
            self._book_asked_s = now_s + NOT_OFFERED_S
            log.debug("the shop has no fences to fetch: %s", fault)
            return
        if delta is not None:
            tracker.unregister(*delta.removed)
            tracker.register(*delta.changed)

    def _end_threads(self, patience_s: float) -> None:
        self.publisher.stop(patience_s)
        self._upkeep.close(patience_s)
        self.end_receiving(patience_s)
        self.transport.close()
        self.api.close()

    def _backend(self) -> tuple[Api, Sessions]:
        from endcap.session import Sessions
        from endcap.transports.api import Api

        api = Api(self.config.backend_url, timeout_s=self.config.request_timeout_s)
        return api, Sessions(api, self._secrets or self.outbox, self._consent_body, self._clock)

    def _own_transport(self) -> Transport:
        return self._ably(self._http()) if self.config.route == "ably" else self._http()

    def _http(self) -> Transport:
        from endcap.transports.http import HttpTransport

        return HttpTransport(self.api, self.sessions, self._clock)

    def _ably(self, other: Transport | None = None) -> AblyTransport:
        from endcap.transports.ably import AblyTransport

        return AblyTransport(
            self.sessions.ably_token,
            other,
            endpoint=self.config.ably_endpoint,
            timeout_s=self.config.request_timeout_s,
            clock=self._clock,
        )

    def _offers(self) -> Channel:
        """What offers come over: the connection fixes go out by when that is Ably's, else one of its own."""
        if self.config.route != "ably" or self._given is not None:
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


def purge_at_rest(config: Config, granted: frozenset[Purpose], clock: Clock, secrets: Keeping | None = None) -> None:
    """Throw away what an install that is not running keeps without consent: all of it when nothing is granted.

    Raises:
        BadConfig, OSError: as `Outbox`.
    """
    if not granted:
        _forget_session(secrets)
    if not Outbox.exists(config.storage_dir):
        return
    outbox = Outbox(config.storage_dir, clock=clock)
    if granted:
        _purge(outbox, granted)
        outbox.close()
    else:
        outbox.erase()


def _forget_session(secrets: Keeping | None) -> None:
    if secrets is not None and secrets.get(SESSION_STATE) is not None:
        secrets.set(SESSION_STATE, None)


def _let_go(throw_away: Callable[[], None]) -> bool:
    try:
        throw_away()
    except sqlite3.Error as fault:
        log.warning("what was revoked can't be taken out of the file (%s); the file goes", fault)
        return False
    return True


def _purge(outbox: Outbox, granted: frozenset[Purpose], reason: str = "consent revoked") -> None:
    forbidden = frozenset(Purpose) - granted
    forgotten = [name for name, purpose in _STATE_OF.items() if purpose in forbidden]
    if outbox.holds(forbidden, forgotten):
        outbox.purge(*forbidden, state=forgotten, reason=reason)
