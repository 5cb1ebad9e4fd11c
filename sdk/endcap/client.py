"""Endcap: the SDK's one face. Start it, close it, and hear of visits and offers."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from endcap.clock import Clock, SystemClock
from endcap.config import Config, Mode
from endcap.consent import Consent
from endcap.device import FenceRegistrar, LocationSource, NoSource
from endcap.dispatch import Dispatcher
from endcap.engine import ClientState, Engine
from endcap.errors import BadConfig
from endcap.fences import Evidence, Geofence
from endcap.listeners import Listeners
from endcap.messages import CustomerAlert, Fix
from endcap.privacy import STRICTER, PrivacyZone
from endcap.reports import purpose_of, reported
from endcap.support import LogTail
from endcap.transports import Transport

if TYPE_CHECKING:
    from endcap.account import Method, Receipt
    from endcap.fences import Explanation
    from endcap.session import Keeping

log = logging.getLogger("endcap")

Listener = TypeVar("Listener", bound=Callable[[Any], object])


class Endcap:
    """Positions in; visits and offers out. Everything waits for consent, and nothing raises but the calls made here.

    `source` locates (`endcap.device.pick()` is the device's own; none: the host feeds fixes). `registrar` has the OS
    watch the nearest fences, so that it wakes the app. `secrets` keeps her session's tokens, in the phone's keystore
    for one; else they are in the folder's own file. Callbacks run by `dispatcher`, one after the other on a thread of
    the SDK's own unless told otherwise. Use one instance a process and folder; every call may come from any thread.
    What the SDK could not do is counted in `diagnostics()`.
    """

    def __init__(
        self,
        config: Config,
        source: LocationSource | None = None,
        *,
        zones: Iterable[PrivacyZone] = (),
        registrar: FenceRegistrar | None = None,
        transport: Transport | None = None,
        secrets: Keeping | None = None,
        dispatcher: Dispatcher | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.config = config
        self._listeners = Listeners(dispatcher)
        self._log_tail = LogTail()
        self._engine = Engine(
            config,
            source or NoSource(),
            self._listeners,
            zones=zones,
            registrar=registrar,
            transport=transport,
            secrets=secrets,
            clock=clock or getattr(source, "clock", None) or SystemClock(),
        )

    # What the host hears

    def on_event(self, listener: Listener) -> Listener:
        """Call `listener` with each GeofenceEvent; may be used as a decorator."""
        self._listeners.add("event", listener)
        return listener

    def on_promotion(self, listener: Listener) -> Listener:
        """Call `listener` with each CustomerAlert, once each; may be used as a decorator."""
        self._listeners.add("promotion", listener)
        return listener

    def on_notice(self, listener: Listener) -> Listener:
        """Call `listener` with each notice on her channel, as it came; may be used as a decorator.

        A notice is a JSON object that says how her call for help or an order stands (`notice` is "help" or "pickup";
        `docs/messages.md` has the rest). It is no promise: what was told while nobody listened must be asked for.
        """
        self._listeners.add("notice", listener)
        return listener

    def on_state(self, listener: Listener) -> Listener:
        """Call `listener` with the ClientState whenever it changes; may be used as a decorator."""
        self._listeners.add("state", listener)
        return listener

    # What runs

    @property
    def consent(self) -> Consent:
        """What she has agreed to; grant and revoke there, at any time."""
        return self._engine.consent

    @property
    def state(self) -> ClientState:
        """What it is doing now; as `on_state` tells each change of it. Any thread."""
        return self._engine.state()

    def start(self) -> None:
        """Begin what she has agreed to, now and whenever she agrees to more. Idempotent; may follow `close`.

        Raises:
            BadConfig: another instance uses the folder.
            NotPermitted: the OS does not let us locate; all the rest has begun.
            OSError: the folder can't be made or written.
        """
        log.addHandler(self._log_tail)
        self._engine.start()

    def close(self) -> None:
        """End everything; what is not sent yet is sent after the next `start`. Idempotent."""
        self._engine.close()
        self._listeners.close()
        log.removeHandler(self._log_tail)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    # What is watched, and what is told of it

    def register(self, *fences: Geofence) -> None:
        """Watch these fences too; one of the same id is replaced."""
        self._engine.register(fences)

    def unregister(self, *fence_ids: str) -> None:
        """Watch these no longer; a visit that goes on there ends with the reason "removed"."""
        self._engine.unregister(fence_ids)

    @property
    def privacy(self) -> Mode:
        """What leaves the device: "exact", "coarse", "zones_only" or "off". Assign to change it."""
        return self._engine.mode

    @privacy.setter
    def privacy(self, mode: Mode) -> None:
        if mode not in STRICTER:
            raise BadConfig("privacy", f"is {mode!r}; it must be one of {', '.join(STRICTER)}")
        self._engine.set_mode(mode)

    @property
    def zones(self) -> tuple[PrivacyZone, ...]:
        """The places she wants left alone. Assign to change them; the host keeps them over restarts."""
        return self._engine.zones

    @zones.setter
    def zones(self, zones: Iterable[PrivacyZone]) -> None:
        self._engine.protect(zones)

    # What goes in, and out

    def feed(self, evidence: Fix | Evidence) -> bool:
        """Take a fix of the host's own, or what else tells where she is: a scanned sign, the store's Wi-Fi, a beacon.

        False when it was not used: no consent, not started, filtered, withheld, or about no fence that is registered.
        """
        return self._engine.take(evidence)

    def report(self, kind: str, alert: CustomerAlert | None = None, *, note: str | None = None) -> bool:
        """Tell what became of an offer ("shown", "opened", "clipped", "redeemed"), or that she asks for "help".

        The same kind for the same alert counts once, however often it is reported. False when she has not agreed to
        it: "shown" and "opened" need Purpose.ANALYTICS, the others Purpose.PROMOTIONS.

        Raises:
            BadMessage: an unknown kind.
        """
        purpose = purpose_of(kind)
        with self._engine.lock:
            install = self._engine.install
            if install is None or not self.consent.allows(purpose):
                return False
            now = self._engine.clock.now()
            return install.report(reported(kind, alert, note, install.outbox.install, self.config.store, now), purpose)

    def flush(self, timeout_s: float = 10.0) -> bool:
        """Send what waits, without waiting for company; True when everything has left within so many real seconds."""
        install = self._engine.install
        return install is not None and install.publisher.flush(timeout_s)

    def resume(self) -> None:
        """Try to send at once: the network is back, or what a paused state asked for was done."""
        install = self._engine.install
        if install is not None:
            install.publisher.resume()

    # What can be asked

    def diagnostics(self) -> dict[str, Any]:
        """What it is doing and what it lost, by reason: JSON-able, without coordinates, tokens or pseudonym."""
        from endcap.diagnostics import snapshot

        with self._engine.lock:
            return snapshot(self._engine)

    def explain(self, fence_id: str, at: datetime | None = None) -> Explanation | None:
        """Why a fence did or did not fire at a time, or last; None while nothing is tracked."""
        with self._engine.lock:
            install = self._engine.install
            tracker = None if install is None else install.tracker
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

        found = export(self.consent, self._engine.install, self._engine.clock.now())
        if path is not None:
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
                json.dump(found, file, ensure_ascii=False, indent=1)
        return found

    def ask(self, method: Method, path: str, body: object = None) -> dict[str, Any]:
        """Ask the shop's backend in her name: for her coupons, her card, her list.

        `path` is what follows `/v1` in `docs/api.md`, `body` what becomes JSON. Blocks as long as a request may take.

        Raises:
            Unreachable: no answer, or there is no consent yet; later may help.
            NotAuthorised: she is not known there, though her session was renewed.
            Refused: the backend said no.
        """
        from endcap.account import ask

        return ask(self._engine.install, method, path, body)

    def ask_if_changed(self, path: str, etag: str = "") -> tuple[dict[str, Any], str] | None:
        """GET something again in her name: the answer and its ETag; None while it still is the answer of `etag`.

        For a list that is open and follows what the shop sells. Without an ETag it is always answered. Blocks and
        raises as `ask`.
        """
        from endcap.account import ask_if_changed

        return ask_if_changed(self._engine.install, path, etag)

    def delete_my_data(self) -> Receipt:
        """Have the shop erase her, then revoke her consent, which erases her here.

        Raises:
            Unreachable: the shop can't be asked now, and nothing was erased; `consent.revoke()` erases this device.
            Refused: the shop can't do it.
        """
        from endcap.account import delete

        receipt = delete(self._engine.install, self._engine.clock.now())
        self.consent.revoke()
        return receipt
