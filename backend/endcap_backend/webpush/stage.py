"""From the log to browsers: a notification for each alert of a shopper who asked for them."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Mapping

from endcap.clock import Clock
from endcap.errors import BadMessage
from endcap.messages import CUSTOMERS_ALERTS, CustomerAlert
from endcap_backend.log import Log, Record
from endcap_backend.pipeline.consumer import LogConsumer, Outcome
from endcap_backend.webpush.sending import Fate, Sender
from endcap_backend.webpush.subscriptions import Subscription, Subscriptions

log = logging.getLogger("endcap.pipeline")

# Before a second and a third try: a push service that is away longer misses the moment at the shelf.
WAITS_S = (1.0, 4.0)


class WebPush:
    """Carries `customers_alerts` to push services as the consumer "webpush"; one thread, `endcap-webpush`.

    It is a courtesy beside Ably: what a service does not take in three tries is counted and left. A browser that is
    gone is forgotten. The body is `{"id", "kind", "title", "why"}`, without a place.
    """

    def __init__(self, records: Log, subscriptions: Subscriptions, sender: Sender, clock: Clock) -> None:
        self._subscriptions = subscriptions
        self._sender = sender
        self._clock = clock
        self._consumer = LogConsumer(records, "webpush", (CUSTOMERS_ALERTS,), self._handle, clock=clock)
        self._counts: Counter[str] = Counter({fate.value: 0 for fate in Fate} | {"expired": 0})

    def start(self) -> None:
        self._consumer.start()

    def stop(self) -> None:
        self._consumer.stop()
        self._sender.close()

    def ready(self) -> bool:
        """Always: offers reach their channels without it."""
        return True

    def stats(self) -> Mapping[str, float]:
        """The consumer's and the fates; `later` counts what was given up."""
        return {**self._consumer.stats(), **self._counts}

    def _handle(self, records: list[Record]) -> Outcome:
        for record in records:
            if self._consumer.stopping.is_set():
                return Outcome((), records.index(record))
            self._notify(record)
        return Outcome((), len(records))

    def _notify(self, record: Record) -> None:
        browsers = self._subscriptions.of(record.key or "")
        if not browsers:
            return
        try:
            alert = CustomerAlert.from_text(record.value or "")
        except BadMessage:  # delivery makes a dead letter of it
            return
        left_s = int((alert.expires_at - self._clock.now()).total_seconds())
        if left_s <= 0:
            self._counts["expired"] += 1
            return
        for browser in browsers:
            fate = self._send(browser, _body(alert), left_s)
            self._counts[fate.value] += 1
            if fate is Fate.GONE:
                self._subscriptions.drop(browser.endpoint)
            elif fate is not Fate.TAKEN:
                log.warning("a push service did not take a notification (%s)", fate.value)

    def _send(self, browser: Subscription, body: bytes, ttl_s: int) -> Fate:
        fate = self._sender.send(browser, body, ttl_s)
        for wait_s in WAITS_S:
            if fate is not Fate.LATER or self._consumer.stopping.is_set():
                break
            self._clock.wait(self._consumer.stopping, wait_s)
            fate = self._sender.send(browser, body, ttl_s)
        return fate


def _body(alert: CustomerAlert) -> bytes:
    told = {"id": alert.id, "kind": alert.kind, "title": alert.title, "why": alert.why}
    return json.dumps(told, ensure_ascii=False).encode()
