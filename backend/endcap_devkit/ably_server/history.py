"""History, a page at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import web
from multidict import CIMultiDict

from endcap_devkit.ably_server.errors import BAD_PARAMETER, AblyError
from endcap_devkit.ably_server.http import reply
from endcap_devkit.ably_server.log import Entry, Log, position
from endcap_devkit.ably_server.serials import message_serial

DEFAULT_LIMIT: Final = 100
MAX_LIMIT: Final = 1_000
CREDENTIALS: Final = frozenset({"key", "accessToken", "access_token"})  # never in a link


@dataclass(frozen=True, slots=True)
class Query:
    """What part of the history is asked for; times in ms, both ends included."""

    start: int
    end: int
    forwards: bool
    limit: int
    until: str | None  # a position: nothing after it
    cursor: str | None  # the position of the last item of the page before

    @classmethod
    def read(cls, params: Mapping[str, str]) -> Query:
        """Raises AblyError 40003, naming the parameter."""
        start, end = whole(params, "start", 0), whole(params, "end", 2**62)
        if start > end:
            raise AblyError(BAD_PARAMETER, "start must not be later than end")
        direction = params.get("direction", "backwards")
        if direction not in ("backwards", "forwards"):
            raise AblyError(BAD_PARAMETER, "direction must be backwards or forwards")
        until = params.get("fromSerial") or params.get("from_serial")
        return cls(
            start,
            end,
            direction == "forwards",
            read_limit(params),
            position(until) if until else None,
            params.get("cursor"),
        )

    def takes(self, at: str, timestamp: int) -> bool:
        if not self.start <= timestamp <= self.end or (self.until is not None and at > self.until):
            return False
        return self.cursor is None or (at > self.cursor if self.forwards else at < self.cursor)


def page(
    log: Log, query: Query, write: Callable[[Entry, int], dict[str, Any]]
) -> tuple[list[dict[str, Any]], str | None]:
    """One page, and the cursor of the next, None on the last; `write` makes the item of an entry's n-th part."""
    found = [(at, entry, index) for at, entry, index in _newest_first(log) if query.takes(at, entry.timestamp)]
    if query.forwards:
        found.reverse()
    shown = found[: query.limit]
    cursor = shown[-1][0] if len(found) > len(shown) else None
    return [write(entry, index) for _, entry, index in shown], cursor


def _newest_first(log: Log) -> Iterator[tuple[str, Entry, int]]:
    for entry in log.newest_first():
        for index in reversed(range(len(entry.messages) or len(entry.presence))):
            yield message_serial(entry.serial, index), entry, index


def paged_reply(request: web.Request, items: list[Any], cursor: str | None, name: str) -> web.Response:
    """A page with its links, one header each, relative to the request."""
    response = reply(request, items)
    _add_links(response.headers, request.query, cursor, name)
    return response


def _add_links(headers: CIMultiDict[str], params: Mapping[str, str], cursor: str | None, name: str) -> None:
    asked = {key: value for key, value in params.items() if key not in CREDENTIALS}
    asked.setdefault("limit", str(DEFAULT_LIMIT))
    first = {key: value for key, value in asked.items() if key != "cursor"}
    links = {"first": first, "current": asked}
    if cursor is not None:
        links["next"] = {**asked, "cursor": cursor}
    for relation, query in links.items():
        headers.add("Link", f'<./{name}?{urlencode(query)}>; rel="{relation}"')


def read_limit(params: Mapping[str, str]) -> int:
    limit = whole(params, "limit", DEFAULT_LIMIT)
    if not 1 <= limit <= MAX_LIMIT:
        raise AblyError(BAD_PARAMETER, f"limit must be from 1 to {MAX_LIMIT}")
    return limit


def whole(params: Mapping[str, str], name: str, default: int) -> int:
    """A whole number of the query.

    Raises:
        AblyError: 40003.
    """
    text = params.get(name)
    if text is None or text == "":
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 18):
        raise AblyError(BAD_PARAMETER, f"{name} must be a whole number")
    return int(text)
