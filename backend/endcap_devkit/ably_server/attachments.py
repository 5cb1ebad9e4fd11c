"""Attachments: what one connection may do on one channel, and what it is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from endcap_devkit.ably_server.capability import Capability
from endcap_devkit.ably_server.channels import Channel
from endcap_devkit.ably_server.formats import to_json_text
from endcap_devkit.ably_server.log import Entry
from endcap_devkit.ably_server.modes import ALL_MODES, Flag, granted, modes_of_param
from endcap_devkit.ably_server.names import ChannelName
from endcap_devkit.ably_server.rewind import read_rewind
from endcap_devkit.ably_server.serials import random_word
from endcap_devkit.ably_server.wire import Action, Deltas, Frames

if TYPE_CHECKING:
    from endcap_devkit.ably_server.connections import Connection

KNOWN_PARAMS: Final = ("rewind", "rewindLimit", "modes", "echo", "occupancy", "delta")
DELTA_FORMAT: Final = "vcdiff"


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
        asked = modes_of_param(params["modes"]) if "modes" in params else (Flag(flags) & ALL_MODES or None)
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
        wanted = self.select(entry)
        if wanted is not None:
            self.send(frames if wanted is entry else Frames(wanted, self.channel.name))

    def send(self, frames: Frames) -> None:
        self.connection.send_entry(frames, self.name.wire, self.deltas)

    def select(self, entry: Entry) -> Entry | None:
        """What of an entry this attachment hears: by its modes, its echo, its filter."""
        if not entry.messages:
            return entry if self.watches and self.name.filter is None else None
        if Flag.SUBSCRIBE not in self.modes or (entry.connection_id == self.connection.id and not self._echoes()):
            return None
        if self.name.filter is None:
            return entry
        messages = self.name.filter.select(entry.messages)
        return entry.only(messages) if messages else None

    @property
    def link_id(self) -> str:
        return self.connection.id

    @property
    def asks_occupancy(self) -> bool:
        return "occupancy" in self.params

    @property
    def watches(self) -> bool:
        return Flag.PRESENCE_SUBSCRIBE in self.modes

    def tell_occupancy(self, metrics: Mapping[str, int], now_ms: int) -> None:
        """Send who is on the channel."""
        asked = self.params.get("occupancy")
        shown = {name: count for name, count in metrics.items() if asked in ("metrics", f"metrics.{name}")}
        message = {
            "id": f"{random_word(10)}:0",
            "name": "[meta]occupancy",
            "data": to_json_text({"metrics": shown}),
            "encoding": "json",
            "timestamp": now_ms,
        }
        self.connection.send(
            {"action": Action.MESSAGE, "channel": self.name.wire, "timestamp": now_ms, "messages": [message]}
        )

    def _echoes(self) -> bool:
        return self.connection.echo and self.params.get("echo") != "false"
