"""Protocol messages: the frames of a realtime connection."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from endcap_devkit.ably_server.errors import AblyError
from endcap_devkit.ably_server.formats import Format
from endcap_devkit.ably_server.log import Entry
from endcap_devkit.ably_server.messages import Message


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
        self._made: dict[tuple[Format, str, float, str | None], Frame] = {}

    def of(self, format: Format, channel: str, version: float, base: Deltas | None = None) -> Frame:
        """The frame for a client of this format and protocol version that knows the channel under this name.

        `base` is given for a client that takes deltas; it moves on to the entry's last message.
        """
        key = format, channel, version, base.last.id if base and base.last else None
        if key not in self._made:
            self._made[key] = frame(entry_message(self._entry, format, channel, version, base), format)
        if base is not None and self._entry.messages:
            base.last = self._entry.messages[-1]
        return self._made[key]


@dataclass(slots=True)
class Deltas:
    """Where one client's chain of deltas stands: the last message it was sent; None: the next goes out whole."""

    last: Message | None = None


def entry_message(
    entry: Entry, format: Format, channel: str, version: float, deltas: Deltas | None = None
) -> dict[str, Any]:
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
        bases = [deltas.last, *entry.messages] if deltas else [None] * len(entry.messages)
        message["messages"] = [
            each.to_wire(format, version, base) for each, base in zip(entry.messages, bases, strict=False)
        ]
    else:
        message["presence"] = [each.to_wire(format) for each in entry.presence]
    return message


def read_version(text: str | None) -> float:
    """The protocol version; not always a whole number. What can't be read counts as 2."""
    try:
        return float(text or 2)
    except ValueError:
        return 2.0
