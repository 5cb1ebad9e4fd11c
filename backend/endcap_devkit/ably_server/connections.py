"""Connections: what the server knows of one client, across the sockets it uses one after another."""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from endcap_devkit.ably_server.attachments import Attachment
from endcap_devkit.ably_server.auth import Identity
from endcap_devkit.ably_server.errors import BAD_CONNECTION_KEY, CONNECTION_LOST, RATE, AblyError
from endcap_devkit.ably_server.limits import Rate
from endcap_devkit.ably_server.messages import PresenceAction
from endcap_devkit.ably_server.serials import random_word
from endcap_devkit.ably_server.settings import Settings
from endcap_devkit.ably_server.sockets import Socket
from endcap_devkit.ably_server.wire import Action, Deltas, Frames

if TYPE_CHECKING:
    from endcap_devkit.ably_server.state import LocalAbly

MAX_ANSWERS: Final = 1_000  # remembered for repeated msgSerials, of one connection
_KEY = re.compile(r"([A-Za-z0-9]{10})![A-Za-z0-9]{16}")


class Connection:
    """One client. Between two sockets it can be resumed for `connection_state_ttl_s`. Owned by the server's loop."""

    def __init__(self, identity: Identity, echo: bool, present_for_s: float, settings: Settings) -> None:
        self.id = random_word(10)
        self.key = self._fresh_key()
        self.last_key: str | None = None  # good until the client shows that it has the new one
        self.identity = identity
        self.echo = echo
        self.present_for_s = present_for_s
        self.socket: Socket | None = None
        self.attachments: dict[str, Attachment] = {}  # by the name the client uses
        self.rate = Rate(settings.max_rate_per_s)
        self._answers: OrderedDict[int, dict[str, Any]] = OrderedDict()
        self.timers: list[asyncio.TimerHandle] = []

    @property
    def channel_names(self) -> list[str]:
        """Base names of the channels it is attached to."""
        return [attachment.name.base for attachment in self.attachments.values()]

    def abort(self) -> None:
        """Cut its link, if it has one."""
        if self.socket is not None:
            self.socket.abort()

    def disconnect(self, fault: AblyError) -> None:
        """End its socket, saying why; it can be resumed."""
        if self.socket is not None:
            self.socket.disconnect(fault)

    def renew_key(self, presented: str) -> None:
        """Give a new key; the one presented stays good, as the link may break before the client hears of the new."""
        self.last_key, self.key = presented, self._fresh_key()

    def send(self, message: dict[str, Any]) -> None:
        """Queue a protocol message; lost when the client is away."""
        if self.socket is not None:
            self.socket.send(message)

    def send_entry(self, frames: Frames, channel: str, deltas: Deltas | None) -> None:
        if self.socket is not None:
            self.socket.send_frame(frames.of(self.socket.format, channel, self.socket.version, deltas))

    def answered(self, msg_serial: int) -> dict[str, Any] | None:
        """The ACK or NACK already given for a msgSerial: a client may send again what it could not see answered."""
        known = self._answers.get(msg_serial)
        if known is None and self._answers and msg_serial < next(iter(self._answers)):
            return {"action": Action.ACK, "msgSerial": msg_serial, "count": 1}  # forgotten, but answered it was
        return known

    def answer(self, msg_serial: int, message: dict[str, Any]) -> None:
        """Send an ACK or NACK and remember it."""
        self._answers[msg_serial] = message
        if len(self._answers) > MAX_ANSWERS:
            self._answers.popitem(last=False)
        self.send(message)

    def cancel_timers(self) -> None:
        for timer in self.timers:
            timer.cancel()
        self.timers.clear()

    def _fresh_key(self) -> str:
        return f"{self.id}!{random_word(16)}"


