"""Cross-origin requests: browsers send credentials, so every name is spelt out and no `*` is used."""

from __future__ import annotations

from aiohttp import web

from endcap_devkit.ably_server.http import Handler

EXPOSED = "Link, Transfer-Encoding, Content-Length, X-Ably-Errorcode, X-Ably-Errormessage, X-Ably-Serverid, Server"
METHODS = "GET, POST, PUT, PATCH, DELETE, OPTIONS"


@web.middleware
async def cors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer preflights; streams ask for `headers_for` themselves, before they start."""
    origin = request.headers.get("Origin")
    if origin is None or request.path.startswith("/local/"):  # a page elsewhere has no business with the switches
        return await handler(request)
    if request.method == "OPTIONS":
        response: web.StreamResponse = web.Response(status=204, headers=_preflight(request))
    else:
        response = await handler(request)
    if not response.prepared:
        response.headers.update(headers_for(origin))
    return response


def headers_for(origin: str | None) -> dict[str, str]:
    """What lets a page of `origin` read a reply."""
    if origin is None:
        return {}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Expose-Headers": EXPOSED,
        "Vary": "Origin",
    }


def _preflight(request: web.Request) -> dict[str, str]:
    asked = request.headers.get("Access-Control-Request-Headers", "")
    return {
        "Access-Control-Allow-Methods": METHODS,
        "Access-Control-Allow-Headers": asked or "Authorization, Content-Type, X-Ably-Version",
        "Access-Control-Max-Age": "600",
    }
