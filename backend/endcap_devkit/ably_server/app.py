"""The routes of the local Ably."""

from __future__ import annotations

from aiohttp import web

from endcap_devkit.ably_server import batch, rest
from endcap_devkit.ably_server.cors import cors
from endcap_devkit.ably_server.http import errors
from endcap_devkit.ably_server.local import add_local_routes, page
from endcap_devkit.ably_server.realtime import realtime
from endcap_devkit.ably_server.revocation import revoke_tokens
from endcap_devkit.ably_server.sse import event_stream
from endcap_devkit.ably_server.state import STATE, LocalAbly

CHANNEL = "/channels/{channel:[^/]*}"


def create_app(ably: LocalAbly) -> web.Application:
    """REST, realtime and event streams over one `LocalAbly`."""
    app = web.Application(middlewares=[cors, errors], client_max_size=ably.settings.max_body_bytes)
    app[STATE] = ably
    app.router.add_get("/", root)
    app.router.add_get("/time", rest.time)
    app.router.add_post(f"{CHANNEL}/messages", rest.publish)
    app.router.add_get(f"{CHANNEL}/messages", rest.history)
    app.router.add_get(f"{CHANNEL}/history", rest.history)
    app.router.add_get(f"{CHANNEL}/presence", rest.presence)
    app.router.add_get(f"{CHANNEL}/presence/history", rest.presence_history)
    app.router.add_get(CHANNEL, rest.status)
    app.router.add_post("/messages", batch.publish)
    app.router.add_get("/presence", batch.presence)
    app.router.add_post("/keys/{key}/requestToken", rest.request_token)
    app.router.add_post("/keys/{key}/revokeTokens", revoke_tokens)
    app.router.add_get("/stats", rest.stats)
    app.router.add_post("/stats", rest.post_stats)
    app.router.add_post("/apps", rest.create_app)
    app.router.add_delete("/apps/{app}", rest.delete_app)
    app.router.add_get("/sse", event_stream)
    app.router.add_get("/event-stream", event_stream)
    add_local_routes(app)
    app.on_response_prepare.append(_name_server)
    return app


async def root(request: web.Request) -> web.StreamResponse:
    """A WebSocket is a client; anything else is a person."""
    if request.headers.get("Upgrade", "").lower() == "websocket":
        return await realtime(request)
    return await page(request)


async def _name_server(request: web.Request, response: web.StreamResponse) -> None:
    response.headers["X-Ably-Serverid"] = request.app[STATE].server_id
