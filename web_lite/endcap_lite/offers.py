"""Her live offers as this server reads them from her channel: for pages without scripts, and for polling."""

from __future__ import annotations

import base64
import logging
from collections import OrderedDict
from datetime import timedelta
from threading import Lock
from typing import Any
from urllib.parse import quote

import httpx

from endcap.clock import Clock, SystemClock
from endcap.errors import Unreachable
from endcap.messages import CustomerAlert
from endcap.subscriber import Subscriber
from endcap.transports import AblyToken
from endcap_lite.backend import Backend

log = logging.getLogger("endcap.lite")

MOST = 50  # offers of one visit
VISITS = 10_000  # whose offers are remembered; then the one longest unseen goes
EARLY = timedelta(seconds=30)  # a token is renewed so long before it ends


class Offers:
    """What is on offer to each visit. Ably keeps a channel's messages for two minutes, we until they expire.

    Any thread; two that ask for one visit at once take turns.
    """

    def __init__(self, client: httpx.Client, ably_url: str, backend: Backend, clock: Clock | None = None) -> None:
        self._client = client
        self._ably_url = ably_url
        self._backend = backend
        self._clock = clock or SystemClock()
        self._lock = Lock()
        self._heard: OrderedDict[str, _Heard] = OrderedDict()

    def of(self, visit_id: str) -> list[CustomerAlert]:
        """Her offers that still hold, newest first; what is on the channel now is added to what was there before.

        Raises:
            NotAuthorised: the visit was erased.
            Unreachable, Refused: backend or Ably does not answer, and nothing is remembered of her.
        """
        heard = self._of(visit_id)
        with heard.lock:
            try:
                self._listen(visit_id, heard)
            except Unreachable as fault:
                if not heard.alerts:
                    raise
                log.info("offers stay as they were: %s", fault)
            now = self._clock.now()
            heard.alerts = [alert for alert in heard.alerts if alert.expires_at > now][-MOST:]
            return heard.alerts[::-1]

    def forget(self, visit_id: str) -> None:
        with self._lock:
            self._heard.pop(visit_id, None)

    def _of(self, visit_id: str) -> _Heard:
        with self._lock:
            heard = self._heard.setdefault(visit_id, _Heard(self._clock))
            self._heard.move_to_end(visit_id)
            while len(self._heard) > VISITS:
                self._heard.popitem(last=False)
            return heard

    def _listen(self, visit_id: str, heard: _Heard) -> None:
        for message in reversed(self._history(visit_id, heard)):
            data = message.get("data")
            if isinstance(data, str) and str(message.get("encoding", "")).endswith("base64"):
                data = base64.b64decode(data)
            heard.subscriber.receive(data)

    def _history(self, visit_id: str, heard: _Heard) -> list[dict[str, Any]]:
        """What Ably still has of her channel, newest first."""
        if heard.token is None or heard.token.expires_at < self._clock.now() + EARLY:
            heard.token = self._backend.history_token(visit_id)
        answer = self._ask(heard.token)
        if answer.status_code == 401:  # it was revoked, or the key was changed
            heard.token = self._backend.history_token(visit_id)
            answer = self._ask(heard.token)
        if answer.status_code != 200:
            raise Unreachable(f"the channel's history: status {answer.status_code}")
        messages: list[dict[str, Any]] = answer.json()
        return messages

    def _ask(self, token: AblyToken) -> httpx.Response:
        url = f"{self._ably_url}/channels/{quote(token.promotions_channel, safe='')}/messages"
        bearer = base64.b64encode(token.token.encode()).decode()
        try:
            return self._client.get(
                url, params={"limit": 100, "direction": "backwards"}, headers={"Authorization": f"Bearer {bearer}"}
            )
        except httpx.TransportError as fault:
            raise Unreachable(f"the channel's history: {fault or type(fault).__name__}") from None


class _Heard:
    """One visit's alerts, oldest first, and the token that reads them."""

    def __init__(self, clock: Clock) -> None:
        self.lock = Lock()
        self.alerts: list[CustomerAlert] = []
        self.token: AblyToken | None = None
        self.subscriber = Subscriber(self._take, clock=clock)

    def _take(self, alert: CustomerAlert) -> None:
        self.alerts.append(alert)
