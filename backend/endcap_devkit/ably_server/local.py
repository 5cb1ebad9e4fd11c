"""What only a local Ably has: its page, its state as JSON, its live log, its fault switches."""

from __future__ import annotations

import asyncio
from importlib import resources
from typing import Any, Final

from aiohttp import web

from endcap_devkit.ably_server.channels import Channel
from endcap_devkit.ably_server.connections import Connection
from endcap_devkit.ably_server.formats import Format, to_json_text
from endcap_devkit.ably_server.http import read_body, reply
from endcap_devkit.ably_server.messages import PresenceMessage
from endcap_devkit.ably_server.state import STATE, LocalAbly
from endcap_devkit.ably_server.streams import Stream

MAX_SHOWN: Final = 500  # channels, connections and members that the state lists
KEEPALIVE_S: Final = 15.0


def add_local_routes(app: web.Application) -> None:
    app.router.add_get("/local/health", health)
    app.router.add_get("/local/state", state)
    app.router.add_get("/local/log", log)
    app.router.add_get("/local/faults", faults)
    app.router.add_delete("/local/faults", clear_faults)
    app.router.add_post("/local/faults/{fault}", set_fault)


async def page(request: web.Request) -> web.Response:
    """Channels, connections, presence and messages as they come."""
    html = resources.files(__package__).joinpath("page.html").read_text("utf-8")
    return web.Response(text=html, content_type="text/html", headers={"Cache-Control": "no-store"})


async def health(request: web.Request) -> web.Response:
    return reply(request, {"status": "ok"})


async def faults(request: web.Request) -> web.Response:
    return reply(request, request.app[STATE].faults.to_wire())


async def clear_faults(request: web.Request) -> web.Response:
    request.app[STATE].faults.clear()
    return reply(request, request.app[STATE].faults.to_wire())


async def set_fault(request: web.Request) -> web.Response:
    options = await read_body(request) if request.can_read_body else {}
    faults = request.app[STATE].faults
    return reply(request, faults.set(request.match_info["fault"], options if isinstance(options, dict) else {}))


async def log(request: web.Request) -> web.StreamResponse:
    """What happened lately and what happens now, as an event stream."""
    journal = request.app[STATE].journal
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    await response.prepare(request)
    queue = journal.follow()
    try:
        for happening in list(journal.recent):
            await response.write(_event(happening))
        while True:
            try:
                await response.write(_event(await asyncio.wait_for(queue.get(), KEEPALIVE_S)))
            except TimeoutError:
                await response.write(b":keepalive\n\n")
    except ConnectionError:
        return response  # the page was closed
    finally:
        journal.leave(queue)


def _event(happening: dict[str, Any]) -> bytes:
    return f"data: {to_json_text(happening)}\n\n".encode()


async def state(request: web.Request) -> web.Response:
    """Everything there is, without secrets: at most 500 of a kind."""
    ably = request.app[STATE]
    channels = [(app.id, channel) for app in ably.accounts.apps.values() for channel in app.channels]
    live = [_connection(ably, each) for each in ably.connections][:MAX_SHOWN]
    found = {
        "serverId": ably.server_id,
        "now": ably.now_ms(),
        "started": ably.started_ms,
        "limits": ably.settings.limits,
        "messages": ably.journal.messages,
        "keys": [key.name for app in ably.accounts.apps.values() for key in app.keys.values()][:MAX_SHOWN],
        "channels": [_channel(app_id, channel) for app_id, channel in channels[:MAX_SHOWN]],
        "channelCount": len(channels),
        "connections": live + [_stream(stream) for stream in ably.faults.streams][:MAX_SHOWN],
        "connectionCount": len(ably.connections) + len(ably.faults.streams),
        "faults": ably.faults.to_wire(),
        "rules": [hook.to_wire() for hook in ably.webhooks],
    }
    return reply(request, found)


def _channel(app_id: str, channel: Channel) -> dict[str, Any]:
    newest = next(channel.messages.newest_first(), None)
    return {
        "app": app_id,
        "name": channel.name,
        "retained": channel.messages.items,
        "last": newest.timestamp if newest else None,
        "occupancy": channel.occupancy(),
        "members": [_member(member) for member in channel.members][:MAX_SHOWN],
    }


def _member(member: PresenceMessage) -> dict[str, Any]:
    wire = member.to_wire(Format.JSON)
    return {name: wire.get(name) for name in ("clientId", "connectionId", "data", "timestamp")}


def _connection(ably: LocalAbly, connection: Connection) -> dict[str, Any]:
    token, socket = connection.identity.token, connection.socket
    return {
        "id": connection.id,
        "app": connection.identity.app.id,
        "clientId": connection.identity.client_id,
        "kind": "websocket",
        "live": socket is not None,
        "format": socket.format.name.lower() if socket else None,
        "auth": "token" if token else "key",
        "expires": token.expires_ms if token else None,
        "channels": connection.channel_names[:MAX_SHOWN],
    }


def _stream(stream: Stream) -> dict[str, Any]:
    token = stream.identity.token
    return {
        "id": stream.id,
        "app": stream.identity.app.id,
        "clientId": stream.identity.client_id,
        "kind": "event stream",
        "live": True,
        "format": "json",
        "auth": "token" if token else "key",
        "expires": token.expires_ms if token else None,
        "channels": stream.channel_names,
    }
