"""AblyTransport: fixes on the shopper's own Ably channel, acknowledged, at most one message a second."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from threading import Event
from typing import Any

from endcap.clock import Clock, SystemClock
from endcap.errors import Refused, Unreachable
from endcap.messages import CustomerLocation, derived_id
from endcap.subscriber import Subscriber
from endcap.transports import AblyToken, SendResult, Transport
from endcap.transports.ably_connection import AblyConnection
from endcap.wire import Message

MESSAGE_NAME = "location"
EVERY_S = 1.0  # between messages on one channel; Ably rejects above 50 a second, a phone needs no more than one
MESSAGE_BYTES = 60_000  # Ably takes 65,536 with name and ids


class AblyTransport:
    """A `Transport` for fixes. Catch-up fixes travel as one message that holds an array.

    `send` returns when Ably has acknowledged; the outbox, not Ably's client, keeps what was not. Fixes go out under the
    token's pseudonym, whatever they were made under. Everything but fixes goes by `other`, since a shopper's token
    publishes on her location channel alone.
    """

    def __init__(
        self,
        tokens: Callable[[], AblyToken],
        other: Transport | None = None,
        *,
        endpoint: str = "",
        timeout_s: float = 10.0,
        clock: Clock | None = None,
    ) -> None:
        self.connection = AblyConnection(tokens, endpoint=endpoint)
        self._other = other
        self._timeout_s = timeout_s
        self._clock = clock or SystemClock()
        self._published_s: float | None = None
        self._closing = Event()

    def listen(self, subscriber: Subscriber) -> None:
        """Block until her offers are heard on the same connection; from then on over any gap.

        Raises:
            Unreachable, NotAuthorised, Refused: why they are not.
        """
        token = self.connection.until_connected(self._timeout_s)

        def on_data(data: object) -> None:
            subscriber.receive(data)

        self.connection.listen(token.promotions_channel, on_data, self._timeout_s)

    def send(self, batch: Sequence[Message]) -> SendResult:
        fixes = {index: message for index, message in enumerate(batch) if isinstance(message, CustomerLocation)}
        rest = [index for index in range(len(batch)) if index not in fixes]
        results = [self._pass_on(batch, rest)] if rest else []
        if fixes:
            token = self.connection.until_connected(self._timeout_s)
            results += [self._publish(part, token) for part in _parts(fixes, token.client_id)]
        return SendResult.merged(results)

    def close(self) -> None:
        self._closing.set()
        self.connection.close()
        if self._other is not None:
            self._other.close()

    def _publish(self, part: dict[int, dict[str, Any]], token: AblyToken) -> SendResult:
        items = list(part.values())
        self._pace()
        try:
            self.connection.publish(
                token.location_channel,
                _message_id(items),
                MESSAGE_NAME,
                items[0] if len(items) == 1 else items,
                self._timeout_s,
            )
        except Refused as fault:
            return SendResult(frozenset(), rejected=dict.fromkeys(part, f"rejected: {fault}"[:120]))
        return SendResult(frozenset(part))

    def _pace(self) -> None:
        if self._published_s is not None:
            self._clock.wait(self._closing, max(0.0, self._published_s + EVERY_S - self._clock.monotonic()))
        if self._closing.is_set():
            raise Unreachable("the Ably connection was closed by this side")
        self._published_s = self._clock.monotonic()

    def _pass_on(self, batch: Sequence[Message], indexes: list[int]) -> SendResult:
        if self._other is None:
            return SendResult(frozenset(), rejected=dict.fromkeys(indexes, "rejected: only fixes travel over Ably"))
        result = self._other.send([batch[index] for index in indexes])
        return SendResult(
            frozenset(indexes[index] for index in result.accepted),
            frozenset(indexes[index] for index in result.duplicates),
            {indexes[index]: reason for index, reason in result.rejected.items()},
        )


def _parts(fixes: dict[int, CustomerLocation], uid: str) -> Iterator[dict[int, dict[str, Any]]]:
    """The fixes cut into messages, in order."""
    part: dict[int, dict[str, Any]] = {}
    size = 0
    for index, fix in fixes.items():
        item = {**fix.to_json(), "uid": uid}
        item_bytes = len(json.dumps(json.dumps(item))) + 2  # an object travels as text within JSON: quotes cost double
        if part and size + item_bytes > MESSAGE_BYTES:
            yield part
            part, size = {}, 0
        part[index] = item
        size += item_bytes
    if part:
        yield part


def _message_id(items: Sequence[dict[str, Any]]) -> str:
    """The same fixes give the same id, by which Ably knows a repeat; `:0` is its form for a message by itself."""
    return derived_id(*(item.get("id") or item.get("taken_at") for item in items)) + ":0"
