"""HttpTransport: fixes and events to the backend's own API, which answers when they are on its disk."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from endcap.clock import Clock, SystemClock
from endcap.errors import NotAuthorised, Refused, Unreachable
from endcap.messages import CustomerEvent, CustomerLocation
from endcap.session import Sessions
from endcap.transports import SendResult
from endcap.transports.api import Api, Reply
from endcap.wire import Message, write_instant


@dataclass(frozen=True, slots=True)
class _Endpoint:
    path: str
    field: str  # of the body, holding the messages


_ENDPOINTS: dict[type[Message], _Endpoint] = {
    CustomerLocation: _Endpoint("/locations", "locations"),
    CustomerEvent: _Endpoint("/events", "events"),
}


class HttpTransport:
    """A `Transport` over HTTP. A refused token is renewed once a batch.

    Every message goes out under the pseudonym of the session that carries it, whatever it was made under. `sent_at`
    goes with the batch, so that the backend can tell an old fix from a clock that is wrong.
    """

    def __init__(self, api: Api, sessions: Sessions, clock: Clock | None = None) -> None:
        self._api = api
        self._clock = clock or SystemClock()
        self._sessions = sessions
        self._closed = False

    def send(self, batch: Sequence[Message]) -> SendResult:
        if self._closed:
            raise Unreachable("the transport was closed by this side")
        return SendResult.merged(
            self._post(endpoint, {i: message for i, message in enumerate(batch) if isinstance(message, kind)})
            for kind, endpoint in _ENDPOINTS.items()
        )

    def close(self) -> None:
        """Send no more. The connections are the Api's, which others use too."""
        self._closed = True

    def _post(self, endpoint: _Endpoint, messages: Mapping[int, Message]) -> SendResult:
        if not messages:
            return SendResult(frozenset())
        indexes = list(messages)
        session = self._sessions.current()
        try:
            return self._deliver(endpoint, messages, indexes, session.uid, session.token)
        except NotAuthorised:
            session = self._sessions.renewed(session.token)
            return self._deliver(endpoint, messages, indexes, session.uid, session.token)

    def _deliver(
        self, endpoint: _Endpoint, messages: Mapping[int, Message], indexes: list[int], uid: str, token: str
    ) -> SendResult:
        items = [{**messages[index].to_json(), "uid": uid} for index in indexes]
        body = {endpoint.field: items, "sent_at": write_instant(self._clock.now())}
        try:
            return _result(self._api.post(endpoint.path, body, token), indexes)
        except Refused as fault:
            return _all_rejected(fault, indexes)


def _result(reply: Reply, indexes: list[int]) -> SendResult:
    """202: what is not named as a duplicate or rejected is on the backend's disk."""
    duplicates: set[int] = set()
    rejected: dict[int, str] = {}
    for item in reply.body.get("results", ()):
        index = _index(item, indexes)
        if index is None:
            continue
        if item.get("status") == "duplicate":
            duplicates.add(index)
        elif item.get("status") == "rejected":
            rejected[index] = _reason(item)
    return SendResult(frozenset(indexes) - duplicates - rejected.keys(), frozenset(duplicates), rejected)


def _all_rejected(fault: Refused, indexes: list[int]) -> SendResult:
    """422 with a fault for every message: each is rejected by itself. Anything less is a refusal of the whole."""
    if fault.status == 422:
        rejected = {}
        for item in _errors(fault.body):
            index = _index(item, indexes)
            if index is not None:
                rejected[index] = _reason(item)
        if len(rejected) == len(indexes):
            return SendResult(frozenset(), rejected=rejected)
    raise fault


def _errors(body: str) -> list[Any]:
    try:
        errors = json.loads(body).get("errors")
    except (ValueError, AttributeError):
        return []
    return errors if isinstance(errors, list) else []


def _index(item: object, indexes: list[int]) -> int | None:
    position = item.get("index") if isinstance(item, dict) else None
    return indexes[position] if isinstance(position, int) and 0 <= position < len(indexes) else None


def _reason(item: Mapping[str, Any]) -> str:
    """Field and reason, without a value: it is counted, logged and shown."""
    return f"rejected: {item.get('field') or 'message'} {item.get('reason') or 'refused'}"[:120]
