"""One client's protocol messages over one socket: each action of the protocol, from client to server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from endcap_devkit.ably_server.attachments import Attachment, Flag, granted, read_rewind, rewound
from endcap_devkit.ably_server.auth import Identity
from endcap_devkit.ably_server.connections import Connection, connected_message
from endcap_devkit.ably_server.errors import (
    BAD_CLIENT_ID,
    BAD_REQUEST,
    CHANNEL_LIMIT,
    CONNECTION_LOST,
    CONNECTION_RATE,
    MISMATCHED_CREDENTIALS,
    NOT_CAPABLE,
    PRESENCE_NOT_ATTACHED,
    TOKEN_EXPIRED,
    TOO_BIG,
    AblyError,
)
from endcap_devkit.ably_server.log import Entry, position
from endcap_devkit.ably_server.messages import PresenceAction, PresenceMessage, read_draft, read_drafts, text_field
from endcap_devkit.ably_server.names import ChannelName
from endcap_devkit.ably_server.serials import just_before
from endcap_devkit.ably_server.sockets import Socket
from endcap_devkit.ably_server.state import LocalAbly
from endcap_devkit.ably_server.wire import Action, Frames, error_message

SYNC_PAGE: Final = 100  # members a SYNC message


class Session:
    """What a connection does over one socket. `take` is the one way in."""

    def __init__(self, ably: LocalAbly, connection: Connection, socket: Socket) -> None:
        self._ably, self.connection, self.socket = ably, connection, socket
        self._token_timers: list[asyncio.TimerHandle] = []
        self._actions: dict[int, Callable[[dict[str, Any]], None]] = {
            Action.HEARTBEAT: self._heartbeat,
            Action.ATTACH: self._attach,
            Action.DETACH: self._detach,
            Action.PRESENCE: self._presence,
            Action.MESSAGE: self._message,
            Action.SYNC: self._sync,
            Action.AUTH: self._auth,
            Action.ANNOTATION: self._annotation,
        }

    async def take(self, message: Any) -> bool:
        """Handle one protocol message; False when the session is over.

        Raises:
            AblyError: the connection can't go on.
        """
        if self.connection.socket is not self.socket:
            return False  # another socket has taken over
        if not isinstance(message, dict) or not isinstance(message.get("action"), int):
            raise AblyError(BAD_REQUEST, "a protocol message must be an object with a numeric action")
        action = message["action"]
        if action == Action.CLOSE:
            self._close()
            return False
        if action == Action.DISCONNECT:
            self.socket.send({"action": Action.DISCONNECTED})
            return False
        handle = self._actions.get(action)
        if handle is not None:  # others are of newer protocols, or the server's to send
            handle(message)
        return not self.socket.closing

    def fail(self, fault: AblyError) -> None:
        """Tell the client that the connection is over; nothing of it remains."""
        self.socket.send(error_message(fault))
        self._ably.connections.close(self.connection)
        self.socket.close()

    def ended(self) -> None:
        """The socket is gone."""
        self._cancel_token_timers()
        self._ably.connections.drop(self.connection, self.socket)

    # -- tokens

    def watch_token(self) -> None:
        """Ask for a new token before this one expires, and disconnect when it does."""
        self._cancel_token_timers()
        token = self.connection.identity.token
        if token is None:
            return
        loop, left_s = asyncio.get_running_loop(), (token.expires_ms - self._ably.now_ms()) / 1000
        self._token_timers.append(loop.call_later(max(0.0, left_s), self.expire_token))
        if left_s > self._ably.settings.auth_nudge_s:
            nudge_in_s = left_s - self._ably.settings.auth_nudge_s
            self._token_timers.append(loop.call_later(nudge_in_s, self.socket.send, {"action": Action.AUTH}))

    def expire_token(self) -> None:
        self.disconnect(AblyError(TOKEN_EXPIRED, "the token has expired"))

    def disconnect(self, fault: AblyError) -> None:
        """End this socket; the connection can be resumed."""
        self.socket.send({"action": Action.DISCONNECTED, "error": fault.to_wire()})
        self.socket.close()

    def _cancel_token_timers(self) -> None:
        for timer in self._token_timers:
            timer.cancel()
        self._token_timers.clear()

    def _auth(self, message: dict[str, Any]) -> None:
        auth = message.get("auth")
        text = auth.get("accessToken") if isinstance(auth, dict) else None
        if not isinstance(text, str):
            raise AblyError(BAD_REQUEST, "AUTH needs auth.accessToken")
        self.connection.identity = self._reauthenticated(self._ably.auth.by_token(text, self._ably.now_ms()))
        self.watch_token()
        self.connection.send(connected_message(self._ably, self.connection))
        for attachment in list(self.connection.attachments.values()):
            self._regrant(attachment)

    def _reauthenticated(self, identity: Identity) -> Identity:
        before = self.connection.identity
        if identity.app is not before.app:
            raise AblyError(MISMATCHED_CREDENTIALS, "the new token is of another app")
        return identity.assuming(before.client_id)

    def _regrant(self, attachment: Attachment) -> None:
        try:
            changed = attachment.regrant(self.connection.identity.capability)
        except AblyError as refusal:
            self._remove(attachment)
            self.connection.send(error_message(refusal, attachment.name.wire))
            return
        if changed and attachment.active:
            self._attached(attachment, Flag.RESUMED)

    # -- channels

    def _attach(self, message: dict[str, Any]) -> None:
        wire = message.get("channel")
        try:
            self._attach_to(ChannelName.read(wire), message)
        except AblyError as refusal:
            attachment = self.connection.attachments.get(wire) if isinstance(wire, str) else None
            if attachment is not None:
                self._remove(attachment)
            self.connection.send(error_message(refusal, wire if isinstance(wire, str) else ""))

    def _attach_to(self, name: ChannelName, message: dict[str, Any]) -> None:
        known = self.connection.attachments.get(name.wire)
        if (
            known is None
            and self._ably.settings.limits
            and len(self.connection.attachments) >= self._ably.settings.max_channels
        ):
            raise AblyError(CHANNEL_LIMIT, f"a connection has at most {self._ably.settings.max_channels} channels")
        granted(None, self.connection.identity.capability, name.base)  # before a channel is made for it
        channel = self.connection.identity.app.channels.open(name.base, self._ably.now_ms())
        attachment = known or Attachment(self.connection, name, channel)
        attachment.ask(_params(message), _whole(message.get("flags")))
        live = attachment.active
        serial = text_field(message, "channelSerial") or (attachment.position if known else None)
        self.connection.attachments[name.wire] = attachment
        channel.subscribe(attachment)
        attachment.active = True
        if live:
            self._attached(attachment, Flag.RESUMED)
        elif serial is not None:
            self._reattach(attachment, position(serial))
        else:
            self._attach_afresh(attachment)

    def _attach_afresh(self, attachment: Attachment) -> None:
        """At the head, or as far back as rewind asks."""
        rewind = read_rewind(attachment.params)
        backlog = rewound(attachment.channel, rewind, self._ably.now_ms()) if rewind else []
        backlog = [entry for entry in backlog if attachment.wants(entry)]
        attachment.position = just_before(backlog[0].messages[0].serial) if backlog else attachment.channel.serials.head
        self._attached(attachment, Flag.HAS_BACKLOG if backlog else Flag(0))
        self._replay(attachment, backlog)

    def _reattach(self, attachment: Attachment, after: str) -> None:
        """Where the client says it was, with what came since; or at the head, saying that the thread is lost."""
        if not attachment.channel.continues_from(after):
            attachment.position = attachment.channel.serials.head
            error = AblyError(CONNECTION_LOST, "unable to recover channel: messages have been lost")
            self._attached(attachment, Flag(0), error)
            return
        missed = attachment.channel.after(after)
        attachment.position = after
        self._attached(attachment, Flag.RESUMED)
        self._replay(attachment, [entry.rest(after) for entry in missed if attachment.wants(entry)])
        attachment.position = attachment.channel.serials.head

    def _replay(self, attachment: Attachment, entries: list[Entry]) -> None:
        for entry in entries:
            attachment.deliver(entry, Frames(entry, attachment.channel.name))

    def _attached(self, attachment: Attachment, flags: Flag, error: AblyError | None = None) -> None:
        members = attachment.channel.members
        if len(members) and Flag.PRESENCE_SUBSCRIBE in attachment.modes:
            flags |= Flag.HAS_PRESENCE
        message: dict[str, Any] = {
            "action": Action.ATTACHED,
            "channel": attachment.name.wire,
            "channelSerial": attachment.position,
            "flags": int(flags | attachment.modes),
        }
        if attachment.params:
            message["params"] = attachment.params
        if error is not None:
            message["error"] = error.to_wire()
        self.connection.send(message)
        if Flag.HAS_PRESENCE in flags:
            self._send_members(attachment)

    def _detach(self, message: dict[str, Any]) -> None:
        wire = message.get("channel")
        attachment = self.connection.attachments.get(wire) if isinstance(wire, str) else None
        if attachment is not None:
            self._remove(attachment)
        self.connection.send({"action": Action.DETACHED, "channel": wire})

    def _remove(self, attachment: Attachment) -> None:
        attachment.active = False
        attachment.channel.unsubscribe(attachment)
        self._ably.connections.leave(self.connection, attachment)
        del self.connection.attachments[attachment.name.wire]

    # -- publishing

    def _message(self, message: dict[str, Any]) -> None:
        self._answer(message, self._publish)

    def _presence(self, message: dict[str, Any]) -> None:
        self._answer(message, self._change_presence)

    def _annotation(self, message: dict[str, Any]) -> None:
        def refuse(message: dict[str, Any], msg_serial: int) -> None:
            raise AblyError(BAD_REQUEST, "annotations are not supported by the local Ably")

        self._answer(message, refuse)

    def _answer(
        self, message: dict[str, Any], act: Callable[[dict[str, Any], int], list[dict[str, Any]] | None]
    ) -> None:
        """Do what a message with a msgSerial asks, once, and ACK or NACK it."""
        msg_serial = message.get("msgSerial")
        if not isinstance(msg_serial, int) or isinstance(msg_serial, bool) or msg_serial < 0:
            raise AblyError(BAD_REQUEST, "msgSerial must be a whole number")
        if known := self.connection.answered(msg_serial):
            self.connection.send(known)
            return
        try:
            results = act(message, msg_serial)
        except AblyError as refusal:
            nack = {"action": Action.NACK, "msgSerial": msg_serial, "count": 1, "error": refusal.to_wire()}
            self.connection.answer(msg_serial, nack)
            return
        ack = {"action": Action.ACK, "msgSerial": msg_serial, "count": 1}
        self.connection.answer(msg_serial, ack | {"res": results} if results is not None else ack)

    def _publish(self, message: dict[str, Any], msg_serial: int) -> list[dict[str, Any]]:
        name, identity = ChannelName.read(message.get("channel")), self.connection.identity
        drafts = read_drafts(message.get("messages"), self._ably.settings.max_message_bytes)
        self._require_mode(name, Flag.PUBLISH, "publish")
        client_ids = [identity.client_id_of(draft.client_id) for draft in drafts]
        now_ms = self._ably.now_ms()
        if self._ably.settings.limits and not self.connection.rate.admit(now_ms, len(drafts)):
            raise AblyError(
                CONNECTION_RATE, f"more than {self.connection.rate.per_s} messages a second on one connection"
            )
        channel = identity.app.channels.open(name.base, now_ms)
        published = channel.publish(
            drafts, client_ids, now_ms, self.connection.id, f"{self.connection.id}:{msg_serial}"
        )
        return [{"serials": published.serials}]

    def _require_mode(self, name: ChannelName, mode: Flag, operation: str) -> None:
        """By the attachment when there is one, else by capability: publishing needs no attachment."""
        attachment = self.connection.attachments.get(name.wire)
        self.connection.identity.capability.require(operation, name.base)
        if attachment is not None and mode not in attachment.modes:
            raise AblyError(NOT_CAPABLE, f"the attachment to {name.wire!r} was made without the mode {operation}")

    def _change_presence(self, message: dict[str, Any], msg_serial: int) -> None:
        name = ChannelName.read(message.get("channel"))
        attachment = self.connection.attachments.get(name.wire)
        if attachment is None:
            raise AblyError(PRESENCE_NOT_ATTACHED, "presence needs the channel to be attached")
        self._require_mode(name, Flag.PRESENCE, "presence")
        items = message.get("presence")
        if not isinstance(items, list) or not items:
            raise AblyError(BAD_REQUEST, "PRESENCE needs a list of presence messages")
        now_ms = self._ably.now_ms()
        changes = [
            self._read_change(item, f"{self.connection.id}:{msg_serial}:{index}", now_ms)
            for index, item in enumerate(items)
        ]
        attachment.channel.change_presence(changes, now_ms, f"{self.connection.id}:{msg_serial}")

    def _read_change(self, item: Any, id: str, now_ms: int) -> PresenceMessage:
        draft = read_draft(item)
        if draft.size > self._ably.settings.max_message_bytes:
            raise AblyError(TOO_BIG, "the presence data is too big")
        action = _whole(item.get("action"), default=PresenceAction.ENTER)
        if action not in _CLIENT_ACTIONS:
            raise AblyError(BAD_REQUEST, "presence action must be 2 (enter), 3 (leave) or 4 (update)")
        client_id = self.connection.identity.client_id_of(draft.client_id)
        if client_id is None:
            raise AblyError(BAD_CLIENT_ID, "presence needs a clientId")
        own = draft.id if draft.id and draft.id.startswith(f"{self.connection.id}:") else id
        return PresenceMessage(
            PresenceAction(action), own, now_ms, client_id, self.connection.id, draft.data, draft.encoding, draft.extras
        )

    def _sync(self, message: dict[str, Any]) -> None:
        attachment = self.connection.attachments.get(str(message.get("channel")))
        if attachment is not None and Flag.PRESENCE_SUBSCRIBE in attachment.modes:
            self._send_members(attachment)

    def _send_members(self, attachment: Attachment) -> None:
        """SYNC messages, a page each; the last one's cursor is empty."""
        members = [member.to_wire(self.socket.format) for member in attachment.channel.members]
        pages = [members[start : start + SYNC_PAGE] for start in range(0, len(members), SYNC_PAGE)] or [[]]
        sequence = attachment.channel.serials.head[:18].replace("-", "")
        for number, page in enumerate(pages, start=1):
            cursor = "" if number == len(pages) else str(number * SYNC_PAGE)
            self.connection.send(
                {
                    "action": Action.SYNC,
                    "channel": attachment.name.wire,
                    "channelSerial": f"{sequence}:{cursor}",
                    "presence": page,
                }
            )

    # -- the link

    def _heartbeat(self, message: dict[str, Any]) -> None:
        id = message.get("id")
        self.connection.send({"action": Action.HEARTBEAT} | ({"id": id} if isinstance(id, str) else {}))

    def _close(self) -> None:
        self.socket.send({"action": Action.CLOSED})
        self._ably.connections.close(self.connection)
        self.socket.close()


_CLIENT_ACTIONS: Final = (PresenceAction.ENTER, PresenceAction.LEAVE, PresenceAction.UPDATE)


def _params(message: dict[str, Any]) -> dict[str, str]:
    params = message.get("params") or {}
    if not isinstance(params, dict) or not all(isinstance(value, str) for value in params.values()):
        raise AblyError(BAD_REQUEST, "channel params must be an object of texts")
    return params


def _whole(value: Any, default: int = 0) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else default
