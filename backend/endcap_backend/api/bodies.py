"""Bodies: reading a request's JSON within bounds, writing an answer's."""

from __future__ import annotations

import json
import zlib
from collections.abc import Collection, Mapping
from typing import Any, TypeVar, cast

from flask import Response, request

from endcap.errors import BadMessage, OutOfRange
from endcap.wire import Message, parse_json
from endcap_backend.api.problems import Problem, invalid

M = TypeVar("M", bound=Message)

JSON = "application/json"
MAX_RATIO = 200  # of a packed body; 500 like fixes pack to a thirtieth, a bomb to a thousandth
RATIO_FROM_BYTES = 64 * 1024  # below it a high ratio harms nobody
_GZIP = 16 + zlib.MAX_WBITS
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def read_json(max_bytes: int, media: Collection[str] = (JSON,)) -> object:
    """The request's body as parsed JSON, unpacked if it was packed with gzip.

    Raises:
        Problem: 400 no JSON, no UTF-8, broken gzip; 413 more than `max_bytes` unpacked; 415 another content type.
    """
    if request.mimetype not in media:
        raise Problem("unsupported_media_type", f"send JSON, with Content-Type: {' or '.join(media)}")
    if request.mimetype_params.get("charset", "utf-8").lower() not in ("utf-8", "utf8"):
        raise Problem("unsupported_media_type", "send JSON in UTF-8")
    return parsed(unpacked(read_raw(max_bytes), max_bytes))


def read_object(max_bytes: int) -> Mapping[str, Any]:
    """As `read_json`, of a JSON object; any other value is a problem 422."""
    return as_object(read_json(max_bytes))


def as_object(value: object) -> Mapping[str, Any]:
    """`value` itself if it is a JSON object; raises the problem 422."""
    if not isinstance(value, dict):
        raise Problem("invalid", "the body must be a JSON object")
    return cast(Mapping[str, Any], value)


def read_message(cls: type[M], max_bytes: int) -> M:
    """As `read_object`, of a message; a field at fault is a problem 422."""
    try:
        return cls.from_json(read_object(max_bytes))
    except BadMessage as fault:
        raise invalid(fault) from None
    except OutOfRange as fault:
        raise Problem("invalid", str(fault)) from None


def read_raw(max_bytes: int) -> bytes:
    """The bytes as they were sent; raises the problem 413 for more than `max_bytes`."""
    if (request.content_length or 0) > max_bytes:
        raise _too_large(max_bytes)
    raw = request.stream.read(max_bytes + 1)
    if len(raw) > max_bytes:
        raise _too_large(max_bytes)
    return raw


def parsed(raw: bytes) -> object:
    """JSON in UTF-8, NaN left to the field it stands in; raises the problem 400."""
    try:
        return parse_json(raw.decode("utf-8"), refuse_nan=False)
    except UnicodeDecodeError as fault:
        raise Problem("malformed", f"the body is not valid UTF-8 at byte {fault.start}") from None
    except BadMessage as fault:
        raise Problem("malformed", f"the body {fault.reason}") from None


def unpacked(raw: bytes, max_bytes: int, encoding: str | None = None) -> bytes:
    """`raw` itself, or what it holds when `encoding`, by default the request's, says it is packed."""
    said = request.headers.get("Content-Encoding", "identity") if encoding is None else encoding
    encoding = said.strip().lower()
    if encoding in ("identity", ""):
        return raw
    if encoding not in ("gzip", "x-gzip"):
        raise Problem(
            "unsupported_media_type", "pack the body with gzip or not at all", headers={"Accept-Encoding": "gzip"}
        )
    unpacking = zlib.decompressobj(_GZIP)
    try:
        found = unpacking.decompress(raw, max_bytes + 1)
    except zlib.error:
        raise Problem("malformed", "the body is not valid gzip") from None
    if len(found) > max_bytes:
        raise _too_large(max_bytes)
    if len(found) > max(RATIO_FROM_BYTES, MAX_RATIO * len(raw)):
        raise Problem("too_large", f"the body unpacks to more than {MAX_RATIO} times its size")
    if not unpacking.eof or unpacking.unused_data:
        raise Problem("malformed", "the body is not one whole gzip member")
    return found


def answer(body: object, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(to_json(body), status, mimetype=JSON)


def to_json(body: object) -> str:
    """As an answer has it."""
    return _ENCODER.encode(body)


def _too_large(max_bytes: int) -> Problem:
    return Problem("too_large", f"at most {max_bytes} bytes are read, unpacked: send it in parts")
