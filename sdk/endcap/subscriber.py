"""Subscriber: what arrives on a shopper's channel becomes alerts, once each."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any, Protocol

from endcap.clock import Clock, SystemClock
from endcap.errors import BadMessage
from endcap.messages import CustomerAlert
from endcap.wire import epoch_ms, parse_json

log = logging.getLogger("endcap")

REMEMBERED = 500  # alerts; at a few a visit more than the longest-lived offer needs
STATE = "heard"


class Keeping(Protocol):
    """Where it is remembered, over a restart, what she has heard: the outbox's state."""

    def get(self, name: str) -> str | None: ...

    def set(self, name: str, value: str | None) -> None: ...


class Subscriber:
    """Reads messages, drops repeats and what has expired, and hands each alert to `on_alert` once.

    A message's data may be JSON text, bytes or an object, and hold one alert or an array of them: it depends on who
    published it. What has a `notice` is none: it says how her call for help or an order stands, and goes to `on_notice`
    as it came, each time it comes. An alert is remembered on disk before it is handed over, so that a restart, a
    resumed connection or a replayed history does not repeat it. What is dropped is counted in `dropped`, by reason.

    `receive` may be called from any thread; the callbacks run on the caller's, and their exceptions are logged.
    """

    def __init__(
        self,
        on_alert: Callable[[CustomerAlert], None],
        keeping: Keeping | None = None,
        *,
        on_notice: Callable[[Mapping[str, Any]], None] = lambda notice: None,
        uid: Callable[[], str | None] = lambda: None,
        clock: Clock | None = None,
    ) -> None:
        self.dropped: Counter[str] = Counter()
        self.received = 0  # alerts handed over
        self._on_alert, self._on_notice = on_alert, on_notice
        self._keeping = keeping
        self._uid = uid
        self._clock = clock or SystemClock()
        self._lock = Lock()
        self._heard = self._kept()  # alert id -> when it expires, milliseconds since 1970; oldest first

    def receive(self, data: object) -> list[CustomerAlert]:
        """Take the data of one message in; the alerts that were new come back, after `on_alert` has had them."""
        fresh = [alert for alert in self._read(data) if self._admit(alert)]
        for alert in fresh:
            try:
                self._on_alert(alert)
            except Exception:
                self.dropped["callback failed"] += 1
                log.exception("on_alert failed; the alert is not repeated")
        return fresh

    def forget(self) -> None:
        """Drop what is remembered, here and on disk."""
        with self._lock:
            self._heard = {}
            self._keep()

    def _read(self, data: object) -> list[CustomerAlert]:
        try:
            value = parse_json(data) if isinstance(data, str) else _parse_bytes(data)
        except BadMessage as fault:
            self._refuse(fault)
            return []
        alerts: list[CustomerAlert] = []
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, Mapping) and "notice" in item:
                self._notice(item)
                continue
            try:
                alerts.append(CustomerAlert.from_json(item))
            except BadMessage as fault:
                self._refuse(fault)
        return alerts

    def _notice(self, notice: Mapping[str, Any]) -> None:
        try:
            self._on_notice(notice)
        except Exception:
            self.dropped["callback failed"] += 1
            log.exception("on_notice failed; the notice is not repeated")

    def _admit(self, alert: CustomerAlert) -> bool:
        with self._lock:
            now_ms = epoch_ms(self._clock.now())
            uid = self._uid()
            if uid is not None and alert.uid != uid:
                return self._drop("of another shopper")
            if epoch_ms(alert.expires_at) <= now_ms:
                return self._drop("expired")
            if alert.id in self._heard:
                return self._drop("repeat")
            self._heard = {id: expires_ms for id, expires_ms in self._heard.items() if expires_ms > now_ms}
            self._heard[alert.id] = epoch_ms(alert.expires_at)
            while len(self._heard) > REMEMBERED:
                del self._heard[next(iter(self._heard))]
            self.received += 1
            self._keep()
            return True

    def _drop(self, reason: str) -> bool:
        self.dropped[reason] += 1
        return False

    def _refuse(self, fault: BadMessage) -> None:
        with self._lock:
            self.dropped["unreadable"] += 1
            first = self.dropped["unreadable"] == 1
        if first:
            log.warning("an alert could not be read: %s (further ones are counted, not logged)", fault)

    def _keep(self) -> None:
        if self._keeping is not None:
            self._keeping.set(STATE, json.dumps(self._heard) if self._heard else None)

    def _kept(self) -> dict[str, int]:
        text = self._keeping.get(STATE) if self._keeping is not None else None
        try:
            held = json.loads(text) if text else {}
            return {str(id): int(expires_ms) for id, expires_ms in held.items()}
        except (ValueError, TypeError, AttributeError):
            log.warning("the kept offers' ids can't be read; one may be told again")
            return {}


def _parse_bytes(data: object) -> object:
    return parse_json(bytes(data)) if isinstance(data, bytes | bytearray) else data
