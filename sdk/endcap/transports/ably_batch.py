"""AblyBatch: many messages to many channels in one request, for servers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from endcap.errors import EndcapError, Unreachable
from endcap.transports.ably_endpoint import TOKEN_CODES, ably_options, fault_of, prepare

if TYPE_CHECKING:
    from ably.sync import AblyRestSync

MAX_ITEMS = 100  # what Ably takes in one batch
MAX_BYTES = 512 * 1024  # of a request; Ably's own limit is 2 MiB
VERSION = "3"  # of Ably's protocol: the first whose batch answers spec by spec


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


class AblyBatch:
    """Publishes over Ably's REST batch. Blocks; any thread, several at a time.

    `endpoint_url` is "" for Ably's cloud. `token` gives a token or JWT that may publish on the channels; it is asked at
    first, and again when Ably says that the token has expired. ably is imported at the first publish.
    """

    def __init__(self, endpoint_url: str, token: Callable[[], str]) -> None:
        self._options = ably_options(endpoint_url)
        self._token = token
        self._lock = Lock()
        self._rest: AblyRestSync | None = None

    def publish(self, items: Sequence[AblyItem | tuple[str, str, str, str]]) -> list[AblyOutcome]:
        """Deliver the items in order and say of each what became of it.

        Raises:
            Unreachable: no answer, 429 or 5xx; what an earlier request of a long batch delivered, the same ids cover.
            NotAuthorised: the token was refused, even a new one.
            Refused: the request as a whole; trying the same again won't help.
        """
        outcomes: list[AblyOutcome] = []
        for chunk in _chunks([AblyItem(*item) for item in items]):
            outcomes += self._deliver(chunk)
        return outcomes

    def close(self) -> None:
        """Let go of the connections. Idempotent; a publish after it connects anew."""
        with self._lock:
            rest, self._rest = self._rest, None
        if rest is not None:
            rest.close()

    def _deliver(self, chunk: Sequence[AblyItem]) -> list[AblyOutcome]:
        specs = [_spec(item) for item in chunk]
        answer = self._request(specs)
        if int(answer.error_code or 0) in TOKEN_CODES:
            self._connected().auth.authorize()
            answer = self._request(specs)
        if not answer.success:
            raise _refusal(answer)
        results = [result for spec in answer.items for result in spec.get("results", ())]
        if len(results) != len(chunk):
            raise Unreachable(f"ably answered for {len(results)} of {len(chunk)} messages")
        return [_outcome(item, result) for item, result in zip(chunk, results, strict=True)]

    def _request(self, specs: list[dict[str, Any]]) -> Any:
        import httpx
        from ably.sync import AblyException

        rest = self._connected()
        try:
            return rest.request("POST", "/messages", VERSION, params={"newBatchResponse": "true"}, body=specs)
        except AblyException as fault:
            raise fault_of(fault.code or 0, fault.status_code or 0, fault.message, doing="publish") from fault
        except (httpx.HTTPError, KeyError, ValueError) as fault:  # the last two: an answer that is not Ably's
            raise Unreachable(f"publish: {type(fault).__name__}: {fault}") from fault

    def _connected(self) -> AblyRestSync:
        with self._lock:
            if self._rest is None:
                prepare()
                from ably.sync import AblyRestSync

                self._rest = AblyRestSync(auth_callback=self._token_details, use_binary_protocol=False, **self._options)
            return self._rest

    def _token_details(self, _params: object) -> Any:
        from ably.sync.types.tokendetails import TokenDetails

        return TokenDetails(token=self._token())


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


def _refusal(answer: Any) -> EndcapError:
    code, status = int(answer.error_code or 0), int(answer.status_code)
    fault = fault_of(code, status, answer.error_message or f"HTTP {status}", doing="publish")
    wait = answer.response.headers.get("Retry-After", "")
    if isinstance(fault, Unreachable) and wait.isdecimal():
        fault.retry_after_s = float(wait)
    return fault
