"""From the log to browsers: a notification for each alert of a shopper who asked for them."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy.exc import SQLAlchemyError

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
REST_S = 30.0  # a service that is silent is left alone: each try costs all others as long as our patience
LOOK_S = 0.25  # how soon those who wait are looked at again


@dataclass(slots=True)
class _Post:
    """A notification on its way to one browser. `due_s` is monotonic; before it, nothing is tried."""

    browser: Subscription
    body: bytes
    expires_at: datetime
    tries: int = 0
    due_s: float = 0.0


class WebPush:
    """Carries `customers_alerts` to push services as the consumer "webpush"; one thread, `endcap-webpush`.

    It is a courtesy beside Ably: what a service does not take in three tries is counted and left, and others pass
    meanwhile. A browser that is gone is forgotten. While the shop's database is away it waits. The body is
    `{"id", "kind", "title", "why"}`, without a place.
    """

    def __init__(self, records: Log, subscriptions: Subscriptions, sender: Sender, clock: Clock) -> None:
        self._subscriptions = subscriptions
        self._sender = sender
        self._clock = clock
        self._consumer = LogConsumer(records, "webpush", (CUSTOMERS_ALERTS,), self._handle, clock=clock)
        self._counts: Counter[str] = Counter({fate.value: 0 for fate in Fate})
        self._posts: dict[int, list[_Post]] = {}  # by the alert's offset, those that wait for another try
        self._settled: set[int] = set()  # offsets behind one that waits
        self._rests: dict[str, float] = {}  # until when, by the service's host
        self._blind = False  # the database was away at the last look

    def start(self) -> None:
        self._consumer.start()

    def stop(self) -> None:
        self._consumer.stop()
        self._sender.close()

    def ready(self) -> bool:
        """Always: offers reach their channels without it."""
        return True

    def stats(self) -> Mapping[str, float]:
        """The consumer's and the fates; `later` and `silent` count what was given up."""
        return {**self._consumer.stats(), **self._counts}

    def _handle(self, records: list[Record]) -> Outcome:
        try:
            for record in records:
                if self._consumer.stopping.is_set():
                    break
                self._carry(record)
            self._blind = False
        except SQLAlchemyError as fault:
            if not self._blind:
                log.warning("notifications wait for the shop's database: %s", type(fault).__name__)
            self._blind = True
        done = next((n for n, each in enumerate(records) if each.offset not in self._settled), len(records))
        self._settled.difference_update(each.offset for each in records[:done])
        return Outcome((), done, LOOK_S if done < len(records) else 0.0)

    def _carry(self, record: Record) -> None:
        """Try what is due of an alert."""
        if record.offset in self._settled:
            return
        if record.offset not in self._posts:
            self._posts[record.offset] = self._posts_of(record)
        waiting = self._posts[record.offset]
        for post in list(waiting):
            if self._is_through(post):
                waiting.remove(post)
        if not waiting:
            del self._posts[record.offset]
            self._settled.add(record.offset)

    def _posts_of(self, record: Record) -> list[_Post]:
        browsers = self._subscriptions.of(record.key or "")
        if not browsers:
            return []
        try:
            alert = CustomerAlert.from_text(record.value or "")
        except BadMessage:  # delivery makes a dead letter of it
            return []
        return [_Post(browser, _body(alert), alert.expires_at) for browser in browsers]

    def _is_through(self, post: _Post) -> bool:
        now_s = self._clock.monotonic()
        if now_s < post.due_s:
            return False
        fate = self._send(post)
        if fate is Fate.LATER and post.tries < len(WAITS_S):
            post.due_s, post.tries = now_s + WAITS_S[post.tries], post.tries + 1
            return False
        if fate is Fate.GONE:
            self._subscriptions.drop(post.browser.endpoint)
        elif fate in (Fate.LATER, Fate.REFUSED):
            log.warning("a push service did not take a notification (%s)", fate.value)
        self._counts[fate.value] += 1
        return True

    def _send(self, post: _Post) -> Fate:
        left_s = int((post.expires_at - self._clock.now()).total_seconds())
        if left_s <= 0:
            return Fate.EXPIRED
        service = urlsplit(post.browser.endpoint).netloc
        if self._clock.monotonic() < self._rests.get(service, 0.0):
            return Fate.SILENT
        fate = self._sender.send(post.browser, post.body, left_s)
        if fate is Fate.SILENT:
            log.warning("%s does not answer: no notifications through it for %g s", service, REST_S)
            self._rests[service] = self._clock.monotonic() + REST_S
        return fate


def _body(alert: CustomerAlert) -> bytes:
    told = {"id": alert.id, "kind": alert.kind, "title": alert.title, "why": alert.why}
    return json.dumps(told, ensure_ascii=False).encode()
