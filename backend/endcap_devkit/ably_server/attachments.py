"""Attachments: what one connection may do on one channel, and what it is sent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import IntFlag
from typing import TYPE_CHECKING, Final

from endcap_devkit.ably_server.capability import Capability
from endcap_devkit.ably_server.channels import Channel
from endcap_devkit.ably_server.errors import BAD_PARAMETER, BAD_REQUEST, NOT_CAPABLE, AblyError
from endcap_devkit.ably_server.log import Entry
from endcap_devkit.ably_server.names import ChannelName
from endcap_devkit.ably_server.wire import Deltas, Frames

if TYPE_CHECKING:
    from endcap_devkit.ably_server.connections import Connection

KNOWN_PARAMS: Final = ("rewind", "rewindLimit", "modes", "echo", "occupancy", "delta")
DELTA_FORMAT: Final = "vcdiff"
MAX_REWIND: Final = 100  # messages


class Flag(IntFlag):
    """The flags of ATTACH and ATTACHED: what happened, and the modes."""

    HAS_PRESENCE = 1
    HAS_BACKLOG = 1 << 1
    RESUMED = 1 << 2
    ATTACH_RESUME = 1 << 5
    PRESENCE = 1 << 16
    PUBLISH = 1 << 17
    SUBSCRIBE = 1 << 18
    PRESENCE_SUBSCRIBE = 1 << 19
    ANNOTATION_PUBLISH = 1 << 21
    ANNOTATION_SUBSCRIBE = 1 << 22


_NEEDS: Final = {  # any one of these operations grants the mode
    Flag.PRESENCE: ("presence",),
    Flag.PUBLISH: ("publish",),
    Flag.SUBSCRIBE: ("subscribe",),
    Flag.PRESENCE_SUBSCRIBE: ("subscribe", "presence-subscribe"),
    Flag.ANNOTATION_PUBLISH: ("annotation-publish",),
    Flag.ANNOTATION_SUBSCRIBE: ("annotation-subscribe",),
}
_MODES: Final = {(mode.name or "").lower(): mode for mode in _NEEDS}
_ALL_MODES: Final = Flag(sum(_NEEDS))
_DEFAULT_MODES: Final = _ALL_MODES & ~Flag.ANNOTATION_SUBSCRIBE


class Attachment:
    """One channel of one connection. `active` is False between a drop and the client's re-attach."""

    def __init__(self, connection: Connection, name: ChannelName, channel: Channel) -> None:
        self.connection, self.name, self.channel = connection, name, channel
        self.params: dict[str, str] = {}
        self.asked: Flag | None = None
        self.modes = Flag(0)
        self.active = False
        self.deltas: Deltas | None = None
        self.position = channel.serials.head  # the serial up to which all was sent or skipped

    def ask(self, params: Mapping[str, str], flags: int) -> None:
        """Take over what an ATTACH asks for, within the connection's capability.

        Raises:
            AblyError: 40000 (a mode that does not exist), 40003 (rewind), 40160 (nothing of it is permitted).
        """
        params = {**self.name.params, **params}
        asked = modes_of_param(params["modes"]) if "modes" in params else (Flag(flags) & _ALL_MODES or None)
        read_rewind(params)
        self.modes = granted(asked, self.connection.identity.capability, self.name.base)
        self.asked = asked
        self.params = {name: value for name, value in params.items() if name in KNOWN_PARAMS}
        if self.params.get("delta", DELTA_FORMAT) != DELTA_FORMAT:
            del self.params["delta"]
        self.deltas = Deltas() if "delta" in self.params else None  # any attach begins a new chain

    def regrant(self, capability: Capability) -> bool:
        """Recompute the modes under a new token, upwards too; whether they changed.

        Raises:
            AblyError: 40160, nothing is left.
        """
        before, self.modes = self.modes, granted(self.asked, capability, self.name.base)
        return before != self.modes

    def deliver(self, entry: Entry, frames: Frames) -> None:
        """Send an entry if this attachment wants it; a Subscriber of its channel."""
        if not self.active:
            return
        self.position = entry.serial
        if self.wants(entry):
            self.send(frames)

    def send(self, frames: Frames) -> None:
        self.connection.send_entry(frames, self.name.wire, self.deltas)

    def wants(self, entry: Entry) -> bool:
        if not entry.messages:
            return Flag.PRESENCE_SUBSCRIBE in self.modes
        return Flag.SUBSCRIBE in self.modes and (self._echoes() or entry.connection_id != self.connection.id)

    @property
    def publishes(self) -> bool:
        return Flag.PUBLISH in self.modes

    @property
    def subscribes(self) -> bool:
        return Flag.SUBSCRIBE in self.modes

    @property
    def joins(self) -> bool:
        return Flag.PRESENCE in self.modes

    @property
    def watches(self) -> bool:
        return Flag.PRESENCE_SUBSCRIBE in self.modes

    def _echoes(self) -> bool:
        return self.connection.echo and self.params.get("echo") != "false"


def granted(asked: Flag | None, capability: Capability, channel: str) -> Flag:
    """The modes asked for (None: the usual ones) that `capability` covers on `channel`.

    Raises:
        AblyError: 40160, none.
    """
    modes = Flag(0)
    for mode, operations in _NEEDS.items():
        if mode in (asked or _DEFAULT_MODES) and any(capability.allows(each, channel) for each in operations):
            modes |= mode
    if not modes:
        raise AblyError(NOT_CAPABLE, f"channel {channel!r} is denied by the capability of this key or token")
    return modes


def modes_of_param(text: str) -> Flag:
    """`publish,subscribe` as flags; raises AblyError 40000 for a mode that does not exist."""
    modes = Flag(0)
    for word in text.split(","):
        mode = _MODES.get(word.strip().lower())
        if mode is None:
            raise AblyError(BAD_REQUEST, f"{word.strip()[:40]!r} is not a channel mode; there are {', '.join(_MODES)}")
        modes |= mode
    return modes


@dataclass(frozen=True, slots=True)
class Rewind:
    """How far back: the last `count` messages, of the last `age_ms` when given."""

    count: int
    age_ms: int | None


def read_rewind(params: Mapping[str, str]) -> Rewind | None:
    """What the rewind parameters ask for.

    Raises:
        AblyError: 40003, neither a number nor a time such as 15s or 2m.
    """
    text, limit = params.get("rewind"), params.get("rewindLimit", str(MAX_REWIND))
    if text is None:
        return None
    found = re.fullmatch(r"(\d{1,9})([sm]?)", text)
    if not found or not re.fullmatch(r"\d{1,9}", limit):
        raise AblyError(
            BAD_PARAMETER, f"rewind={text[:40]!r} is neither a number of messages nor a time such as 15s or 2m"
        )
    number, most = int(found[1]), min(int(limit), MAX_REWIND)
    if not found[2]:
        return Rewind(min(number, most), None)
    return Rewind(most, number * (60_000 if found[2] == "m" else 1000))


def rewound(channel: Channel, rewind: Rewind, now_ms: int) -> list[Entry]:
    """The newest messages that `rewind` asks for, oldest first; an entry may be cut to its last messages."""
    found: list[Entry] = []
    left = rewind.count
    for entry in channel.messages.newest_first():
        if left <= 0 or (rewind.age_ms is not None and entry.timestamp < now_ms - rewind.age_ms):
            break
        found.append(replace(entry, messages=entry.messages[-left:]))
        left -= len(entry.messages)
    return found[::-1]
