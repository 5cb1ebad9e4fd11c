"""Protocol messages: the frames of a realtime connection."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from endcap_devkit.ably_server.errors import AblyError
from endcap_devkit.ably_server.formats import Format
from endcap_devkit.ably_server.log import Entry


class Action(IntEnum):
    HEARTBEAT = 0
    ACK = 1
    NACK = 2
    CONNECTED = 4
    DISCONNECT = 5
    DISCONNECTED = 6
    CLOSE = 7
    CLOSED = 8
    ERROR = 9
    ATTACH = 10
    ATTACHED = 11
    DETACH = 12
    DETACHED = 13
    PRESENCE = 14
    MESSAGE = 15
    SYNC = 16
    AUTH = 17
    OBJECT = 19
    OBJECT_SYNC = 20
    ANNOTATION = 21


Frame = str | bytes  # text for JSON, binary for msgpack


def frame(message: dict[str, Any], format: Format) -> Frame:
    encoded = format.encode(message)
    return encoded.decode() if format is Format.JSON else encoded


def error_message(error: AblyError, channel: str | None = None) -> dict[str, Any]:
    """ERROR of a channel, or of the whole connection."""
    message: dict[str, Any] = {"action": Action.ERROR, "error": error.to_wire()}
    return message | {"channel": channel} if channel is not None else message


class Frames:
    """One entry's frames, each made once however many receive it."""

    def __init__(self, entry: Entry, channel: str) -> None:
        self._entry = entry
        self.channel = channel  # its base name
        self._made: dict[tuple[Format, str, float], Frame] = {}

    def of(self, format: Format, channel: str, version: float) -> Frame:
        """The frame for a client of this format and protocol version that knows the channel under this name."""
        key = format, channel, version
        if key not in self._made:
            self._made[key] = frame(entry_message(self._entry, format, channel, version), format)
        return self._made[key]


def entry_message(entry: Entry, format: Format, channel: str, version: float) -> dict[str, Any]:
    """MESSAGE or PRESENCE for one entry of a channel's log."""
    message: dict[str, Any] = {
        "action": Action.MESSAGE if entry.messages else Action.PRESENCE,
        "id": entry.id,
        "channel": channel,
        "channelSerial": entry.serial,
        "timestamp": entry.timestamp,
    }
    if entry.connection_id is not None:
        message["connectionId"] = entry.connection_id
    if entry.messages:
        message["messages"] = [each.to_wire(format, version) for each in entry.messages]
    else:
        message["presence"] = [each.to_wire(format) for each in entry.presence]
    return message
