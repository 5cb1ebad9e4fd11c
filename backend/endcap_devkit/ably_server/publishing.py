"""What a connection publishes, messages and presence: done once, answered by one ACK or NACK."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from endcap_devkit.ably_server.connections import Connection
from endcap_devkit.ably_server.errors import (
    BAD_CLIENT_ID,
    BAD_REQUEST,
    CONNECTION_RATE,
    NOT_CAPABLE,
    PRESENCE_NOT_ATTACHED,
    TOO_BIG,
    AblyError,
)
from endcap_devkit.ably_server.messages import PresenceAction, PresenceMessage, read_draft, read_drafts
from endcap_devkit.ably_server.modes import Flag
from endcap_devkit.ably_server.names import ChannelName
from endcap_devkit.ably_server.state import LocalAbly
from endcap_devkit.ably_server.wire import Action

Result = list[dict[str, Any]] | None  # `res` of an ACK
MAX_CHANGES: Final = 1_000  # presence changes of one protocol message
_CLIENT_ACTIONS: Final = (PresenceAction.ENTER, PresenceAction.LEAVE, PresenceAction.UPDATE)


class Publishing:
    """The publishing half of one connection."""

    def __init__(self, ably: LocalAbly, connection: Connection) -> None:
        self._ably, self._connection = ably, connection
        self._acts: dict[int, Callable[[ChannelName, int, dict[str, Any]], Result]] = {
            Action.MESSAGE: self._publish,
            Action.PRESENCE: self._change_presence,
            Action.ANNOTATION: self._annotate,
        }

    async def take(self, message: dict[str, Any]) -> None:
        """Do what a MESSAGE, PRESENCE or ANNOTATION asks, unless its msgSerial was answered before.

        Raises:
            AblyError: 40000, without a msgSerial it can't be answered at all.
        """
        msg_serial = message.get("msgSerial")
        if not isinstance(msg_serial, int) or isinstance(msg_serial, bool) or msg_serial < 0:
            raise AblyError(BAD_REQUEST, "msgSerial must be a whole number")
        if known := self._connection.answered(msg_serial):
            self._connection.send(known)
            return
        self._connection.answer(msg_serial, await self._answer(msg_serial, message))

    async def _answer(self, msg_serial: int, message: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = {"action": Action.ACK, "msgSerial": msg_serial, "count": 1}
        try:
            name = ChannelName.read(message.get("channel"))
            await self._ably.faults.publishing(name.base)
            result = self._acts[message["action"]](name, msg_serial, message)
        except AblyError as refusal:
            return answer | {"action": Action.NACK, "error": refusal.to_wire()}
        return answer if result is None else answer | {"res": result}

    def _publish(self, name: ChannelName, msg_serial: int, message: dict[str, Any]) -> Result:
        drafts = read_drafts(message.get("messages"), self._ably.settings.max_message_bytes)
        self._require(name, Flag.PUBLISH, "publish")
        identity, now_ms = self._connection.identity, self._ably.now_ms()
        client_ids = [identity.client_id_of(draft.client_id) for draft in drafts]
        self._admit(now_ms, len(drafts))
        channel = identity.app.channels.open(name.base, now_ms)
        base = f"{self._connection.id}:{msg_serial}"
        published = channel.publish(drafts, client_ids, now_ms, self._connection.id, base)
        return [{"serials": list(published.serials)}]

    def _change_presence(self, name: ChannelName, msg_serial: int, message: dict[str, Any]) -> Result:
        attachment = self._connection.attachments.get(name.wire)
        if attachment is None or not attachment.active:
            raise AblyError(PRESENCE_NOT_ATTACHED, "presence needs the channel to be attached")
        self._require(name, Flag.PRESENCE, "presence")
        items = message.get("presence")
        if not isinstance(items, list) or not 0 < len(items) <= MAX_CHANGES:
            raise AblyError(BAD_REQUEST, f"PRESENCE needs a list of 1 to {MAX_CHANGES} presence messages")
        now_ms, base = self._ably.now_ms(), f"{self._connection.id}:{msg_serial}"
        changes = [self._read_change(item, f"{base}:{index}", now_ms) for index, item in enumerate(items)]
        self._admit(now_ms, len(changes))
        attachment.channel.change_presence(changes, now_ms, base)
        return None

    def _annotate(self, name: ChannelName, msg_serial: int, message: dict[str, Any]) -> Result:
        raise AblyError(BAD_REQUEST, "the local Ably does not know annotations")

    def _require(self, name: ChannelName, mode: Flag, operation: str) -> None:
        """By capability and, when the channel is attached, by its modes; publishing needs no attachment."""
        attachment = self._connection.attachments.get(name.wire)
        self._connection.identity.capability.require(operation, name.base)
        if attachment is not None and mode not in attachment.modes:
            raise AblyError(NOT_CAPABLE, f"channel {name.wire!r} was attached without the mode {operation}")

    def _admit(self, now_ms: int, count: int) -> None:
        rate = self._connection.rate
        if self._ably.settings.limits and not rate.admit(now_ms, count):
            raise AblyError(CONNECTION_RATE, f"more than {rate.per_s} messages a second on one connection")

    def _read_change(self, item: Any, id: str, now_ms: int) -> PresenceMessage:
        draft = read_draft(item)
        if draft.size > self._ably.settings.max_message_bytes:
            raise AblyError(TOO_BIG, "the presence data is too big")
        action = item.get("action", PresenceAction.ENTER)
        if action not in _CLIENT_ACTIONS:
            raise AblyError(BAD_REQUEST, "a presence action must be 2 (enter), 3 (leave) or 4 (update)")
        client_id = self._connection.identity.client_id_of(draft.client_id)
        if client_id is None:
            raise AblyError(BAD_CLIENT_ID, "presence needs a clientId")
        # a client that enters again by itself repeats the id it had; clients order a connection's changes by it
        own = draft.id if draft.id and re.fullmatch(rf"{self._connection.id}:\d{{1,15}}:\d{{1,15}}", draft.id) else id
        return PresenceMessage(
            PresenceAction(action),
            own,
            now_ms,
            client_id,
            self._connection.id,
            draft.data,
            draft.encoding,
            draft.extras,
        )
