"""The two formats of the wire, JSON and msgpack, and what may stand in either."""

from __future__ import annotations

import json
from enum import Enum
from math import isfinite
from typing import Any, Final

import msgpack

from endcap_devkit.ably_server.errors import BAD_REQUEST, AblyError

MAX_DEPTH: Final = 64  # nesting of a body; deeper than any message has reason to be
_INT64: Final = range(-(2**63), 2**64)  # what msgpack can carry


class Format(Enum):
    """The value is the exact content type; Ably sends no charset and clients' tests compare it."""

    JSON = "application/json"
    MSGPACK = "application/x-msgpack"

    @property
    def content_type(self) -> str:
        return self.value

    def decode(self, body: bytes | str) -> Any:
        """One value.

        Raises:
            AblyError: 40000, not of this format or holding what can't be passed on in the other.
        """
        value = _from_json(body) if self is Format.JSON else _from_msgpack(body)
        return _clean(value, self, MAX_DEPTH)

    def encode(self, value: Any) -> bytes:
        if self is Format.JSON:
            return json.dumps(value, separators=(",", ":")).encode()
        return bytes(msgpack.packb(value))


def to_json_text(value: Any) -> str:
    """Compact JSON of a value that `decode` let through."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _from_json(body: bytes | str) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):  # a UnicodeDecodeError is a ValueError
        raise AblyError(BAD_REQUEST, "the body is not valid JSON") from None


def _from_msgpack(body: bytes | str) -> Any:
    if isinstance(body, str):
        raise AblyError(BAD_REQUEST, "a msgpack frame must be binary")
    try:
        # Old clients pack bytes as the raw/str type: surrogateescape keeps them whole until _clean turns them back.
        return msgpack.unpackb(body, unicode_errors="surrogateescape", strict_map_key=False)
    except (ValueError, TypeError, msgpack.UnpackException, RecursionError):
        raise AblyError(BAD_REQUEST, "the body is not valid msgpack") from None


def _clean(value: Any, source: Format, depth: int) -> Any:
    """`value` with old raw strings as bytes; refuses what either format could not write."""
    if isinstance(value, str):
        return _text(value, source)
    if value is None or isinstance(value, bool | bytes):
        return value
    if isinstance(value, int):
        if value not in _INT64:
            raise AblyError(BAD_REQUEST, "the body holds a whole number beyond 64 bits")
        return value
    if isinstance(value, float):
        if not isfinite(value):
            raise AblyError(BAD_REQUEST, "the body holds NaN or Infinity")
        return value
    if depth == 0:
        raise AblyError(BAD_REQUEST, f"the body is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, list):
        return [_clean(each, source, depth - 1) for each in value]
    if isinstance(value, dict):
        return {_map_key(key, source): _clean(each, source, depth - 1) for key, each in value.items()}
    raise AblyError(BAD_REQUEST, "the body holds a msgpack extension type")


def _map_key(key: Any, source: Format) -> str:
    text = _text(key, source) if isinstance(key, str) else None
    if not isinstance(text, str):
        raise AblyError(BAD_REQUEST, "the body has a map with a key that is not text")
    return text


def _text(text: str, source: Format) -> str | bytes:
    if text.isascii():
        return text
    try:
        text.encode()
        return text
    except UnicodeEncodeError:
        if source is Format.JSON:
            raise AblyError(BAD_REQUEST, "the body holds half of a surrogate pair") from None
        return text.encode("utf-8", "surrogateescape")
