"""How a connection attaches to channels, takes up where it was, and leaves them."""

from __future__ import annotations

from typing import Any, Final

from endcap_devkit.ably_server.attachments import Attachment
from endcap_devkit.ably_server.connections import Connection
from endcap_devkit.ably_server.errors import BAD_REQUEST, CHANNEL_LIMIT, CONNECTION_LOST, AblyError
from endcap_devkit.ably_server.log import Entry, position
from endcap_devkit.ably_server.modes import Flag, granted
from endcap_devkit.ably_server.names import ChannelName
from endcap_devkit.ably_server.payloads import text_field
from endcap_devkit.ably_server.rewind import read_rewind, rewound
from endcap_devkit.ably_server.serials import just_before
from endcap_devkit.ably_server.state import LocalAbly
from endcap_devkit.ably_server.wire import Action, Frames, error_message

SYNC_PAGE: Final = 100  # members a SYNC message


class Attaching:
    """The channels of one connection."""

    def __init__(self, ably: LocalAbly, connection: Connection) -> None:
        self._ably, self._connection = ably, connection

    def attach(self, message: dict[str, Any]) -> None:
        """Answer ATTACH with ATTACHED, or with an ERROR that fails the channel."""
        wire = message.get("channel")
        try:
            self._attach(ChannelName.read(wire), message)
        except AblyError as refusal:
            attachment = self._find(message)
            if attachment is not None:
                self._remove(attachment)
            self._connection.send(error_message(refusal, wire if isinstance(wire, str) else ""))

    def detach(self, message: dict[str, Any]) -> None:
        """Answer DETACH with DETACHED, attached or not."""
        attachment = self._find(message)
        if attachment is not None:
            self._remove(attachment)
        self._connection.send({"action": Action.DETACHED, "channel": message.get("channel")})

    def sync(self, message: dict[str, Any]) -> None:
        """Send the members again."""
        attachment = self._find(message)
        if attachment is not None and attachment.watches:
            self._send_members(attachment)

    def regrant(self) -> None:
        """Under a new token: channels it no longer covers fail, the modes of the others may grow or shrink."""
        capability = self._connection.identity.capability
        for attachment in list(self._connection.attachments.values()):
            try:
                changed = attachment.regrant(capability)
            except AblyError as refusal:
                self._remove(attachment)
                self._connection.send(error_message(refusal, attachment.name.wire))
                continue
            if changed and attachment.active:
                self._attached(attachment, Flag.RESUMED)

    def _find(self, message: dict[str, Any]) -> Attachment | None:
        wire = message.get("channel")
        return self._connection.attachments.get(wire) if isinstance(wire, str) else None

    def _attach(self, name: ChannelName, message: dict[str, Any]) -> None:
        identity, known = self._connection.identity, self._connection.attachments.get(name.wire)
        if known is None:
            self._require_room()
            granted(None, identity.capability, name.base)  # before a channel is made for it
        channel = identity.app.channels.open(name.base, self._ably.now_ms())
        attachment = known or Attachment(self._connection, name, channel)
        attachment.ask(_params(message), _flags(message))
        serial = text_field(message, "channelSerial")
        if known and (serial is None or (known.active and known.deltas is None)):
            # all was sent over this very link, and some may still be on its way: the client's serial is behind it.
            # With deltas it may be asking again for one that it could not put together.
            serial = known.position
        attachment.active = True
        self._connection.attachments[name.wire] = attachment
        channel.subscribe(attachment)
        if serial is not None:
            self._resume(attachment, position(serial))
        else:
            self._begin(attachment, rewinds=Flag.ATTACH_RESUME not in Flag(_flags(message)))
        channel.tell_occupancy(self._ably.now_ms())

    def _require_room(self) -> None:
        settings = self._ably.settings
        if settings.limits and len(self._connection.attachments) >= settings.max_channels:
            raise AblyError(CHANNEL_LIMIT, f"a connection has at most {settings.max_channels} channels")

    def _begin(self, attachment: Attachment, rewinds: bool) -> None:
        """At the head, or as far back as rewind asks."""
        rewind = read_rewind(attachment.params) if rewinds else None
        backlog = rewound(attachment.channel, rewind, self._ably.now_ms()) if rewind else []
        backlog = [wanted for entry in backlog if (wanted := attachment.select(entry))]
        attachment.position = just_before(backlog[0].messages[0].serial) if backlog else attachment.channel.serials.head
        self._attached(attachment, Flag.HAS_BACKLOG if backlog else Flag(0))
        self._replay(attachment, backlog)

    def _resume(self, attachment: Attachment, after: str) -> None:
        """Where the client was, with what came since; or at the head, saying that the thread is lost."""
        channel = attachment.channel
        if not channel.continues_from(after):
            attachment.position = channel.serials.head
            error = AblyError(CONNECTION_LOST, "the channel can't be resumed here: messages have been lost")
            self._attached(attachment, Flag(0), error)
            return
        attachment.position = after
        missed = [wanted for entry in channel.after(after) if (wanted := attachment.select(entry.rest(after)))]
        self._attached(attachment, Flag.RESUMED)
        self._replay(attachment, missed)

    def _replay(self, attachment: Attachment, entries: list[Entry]) -> None:
        for entry in entries:
            attachment.send(Frames(entry, attachment.channel.name))
        attachment.position = attachment.channel.serials.head

    def _attached(self, attachment: Attachment, flags: Flag, error: AblyError | None = None) -> None:
        if attachment.watches and len(attachment.channel.members):
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
        self._connection.send(message)
        if Flag.HAS_PRESENCE in flags:
            self._send_members(attachment)

    def _remove(self, attachment: Attachment) -> None:
        attachment.active = False
        self._ably.connections.leave(self._connection, attachment)
        attachment.channel.unsubscribe(attachment, self._ably.now_ms())
        del self._connection.attachments[attachment.name.wire]

    def _send_members(self, attachment: Attachment) -> None:
        """SYNC messages, a page each; the last one's cursor is empty."""
        socket, members = self._connection.socket, list(attachment.channel.members)
        if socket is None:
            return
        pages = [members[start : start + SYNC_PAGE] for start in range(0, len(members), SYNC_PAGE)] or [[]]
        sequence = attachment.channel.serials.head.replace("-", "").partition("@")[0]
        for number, page in enumerate(pages, start=1):
            cursor = "" if number == len(pages) else str(number * SYNC_PAGE)
            socket.send(
                {
                    "action": Action.SYNC,
                    "channel": attachment.name.wire,
                    "channelSerial": f"{sequence}:{cursor}",
                    "presence": [member.to_wire(socket.format) for member in page],
                }
            )


def _params(message: dict[str, Any]) -> dict[str, str]:
    params = message.get("params") or {}
    if not isinstance(params, dict) or not all(isinstance(value, str | int) for value in params.values()):
        raise AblyError(BAD_REQUEST, "channel params must be an object of texts or whole numbers")
    return {name: str(value) for name, value in params.items()}


def _flags(message: dict[str, Any]) -> int:
    flags = message.get("flags")
    return flags if isinstance(flags, int) and not isinstance(flags, bool) and 0 <= flags < 2**32 else 0
