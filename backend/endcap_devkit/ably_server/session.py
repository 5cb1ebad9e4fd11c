"""One client over one socket: each protocol message it may send, and the life of its token."""

from __future__ import annotations

import asyncio
from typing import Any

from endcap_devkit.ably_server.attaching import Attaching
from endcap_devkit.ably_server.auth import Identity
from endcap_devkit.ably_server.connections import Connection, connected_message
from endcap_devkit.ably_server.errors import BAD_REQUEST, MISMATCHED_CREDENTIALS, TOKEN_EXPIRED, AblyError
from endcap_devkit.ably_server.publishing import Publishing
from endcap_devkit.ably_server.sockets import Socket
from endcap_devkit.ably_server.state import LocalAbly
from endcap_devkit.ably_server.wire import Action, error_message


class Session:
    """What a connection does over one socket. `take` is the one way in."""

    def __init__(self, ably: LocalAbly, connection: Connection, socket: Socket) -> None:
        self._ably, self.connection, self.socket = ably, connection, socket
        self._channels = Attaching(ably, connection)
        self._publishing = Publishing(ably, connection)
        self._token_timers: list[asyncio.TimerHandle] = []

    async def take(self, message: Any) -> bool:
        """Handle one protocol message; False when the session is over.

        Raises:
            AblyError: the connection can't go on.
        """
        if self.connection.socket is not self.socket:
            return False  # another socket has taken over
        self.connection.last_key = None
        if not isinstance(message, dict) or not isinstance(message.get("action"), int):
            raise AblyError(BAD_REQUEST, "a protocol message must be an object with a numeric action")
        match message["action"]:
            case Action.MESSAGE | Action.PRESENCE | Action.ANNOTATION:
                await self._publishing.take(message)
            case Action.ATTACH:
                self._channels.attach(message)
            case Action.DETACH:
                self._channels.detach(message)
            case Action.SYNC:
                self._channels.sync(message)
            case Action.HEARTBEAT:
                self._heartbeat(message)
            case Action.AUTH:
                self._reauthenticate(message)
            case Action.CLOSE:
                self._close()
            case Action.DISCONNECT:
                self.socket.send({"action": Action.DISCONNECTED})
                self.socket.close()
        return not self.socket.closing  # actions not named here are newer than this server, or the server's to send

    def fail(self, fault: AblyError) -> None:
        """Tell the client that the connection is over; nothing of it remains."""
        self.socket.send(error_message(fault))
        if self.connection.socket is self.socket:
            self._ably.connections.close(self.connection)
        self.socket.close()

    def ended(self) -> None:
        """The socket is gone."""
        self._cancel_token_timers()
        self._ably.connections.drop(self.connection, self.socket)

    def watch_token(self) -> None:
        """Ask for a new token before this one expires, and disconnect when it does."""
        self._cancel_token_timers()
        token = self.connection.identity.token
        if token is None:
            return
        loop, left_s = asyncio.get_running_loop(), (token.expires_ms - self._ably.now_ms()) / 1000
        fault = AblyError(TOKEN_EXPIRED, "the token has expired")
        self._token_timers.append(loop.call_later(max(0.0, left_s), self.socket.disconnect, fault))
        nudge_in_s = left_s - self._ably.settings.auth_nudge_s
        if nudge_in_s > 0:
            self._token_timers.append(loop.call_later(nudge_in_s, self.socket.send, {"action": Action.AUTH}))

    def _cancel_token_timers(self) -> None:
        for timer in self._token_timers:
            timer.cancel()
        self._token_timers.clear()

    def _reauthenticate(self, message: dict[str, Any]) -> None:
        auth = message.get("auth")
        text = auth.get("accessToken") if isinstance(auth, dict) else None
        if not isinstance(text, str):
            raise AblyError(BAD_REQUEST, "AUTH needs auth.accessToken")
        self.connection.identity = self._same_caller(self._ably.auth.by_token(text, self._ably.now_ms()))
        self.watch_token()
        self.connection.send(connected_message(self._ably, self.connection))
        self._channels.regrant()

    def _same_caller(self, identity: Identity) -> Identity:
        before = self.connection.identity
        if identity.app is not before.app:
            raise AblyError(MISMATCHED_CREDENTIALS, "the new token is of another app")
        if before.client_id is None:
            return identity  # who had no clientId may get one
        if identity.client_id not in (None, before.client_id):
            raise AblyError(MISMATCHED_CREDENTIALS, "the new token is of another clientId")
        return identity.assuming(before.client_id)

    def _heartbeat(self, message: dict[str, Any]) -> None:
        id = message.get("id")
        echo = {"action": Action.HEARTBEAT} | ({"id": id} if isinstance(id, str) else {})
        asyncio.get_running_loop().call_later(self._ably.settings.echo_s, self.socket.send, echo)

    def _close(self) -> None:
        self.socket.send({"action": Action.CLOSED})
        self._ably.connections.close(self.connection)
        self.socket.close()
