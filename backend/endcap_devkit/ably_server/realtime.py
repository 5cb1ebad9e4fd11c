"""The realtime endpoint: a WebSocket, from its first frame to its last."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from aiohttp import WSMsgType, web

from endcap_devkit.ably_server.auth import Identity
from endcap_devkit.ably_server.connections import Connection, connected_message
from endcap_devkit.ably_server.errors import (
    BAD_PARAMETER,
    CONNECTION_DROPPED,
    INTERNAL,
    NO_CREDENTIALS,
    NOT_FOUND,
    AblyError,
)
from endcap_devkit.ably_server.formats import Format
from endcap_devkit.ably_server.session import Session
from endcap_devkit.ably_server.sockets import Socket
from endcap_devkit.ably_server.state import STATE, LocalAbly
from endcap_devkit.ably_server.wire import error_message, read_version

logger = logging.getLogger(__name__)


async def realtime(request: web.Request) -> web.WebSocketResponse:
    """Serve one WebSocket. A refused connection is accepted, told why, and closed: a plain 4xx makes clients loop."""
    ably = request.app[STATE]
    ws = web.WebSocketResponse(compress=False, max_msg_size=ably.settings.max_frame_bytes)
    await ws.prepare(request)
    socket = _socket(ws, request, ably)
    writer = asyncio.create_task(socket.write())
    try:
        await asyncio.sleep(ably.settings.accept_s)
        connection = _connect(ably, socket, request)
        if connection is not None:
            await _read(Session(ably, connection, socket), ws, ably.settings.max_idle_interval_s)
    finally:
        socket.close()
        await asyncio.gather(writer, return_exceptions=True)
    return ws


def _socket(ws: web.WebSocketResponse, request: web.Request, ably: LocalAbly) -> Socket:
    query = request.query
    format = Format.MSGPACK if query.get("format") == "msgpack" else Format.JSON
    version = read_version(query.get("v"))
    return Socket(
        ws, request.transport, format, version, query.get("heartbeats") != "false", ably.settings.max_outbox_bytes
    )


def _connect(ably: LocalAbly, socket: Socket, request: web.Request) -> Connection | None:
    """Authenticate and open or resume; None when refused."""
    query = request.query
    if fault := ably.faults.connecting():
        ably.journal.note("refused", ably.now_ms(), name=str(fault.code), data=fault.message)
        socket.disconnect(fault)
        return None
    try:
        identity = _identify(ably, query)
        connection, fault = _open_or_resume(ably, identity, query)
    except AblyError as refusal:
        ably.journal.note("refused", ably.now_ms(), name=str(refusal.code), data=refusal.message)
        socket.send(error_message(refusal))
        socket.close()
        return None
    connection.disconnect(AblyError(CONNECTION_DROPPED, "another socket has resumed this connection"))
    connection.socket = socket
    resumed = "resume" in query or "recover" in query
    happening = "not resumed" if fault else "resumed" if resumed else "connected"
    ably.journal.note("link", ably.now_ms(), name=happening, client=connection.identity.client_id, data=connection.id)
    socket.send(connected_message(ably, connection, fault))
    return connection


def _identify(ably: LocalAbly, query: Mapping[str, str]) -> Identity:
    try:
        identity = ably.auth.by_query(query, ably.now_ms())
    except AblyError as refusal:
        if refusal.code == NOT_FOUND and "key" in query:
            raise AblyError(NO_CREDENTIALS, refusal.message) from None
        raise
    return identity.assuming(query.get("clientId"))


def _open_or_resume(
    ably: LocalAbly, identity: Identity, query: Mapping[str, str]
) -> tuple[Connection, AblyError | None]:
    """A connection, and why it is not the one that was asked for."""
    fault = None
    key = query.get("resume") or query.get("recover")
    if key:
        try:
            return ably.connections.resume(key, identity), None
        except AblyError as lost:
            fault = lost
    echo = query.get("echo") != "false"
    return ably.connections.open(identity, echo, _present_for_s(ably, query.get("remainPresentFor"))), fault


def _present_for_s(ably: LocalAbly, text: str | None) -> float:
    if text is None:
        return ably.settings.presence_grace_s
    if not (text.isascii() and text.isdigit() and len(text) < 9):
        raise AblyError(BAD_PARAMETER, "remainPresentFor must be a whole number of milliseconds")
    return int(text) / 1000


async def _read(session: Session, ws: web.WebSocketResponse, max_idle_interval_s: float) -> None:
    """Take frames until the link ends, then let the connection wait to be resumed unless it was closed."""
    session.watch_token()
    pulse = asyncio.create_task(session.socket.pulse(max_idle_interval_s * 0.45))  # two beats fit the longest silence
    try:
        async for frame in ws:
            if frame.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                break
            if not await _take(session, frame.data):
                break
    finally:
        pulse.cancel()
        session.ended()


async def _take(session: Session, data: Any) -> bool:
    """Handle one frame; False when it ended the session."""
    try:
        return await session.take(session.socket.format.decode(data))
    except AblyError as fault:
        session.fail(fault)
    except Exception:
        logger.exception("a protocol message could not be handled")
        session.fail(AblyError(INTERNAL, "the server failed on this protocol message"))
    return False
