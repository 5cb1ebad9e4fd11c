"""The backend's HTTP API as the SDK calls it: JSON out, JSON back, and three kinds of failure."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from threading import Lock
from typing import TYPE_CHECKING, Any

from endcap.errors import NotAuthorised, Refused, Unreachable

if TYPE_CHECKING:
    import httpx

GZIP_FROM_BYTES = 1024  # below it gzip costs more than it saves
MAX_REPLY_BYTES = 64 * 2**20  # a hundred thousand fences have 30 MB; what is longer is not ours
MAX_RETRY_AFTER_S = 3600.0  # a server that asks for more is asked again in an hour


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of 2xx, or 304 to who named an ETag: nothing has changed.

    `at` is the server's time as it says in `Date`, None when it doesn't; `etag` is what it calls this answer, ""
    where it has no name for it.
    """

    status: int
    body: dict[str, Any]
    at: datetime | None
    etag: str = ""


class Api:
    """A connection to one backend. httpx is imported on the first call; any thread."""

    def __init__(self, base_url: str, *, timeout_s: float = 10.0) -> None:
        self._base_url = base_url.rstrip("/")
        self._timeout_s = timeout_s
        self._interruptions = 0
        self._lock = Lock()
        self._client: httpx.Client | None = None
        self._closed = False
        self._gzip_refused = False

    def post(self, path: str, body: Any, token: str | None = None) -> Reply:
        """POST `body` as JSON to `/v1` + `path`.

        Raises:
            Unreachable: no connection, no answer in time, 408, 425, 429 or 5xx.
            NotAuthorised: 401.
            Refused: any other answer that is not 2xx.
        """
        return self._call("POST", path, body, token)

    def put(self, path: str, body: Any, token: str | None = None) -> Reply:
        """PUT `body` as JSON to `/v1` + `path`; raises as `post`."""
        return self._call("PUT", path, body, token)

    def patch(self, path: str, body: Any, token: str | None = None) -> Reply:
        """PATCH `body` as JSON to `/v1` + `path`; raises as `post`."""
        return self._call("PATCH", path, body, token)

    def get(self, path: str, token: str | None = None, etag: str = "") -> Reply:
        """GET `/v1` + `path`, unless it is still the answer that `etag` is of; raises as `post`."""
        return self._call("GET", path, None, token, etag)

    def delete(self, path: str, token: str | None = None) -> Reply:
        """DELETE `/v1` + `path`; raises as `post`."""
        return self._call("DELETE", path, None, token)

    def interrupt(self) -> None:
        """Let no request begun before this call send its body any more: consent was revoked while it connected."""
        self._interruptions += 1

    def close(self) -> None:
        """Close the connections; calls after it raise Unreachable."""
        with self._lock:
            self._closed = True
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _call(self, method: str, path: str, body: Any, token: str | None, etag: str = "") -> Reply:
        content = None if body is None else json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        packed = content is not None and len(content) >= GZIP_FROM_BYTES and not self._gzip_refused
        try:
            return self._exchange(method, path, content, token, packed=packed, etag=etag)
        except Refused as fault:
            if fault.status != 415 or not packed:
                raise
            self._gzip_refused = True  # some proxies take no packed bodies
            return self._exchange(method, path, content, token, packed=False)

    def _exchange(
        self, method: str, path: str, content: bytes | None, token: str | None, *, packed: bool, etag: str = ""
    ) -> Reply:
        import httpx

        headers = {"Accept": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if etag:
            headers["If-None-Match"] = etag
        if content is not None:
            if packed:
                content = gzip.compress(content, 6, mtime=0)
                headers["Content-Encoding"] = "gzip"
            headers |= {"Content-Type": "application/json", "Content-Length": str(len(content))}
        url = f"{self._base_url}/v1{path}"
        try:
            body = None if content is None else self._uninterrupted(content)
            with self._connected().stream(method, url, content=body, headers=headers) as response:
                return _reply(response, _read(response))
        except httpx.HTTPError as fault:
            raise Unreachable(f"{method} {url}: {type(fault).__name__}: {fault}") from fault
        except RuntimeError as fault:  # httpx says so when another thread has closed the client
            raise Unreachable(f"{method} {url}: {fault}") from fault

    def _uninterrupted(self, content: bytes) -> Iterator[bytes]:
        """The body, for httpx to ask for once the connection stands."""
        begun = self._interruptions

        def body() -> Iterator[bytes]:
            if self._interruptions != begun:
                raise Unreachable("consent was revoked while the connection was made")
            yield content

        return body()

    def _connected(self) -> httpx.Client:
        import httpx

        with self._lock:
            if self._closed:
                raise Unreachable("the connection was closed by this side")
            if self._client is None:
                self._client = httpx.Client(
                    timeout=self._timeout_s,
                    headers={"User-Agent": "endcap-sdk"},
                    verify=self._base_url.startswith("https:"),  # certificates take 30 ms to load
                )
            return self._client


def _read(response: httpx.Response) -> bytes:
    chunks, size = [], 0
    for chunk in response.iter_bytes():
        size += len(chunk)
        if size > MAX_REPLY_BYTES:
            raise Unreachable(f"{response.url} answered with more than {MAX_REPLY_BYTES} bytes: is it the backend?")
        chunks.append(chunk)
    return b"".join(chunks)


def _reply(response: httpx.Response, content: bytes) -> Reply:
    status, text = response.status_code, content.decode("utf-8", "replace")
    if 200 <= status < 300 or (status == 304 and "If-None-Match" in response.request.headers):
        told = _object(content, str(response.url))
        return Reply(status, told, _http_date(response.headers.get("Date")), response.headers.get("ETag", ""))
    said = f"{response.request.method} {response.url} answered {status}: {_detail(text)}"
    if status == 401:
        raise NotAuthorised(said)
    if status in (408, 425, 429) or status >= 500:
        raise Unreachable(said, _retry_after_s(response), status)
    raise Refused(said, status, text)


def _object(content: bytes, url: str) -> dict[str, Any]:
    if not content:
        return {}
    try:
        value = json.loads(content)
    except ValueError:
        value = None
    if not isinstance(value, dict):  # a captive portal's login page comes with 200 too
        raise Unreachable(f"{url} did not answer in JSON: is a login page of the Wi-Fi in between?")
    return value


def _detail(text: str) -> str:
    """What a problem+json body says in words; else the beginning of whatever came."""
    try:
        problem = json.loads(text)
        return str(problem.get("detail") or problem.get("title"))[:500]
    except (ValueError, AttributeError):
        return text[:200]


def _retry_after_s(response: httpx.Response) -> float | None:
    """Retry-After in seconds, given as a number or as a date, at most an hour; None when it isn't there."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return min(float(value), MAX_RETRY_AFTER_S)
    until = _http_date(value)
    if until is None:
        return None
    now = _http_date(response.headers.get("Date")) or datetime.now(UTC)
    return min(max(0.0, (until - now).total_seconds()), MAX_RETRY_AFTER_S)


def _http_date(value: str | None) -> datetime | None:
    if not value:
        return None
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
