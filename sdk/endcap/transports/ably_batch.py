"""AblyBatch: many messages to many channels in one request, for servers.

Ably's REST over one kept-alive connection of the standard library: the official client's takes 0.7 ms of a core for a
request, this one 0.2 ms, and a backend makes hundreds a second.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from threading import Lock
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from endcap.errors import EndcapError, Unreachable
from endcap.transports.ably_endpoint import TOKEN_CODES, ably_options, fault_of

MAX_ITEMS = 100  # what Ably takes in one batch
MAX_BYTES = 512 * 1024  # of a request; Ably's own limit is 2 MiB
VERSION = "3"  # of Ably's protocol: the first whose batch answers spec by spec
TIMEOUT_S = 10.0  # to connect, and between two bytes of an answer
MAX_HOSTS = 3  # tried for one request, as Ably asks of its clients
CLOUD = (
    "https://main.realtime.ably.net",
    *(f"https://main.{each}.fallback.ably-realtime.com" for each in "abcde"),
)
_PATH = "/messages?newBatchResponse=true"


class AblyItem(NamedTuple):
    """One message: its channel, its id (the same id within two minutes is delivered once), its name, its JSON text."""

    channel: str
    message_id: str
    name: str
    data_text: str


@dataclass(frozen=True, slots=True)
class AblyOutcome:
    """What became of one item. `error` is None when Ably has it; Unreachable means that trying again may help."""

    channel: str
    message_id: str
    error: EndcapError | None = None


class _Answer(NamedTuple):
    """What Ably said; `body` is parsed JSON."""

    status: int
    body: Any
    retry_after: str


class AblyBatch:
    """Publishes over Ably's REST batch. Blocks; any thread, one request at a time.

    `endpoint_url` is "" for Ably's cloud, whose other hosts stand in when one does not answer, as `fallback_urls` do
    for an endpoint of one's own. `token` gives a token or JWT that may publish on the channels; it is asked at first,
    and again when Ably says that the token has expired.
    """

    def __init__(self, endpoint_url: str, token: Callable[[], str], fallback_urls: Sequence[str] = ()) -> None:
        ably_options(endpoint_url)  # raises for a URL that can't work
        self._hosts = [endpoint_url, *fallback_urls] if endpoint_url else list(CLOUD)
        self._token = token
        self._bearer = ""
        self._lock = Lock()
        self._connection: HTTPConnection | None = None

    def publish(self, items: Sequence[AblyItem | tuple[str, str, str, str]]) -> list[AblyOutcome]:
        """Deliver the items in order and say of each what became of it.

        Raises:
            Unreachable: no answer, 429 or 5xx; what an earlier request of a long batch delivered, the same ids cover.
            NotAuthorised: the token was refused, even a new one.
            Refused: the request as a whole; trying the same again won't help.
        """
        outcomes: list[AblyOutcome] = []
        with self._lock:
            for chunk in _chunks([AblyItem(*item) for item in items]):
                outcomes += self._deliver(chunk)
        return outcomes

    def close(self) -> None:
        """Let go of the connection. Idempotent; a publish after it connects anew."""
        with self._lock:
            self._disconnect()

    def _deliver(self, chunk: Sequence[AblyItem]) -> list[AblyOutcome]:
        body = json.dumps([_spec(item) for item in chunk], ensure_ascii=False, separators=(",", ":")).encode()
        answer = self._authorised(body)
        if answer.status >= 400:
            raise _refusal(answer)
        if not isinstance(answer.body, list) or not all(isinstance(spec, dict) for spec in answer.body):
            raise Unreachable("what answered the publish is not Ably: check the endpoint")
        results = [result for spec in answer.body for result in spec.get("results", ())]
        if len(results) != len(chunk):
            raise Unreachable(f"ably answered for {len(results)} of {len(chunk)} messages")
        return [_outcome(item, result) for item, result in zip(chunk, results, strict=True)]

    def _authorised(self, body: bytes) -> _Answer:
        """The answer under the token in hand or, when Ably wants it, under a new one."""
        self._bearer = self._bearer or self._token()
        answer = self._request(body)
        if _code(answer) in TOKEN_CODES:
            self._bearer = self._token()
            answer = self._request(body)
        return answer

    def _request(self, body: bytes) -> _Answer:
        """Ask one host after the other, beginning with the one that answered last."""
        fault: Exception | None = None
        for _ in range(min(MAX_HOSTS, len(self._hosts))):
            try:
                answer = self._ask(body)
            except (OSError, HTTPException, ValueError) as failed:  # the last: an answer that is not Ably's
                fault = failed
            else:
                if answer.status < 500 or len(self._hosts) == 1:
                    return answer
                fault = _refusal(answer)
            self._disconnect()
            self._hosts.append(self._hosts.pop(0))
        raise Unreachable(f"publish: {type(fault).__name__}: {fault}") from fault

    def _ask(self, body: bytes) -> _Answer:
        """One request; once more on a new connection when the kept one was closed meanwhile."""
        if self._connection is not None:
            with suppress(ConnectionError, HTTPException):
                return _exchange(self._connection, body, self._bearer)
            self._disconnect()
        self._connection = _connection(self._hosts[0])
        return _exchange(self._connection, body, self._bearer)

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _connection(host_url: str) -> HTTPConnection:
    parts = urlsplit(host_url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    return kind(parts.hostname or "", parts.port, timeout=TIMEOUT_S)


def _exchange(connection: HTTPConnection, body: bytes, bearer: str) -> _Answer:
    headers = {
        "Authorization": f"Bearer {bearer}",
        "Content-Type": "application/json",
        "Accept": "application/json",
        "X-Ably-Version": VERSION,
    }
    connection.request("POST", _PATH, body, headers)
    response = connection.getresponse()
    text = response.read()
    return _Answer(response.status, json.loads(text), response.headers.get("Retry-After", ""))


def _code(answer: _Answer) -> int:
    error = answer.body.get("error") if isinstance(answer.body, dict) else None
    return int(error.get("code") or 0) if isinstance(error, dict) else 0


def _chunks(items: Sequence[AblyItem]) -> Iterator[list[AblyItem]]:
    chunk: list[AblyItem] = []
    size = 0
    for item in items:
        item_bytes = len(item.data_text.encode()) + len(item.channel) + 200
        if chunk and (len(chunk) == MAX_ITEMS or size + item_bytes > MAX_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(item)
        size += item_bytes
    if chunk:
        yield chunk


def _spec(item: AblyItem) -> dict[str, Any]:
    """One spec an item: ids are idempotent only for a message that travels by itself."""
    return {
        "channels": [item.channel],
        "messages": [{"id": f"{item.message_id}:0", "name": item.name, "data": item.data_text}],
    }


def _outcome(item: AblyItem, result: dict[str, Any]) -> AblyOutcome:
    error = result.get("error")
    if error is None:
        return AblyOutcome(item.channel, item.message_id)
    fault = fault_of(
        int(error.get("code") or 0),
        int(error.get("statusCode") or 0),
        str(error.get("message") or ""),
        channel=item.channel,
        doing="publish",
    )
    return AblyOutcome(item.channel, item.message_id, fault)


def _refusal(answer: _Answer) -> EndcapError:
    error = answer.body.get("error") if isinstance(answer.body, dict) else None
    message = str(error.get("message") or "") if isinstance(error, dict) else ""
    fault = fault_of(_code(answer), answer.status, message or f"HTTP {answer.status}", doing="publish")
    if isinstance(fault, Unreachable) and answer.retry_after.isdecimal():
        fault.retry_after_s = float(answer.retry_after)
    return fault