class Connections:
    """All connections, present and resumable, of all apps."""

    def __init__(self, ably: LocalAbly) -> None:
        self._ably = ably
        self._by_id: dict[str, Connection] = {}

    def open(self, identity: Identity, echo: bool, present_for_s: float) -> Connection:
        """Raises AblyError 42910 when there are too many and none of them is away."""
        if len(self._by_id) >= self._ably.settings.max_connections:
            self._forget_one()
        connection = Connection(identity, echo, present_for_s, self._ably.settings)
        self._by_id[connection.id] = connection
        return connection

    def resume(self, key: str, identity: Identity) -> Connection:
        """The connection of a key, if this caller may take it up again; it gets a new key.

        Raises:
            AblyError: 80018 (no connection key), 80008 (forgotten, or another app's or client's).
        """
        found = _KEY.fullmatch(key)
        if not found:
            raise AblyError(BAD_CONNECTION_KEY, "the connection key is malformed")
        connection = self._by_id.get(found[1])
        if (
            connection is None
            or key not in (connection.key, connection.last_key)
            or not _same_caller(connection.identity, identity)
        ):
            raise AblyError(CONNECTION_LOST, "the connection can't be resumed: its state is gone or is not yours")
        connection.cancel_timers()
        self._suspend(connection)
        connection.identity = identity
        connection.renew_key(key)
        return connection

    def of_key(self, key: str) -> Connection | None:
        """The live connection of a connection key."""
        connection = self._by_id.get(key.partition("!")[0])
        return connection if connection and connection.key == key and connection.socket else None

    def find(self, id: str) -> Connection | None:
        return self._by_id.get(id)

    def drop(self, connection: Connection, socket: Socket) -> None:
        """The socket is gone without a CLOSE: members leave after a grace, the state goes later."""
        if connection.socket is not socket:
            return  # another socket has taken over
        connection.socket = None
        connection.cancel_timers()
        self._note(connection, "dropped")
        self._suspend(connection)
        loop = asyncio.get_running_loop()
        connection.timers = [
            loop.call_later(connection.present_for_s, self._leave_all, connection),
            loop.call_later(self._ably.settings.connection_state_ttl_s, self.close, connection),
        ]

    def close(self, connection: Connection) -> None:
        """The client said CLOSE, or its time is over: nothing of it remains."""
        connection.cancel_timers()
        self._leave_all(connection)
        for attachment in connection.attachments.values():
            attachment.channel.unsubscribe(attachment, self._ably.now_ms())
        connection.attachments.clear()
        connection.socket = None
        if self._by_id.pop(connection.id, None):
            self._note(connection, "closed")

    def leave(self, connection: Connection, attachment: Attachment) -> None:
        """The connection's members leave a channel.

        The ids begin with no connection's id: clients then order the leave by its time, not by a msgSerial.
        """
        members = attachment.channel.members.of_connection(connection.id)
        if not members:
            return
        now_ms, base = self._ably.now_ms(), random_word(10)
        changes = [
            replace(member, action=PresenceAction.LEAVE, id=f"{base}:0:{index}", timestamp=now_ms)
            for index, member in enumerate(members)
        ]
        attachment.channel.change_presence(changes, now_ms, f"{base}:0")

    def _note(self, connection: Connection, name: str) -> None:
        client_id = connection.identity.client_id
        self._ably.journal.note("link", self._ably.now_ms(), name=name, client=client_id, data=connection.id)

    def _forget_one(self) -> None:
        """Make room: whoever has been known longest of those that are away is not waited for."""
        away = next((connection for connection in self._by_id.values() if connection.socket is None), None)
        if away is None:
            raise AblyError(RATE, f"there are {len(self._by_id)} connections already")
        self.close(away)

    def _leave_all(self, connection: Connection) -> None:
        for attachment in connection.attachments.values():
            self.leave(connection, attachment)

    def _suspend(self, connection: Connection) -> None:
        for attachment in connection.attachments.values():
            attachment.active = False
            attachment.channel.tell_occupancy(self._ably.now_ms())

    def __iter__(self) -> Iterator[Connection]:
        return iter(list(self._by_id.values()))

    def __len__(self) -> int:
        return len(self._by_id)


def connected_message(ably: LocalAbly, connection: Connection, fault: AblyError | None = None) -> dict[str, Any]:
    """CONNECTED, with why a resume failed when it did."""
    settings = ably.settings
    details: dict[str, Any] = {
        "connectionKey": connection.key,
        "connectionStateTtl": int(settings.connection_state_ttl_s * 1000),
        "maxIdleInterval": int(settings.max_idle_interval_s * 1000),
        "maxMessageSize": settings.max_message_bytes,
        "maxFrameSize": settings.max_frame_bytes,
        "maxInboundRate": settings.max_rate_per_s,
        "serverId": ably.server_id,
    }
    if connection.identity.client_id is not None:
        details["clientId"] = connection.identity.client_id
    elif connection.identity.token and connection.identity.may_assume:
        details["clientId"] = "*"
    message = {
        "action": Action.CONNECTED,
        "connectionId": connection.id,
        "connectionKey": connection.key,
        "connectionDetails": details,
    }
    return message | {"error": fault.to_wire()} if fault else message


def _same_caller(before: Identity, now: Identity) -> bool:
    return before.app is now.app and before.client_id == now.client_id
