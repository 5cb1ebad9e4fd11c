"""Faults on demand: what a test switches on to see how a client bears it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

from endcap_devkit.ably_server.capability import matches
from endcap_devkit.ably_server.errors import (
    BAD_PARAMETER,
    CONNECTION_DROPPED,
    RATE,
    TOKEN_EXPIRED,
    AblyError,
)

if TYPE_CHECKING:
    from endcap_devkit.ably_server.connections import Connection
    from endcap_devkit.ably_server.state import LocalAbly
    from endcap_devkit.ably_server.streams import Stream

MAX_DELAY_MS = 60_000


@dataclass(slots=True)
class Switch:
    """Something that happens the next `count` times on channels that match `channel`."""

    count: int = 0
    channel: str = "*"
    code: int = 0
    delay_ms: int = 0

    def takes(self, channel: str) -> bool:
        """Whether it happens now; counts it."""
        if self.count <= 0 or not matches(self.channel, channel):
            return False
        self.count -= 1
        return True


@dataclass(slots=True)
class Switches:
    """All that is switched on."""

    nack: Switch = field(default_factory=Switch)  # refuse a publish with `code`
    delay: Switch = field(default_factory=Switch)  # answer a publish after `delay_ms`
    refuse: Switch = field(default_factory=Switch)  # turn a new connection or stream away with `code`
    cut: Switch = field(default_factory=Switch)  # cut an event stream in the middle of a message


FAULTS: Final = ("drop", "disconnect", "expire", *Switches.__slots__)


class Faults:
    """The switches, and the faults that happen at once. Owned by the server's loop."""

    def __init__(self, ably: LocalAbly) -> None:
        self._ably = ably
        self.streams: set[Stream] = set()
        self.switches = Switches()

    async def publishing(self, channel: str) -> None:
        """Called before each publish.

        Raises:
            AblyError: the publish is to be refused.
        """
        delay, nack = self.switches.delay, self.switches.nack
        if delay.takes(channel):
            await asyncio.sleep(delay.delay_ms / 1000)
        if nack.takes(channel):
            raise AblyError(nack.code, "refused by a fault switch")

    def connecting(self) -> AblyError | None:
        """Why a new connection or stream is to be turned away, if it is."""
        refuse = self.switches.refuse
        return AblyError(refuse.code, "refused by a fault switch") if refuse.takes("*") else None

    def cuts(self, channel: str) -> bool:
        """Whether an event stream is to be cut inside this message."""
        return self.switches.cut.takes(channel)

    def set(self, name: str, options: dict[str, Any]) -> dict[str, Any]:
        """Switch one on, or make one happen now; says how many links it hit, or what is switched on.

        Raises:
            AblyError: 40003, no such fault or an option out of range.
        """
        if name not in FAULTS:
            raise AblyError(BAD_PARAMETER, f"there is no fault {name!r}; there are {', '.join(FAULTS)}")
        now: dict[str, Callable[[dict[str, Any]], int]] = {
            "drop": self._drop,
            "disconnect": self._disconnect,
            "expire": self._expire,
        }
        if name in now:
            return {"hit": now[name](options)}
        setattr(self.switches, name, _read_switch(name, options))
        return self.to_wire()

    def clear(self) -> None:
        self.switches = Switches()

    def to_wire(self) -> dict[str, Any]:
        return asdict(self.switches)

    def _drop(self, options: dict[str, Any]) -> int:
        """Cut links as a lost network does."""
        links = self._links(options)
        for link in links:
            link.abort()
        return len(links)

    def _disconnect(self, options: dict[str, Any]) -> int:
        """Send DISCONNECTED; the client comes back at once."""
        connections = [link for link in self._links(options) if link not in self.streams]
        for connection in connections:
            connection.disconnect(
                AblyError(_whole(options, "code", CONNECTION_DROPPED), "disconnected by a fault switch")
            )
        return len(connections)

    def _expire(self, options: dict[str, Any]) -> int:
        """End tokens before their time, here and for whatever they are used for next."""
        links = [link for link in self._links(options) if link.identity.token is not None]
        for link in links:
            assert link.identity.token is not None
            self._ably.tokens.expire(link.identity.token.text)
            link.disconnect(AblyError(TOKEN_EXPIRED, "the token has expired"))
        if isinstance(token := options.get("token"), str):
            self._ably.tokens.expire(token)
        return len(links)

    def _links(self, options: dict[str, Any]) -> list[Connection | Stream]:
        """Live connections and streams that match `connectionId`, `clientId`, `channel` and `token`, those given."""
        live: list[Connection | Stream] = [each for each in self._ably.connections if each.socket is not None]
        return [link for link in (*live, *self.streams) if _fits(link, options)]


def _fits(link: Connection | Stream, options: dict[str, Any]) -> bool:
    token = link.identity.token
    actual = {
        "connectionId": link.id,
        "clientId": link.identity.client_id,
        "token": token.text if token else None,
    }
    if any(name in options and options[name] != value for name, value in actual.items()):
        return False
    return "channel" not in options or options["channel"] in link.channel_names


def _read_switch(name: str, options: dict[str, Any]) -> Switch:
    codes = {"nack": RATE, "refuse": CONNECTION_DROPPED}  # ably-python 3.1.4 waits for ever after a 5xx
    channel = options.get("channel", "*")
    if not isinstance(channel, str):
        raise AblyError(BAD_PARAMETER, "channel must be a name or a pattern such as location:*")
    return Switch(
        count=_whole(options, "count", 1),
        channel=channel,
        code=_whole(options, "code", codes.get(name, 0)),
        delay_ms=min(_whole(options, "delay_ms", 1000), MAX_DELAY_MS) if name == "delay" else 0,
    )


def _whole(options: dict[str, Any], name: str, default: int) -> int:
    value = options.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**31:
        raise AblyError(BAD_PARAMETER, f"{name} must be a whole number")
    return value
