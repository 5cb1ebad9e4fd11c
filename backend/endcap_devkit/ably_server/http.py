"""What all REST routes share: formats, credentials, errors."""

from __future__ import annotations

import logging
import zlib
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web

from endcap_devkit.ably_server.auth import Identity
from endcap_devkit.ably_server.errors import BAD_REQUEST, INTERNAL, NOT_FOUND, TOO_BIG, AblyError
from endcap_devkit.ably_server.formats import Format
from endcap_devkit.ably_server.state import STATE

logger = logging.getLogger(__name__)

_WINDOW_BITS: Final = {"gzip": 31, "deflate": 15}  # zlib's: with a gzip header, with a zlib header
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def reply_format(request: web.Request) -> Format:
    """By `?format=`, else by which of the two `Accept` names first; JSON when it names neither."""
    asked = request.query.get("format")
    if asked in ("json", "msgpack"):
        return Format.MSGPACK if asked == "msgpack" else Format.JSON
    for choice in request.headers.get("Accept", "").split(","):
        media = choice.partition(";")[0].strip().lower()
        if media in (Format.JSON.content_type, Format.MSGPACK.content_type):
            return Format(media)
    return Format.JSON


async def read_body(request: web.Request) -> Any:
    """The request's one value, by its Content-Type.

    Raises:
        AblyError: 40000.
    """
    format = Format.MSGPACK if request.content_type == Format.MSGPACK.content_type else Format.JSON
    return format.decode(_inflated(await request.read(), request))


def _inflated(raw: bytes, request: web.Request) -> bytes:
    """The body without its Content-Encoding, no larger than a plain one may be."""
    encoding = request.headers.get("Content-Encoding", "identity").lower()
    if encoding == "identity":
        return raw
    if encoding not in _WINDOW_BITS:
        raise AblyError(BAD_REQUEST, "the body's Content-Encoding must be gzip or deflate")
    most = request.app[STATE].settings.max_body_bytes
    inflater = zlib.decompressobj(_WINDOW_BITS[encoding])
    try:
        body = inflater.decompress(raw, most)
    except zlib.error:
        raise AblyError(BAD_REQUEST, f"the body is not valid {encoding}") from None
    if inflater.unconsumed_tail:
        raise AblyError(TOO_BIG, f"the body has more than {most} bytes")
    if not inflater.eof:
        raise AblyError(BAD_REQUEST, f"the body is not valid {encoding}")
    return body


async def read_object(request: web.Request) -> dict[str, Any]:
    body = await read_body(request)
    if not isinstance(body, dict):
        raise AblyError(BAD_REQUEST, "the body must be an object")
    return body


def reply(request: web.Request, value: Any, status: int = 200) -> web.Response:
    format = reply_format(request)
    return web.Response(body=format.encode(value), status=status, headers={"Content-Type": format.content_type})


def identify(request: web.Request) -> Identity:
    """Raises AblyError (401xx) unless the request carries credentials that hold."""
    ably = request.app[STATE]
    return ably.auth.identify(request.headers, request.query, ably.now_ms())


def refusal(request: web.Request, fault: AblyError) -> web.Response:
    response = reply(request, {"error": fault.to_wire()}, fault.status)
    response.headers["X-Ably-Errorcode"] = str(fault.code)
    response.headers["X-Ably-Errormessage"] = (
        fault.message.encode("ascii", "backslashreplace").decode().replace("\n", " ")
    )
    return response


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every refusal in Ably's form; what is our own fault is logged and says 50000."""
    try:
        return await handler(request)
    except AblyError as fault:
        ably = request.app[STATE]
        ably.journal.note("refused", ably.now_ms(), name=str(fault.code), channel=request.path, data=fault.message)
        return refusal(request, fault)
    except web.HTTPException as fault:
        return refusal(request, _of_http(fault))
    except ConnectionError:
        raise  # the client has gone
    except Exception:
        logger.exception("%s %s failed", request.method, request.match_info.route.resource)
        return refusal(request, AblyError(INTERNAL, "the server failed on this request"))


def _of_http(fault: web.HTTPException) -> AblyError:
    if fault.status in (404, 405):
        return AblyError(NOT_FOUND, "there is nothing at this path for this method")
    if fault.status == 413:
        return AblyError(TOO_BIG, "the body is too big")
    return AblyError(fault.status * 100, fault.reason)
