"""Channels: order, retention, idempotency and fan-out. Everything here runs on the server's loop and never waits."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import merge
from typing import Any, Protocol

from endcap_devkit.ably_server.errors import BAD_CHANNEL_NAME, BAD_CLIENT_ID, CHANNEL_RATE, RATE, AblyError
from endcap_devkit.ably_server.limits import Rate
from endcap_devkit.ably_server.log import Entry, Log
from endcap_devkit.ably_server.members import Members
from endcap_devkit.ably_server.messages import (
    Draft,
    PresenceAction,
    PresenceMessage,
    own_id_base,
    random_base,
    stamp,
)
from endcap_devkit.ably_server.modes import Flag
from endcap_devkit.ably_server.payloads import text_field
from endcap_devkit.ably_server.serials import Serials
from endcap_devkit.ably_server.settings import Settings
from endcap_devkit.ably_server.wire import Frames

MAX_NAME_CHARS = 2048
MAX_OPEN_CHANNELS = 50_000  # of one app, those that hold history or an attachment
MAX_REMEMBERED_IDS = 10_000  # of one channel, for idempotency


class Subscriber(Protocol):
    """What a channel delivers to: an attachment of a connection, or an event stream."""

    @property
    def link_id(self) -> str:
        """The connection or stream it belongs to."""
        ...

    @property
    def active(self) -> bool:
        """False while its client is away."""
        ...

    @property
    def modes(self) -> Flag: ...

    @property
    def asks_occupancy(self) -> bool: ...

    def tell_occupancy(self, metrics: Mapping[str, int], now_ms: int) -> None:
        """Hear who is on the channel; only if it asks."""
        ...

    def deliver(self, entry: Entry, frames: Frames) -> None:
        """Take one entry; must not block or raise."""
        ...


@dataclass(frozen=True, slots=True)
class Published:
    """What a publisher is told. `message_id` is the base of the messages' ids."""

    message_id: str
    serials: Sequence[str]


class Channel:
    """One channel: its log, its members and those who listen."""

    def __init__(self, name: str, persisted: bool, settings: Settings, now_ms: int, observe: Observer) -> None:
        self.name = name
        self.serials = Serials(now_ms)
        age_ms = int(1000 * (settings.persisted_retention_s if persisted else settings.retention_s))
        self.messages = Log(settings.retained_messages, settings.retained_bytes, age_ms)
        self.presence = Log(settings.retained_messages, settings.retained_bytes, age_ms)
        self.members = Members(settings.max_members)
        self.subscribers: dict[Subscriber, None] = {}  # a set that keeps its order
        self.rate = Rate(settings.max_rate_per_s)
        self._published: OrderedDict[str, tuple[int, Published]] = OrderedDict()
        self._settings, self._observe = settings, observe

    def publish(
        self,
        drafts: Sequence[Draft],
        client_ids: Sequence[str | None],
        now_ms: int,
        connection_id: str | None = None,
        base: str | None = None,
    ) -> Published:
        """Put one publish on the channel and fan it out; `base` begins the ids of messages that brought none.

        Raises:
            AblyError: 40031 (ids of an array that don't belong together), 42913 (limits are on and exceeded).
        """
        own = own_id_base(drafts)
        if own is not None and (known := self._remembered(own, now_ms)):
            return known
        if self._settings.limits and not self.rate.admit(now_ms, len(drafts)):
            raise AblyError(CHANNEL_RATE, f"more than {self.rate.per_s} messages a second on channel {self.name!r}")
        serial = self.serials.issue(now_ms)
        id = own or base or random_base()
        messages = stamp(drafts, client_ids, id, serial, now_ms, connection_id)
        self._append(self.messages, Entry(serial, now_ms, id, connection_id, messages=messages))
        published = Published(id, [message.serial for message in messages])
        if own is not None:
            self._published[own] = now_ms, published
        return published

    def change_presence(self, changes: Sequence[PresenceMessage], now_ms: int, id: str) -> None:
        """Apply presence changes of one connection and tell the subscribers.

        Raises:
            AblyError: 91003, too many members.
        """
        told = [news for change in changes if (news := self.members.take(change))]
        if told:
            serial = self.serials.issue(now_ms)
            self._append(self.presence, Entry(serial, now_ms, id, told[0].connection_id, presence=told))
            self.tell_occupancy(now_ms)

    def subscribe(self, subscriber: Subscriber) -> None:
        self.subscribers[subscriber] = None

    def unsubscribe(self, subscriber: Subscriber, now_ms: int) -> None:
        self.subscribers.pop(subscriber, None)
        self.tell_occupancy(now_ms)

    def continues_from(self, position: str) -> bool:
        """Whether all that came after `position` is still here."""
        return self.serials.owns(position) and position >= max(self.messages.floor, self.presence.floor)

    def after(self, position: str) -> list[Entry]:
        """Messages and presence that came after `position`, in order."""
        return list(merge(self.messages.after(position), self.presence.after(position), key=lambda entry: entry.serial))

    def add_fixture(self, raw: dict[str, Any], index: int, now_ms: int) -> None:
        """A member that a provisioning request describes; its encoding is kept as given, so that clients decode it.

        Raises:
            AblyError: 40000 (40012 without a clientId).
        """
        client_id, data = text_field(raw, "clientId"), text_field(raw, "data")
        if not client_id:
            raise AblyError(BAD_CLIENT_ID, "a presence fixture needs a clientId")
        id = f"fixture:0:{index}"
        member = PresenceMessage(
            PresenceAction.ENTER, id, now_ms, client_id, "fixture", data, text_field(raw, "encoding")
        )
        self.change_presence([member], now_ms, id)

    def occupancy(self) -> dict[str, int]:
        """Who is on the channel, by what they may do."""
        here = [each for each in self.subscribers if each.active]
        return {
            "connections": len({each.link_id for each in here}),
            "publishers": sum(Flag.PUBLISH in each.modes for each in here),
            "subscribers": sum(Flag.SUBSCRIBE in each.modes for each in here),
            "presenceConnections": sum(Flag.PRESENCE in each.modes for each in here),
            "presenceMembers": len(self.members),
            "presenceSubscribers": sum(Flag.PRESENCE_SUBSCRIBE in each.modes for each in here),
        }

    def tell_occupancy(self, now_ms: int) -> None:
        """Tell those who asked, after somebody came or went."""
        curious = [each for each in self.subscribers if each.active and each.asks_occupancy]
        metrics = self.occupancy() if curious else {}
        for subscriber in curious:
            subscriber.tell_occupancy(metrics, now_ms)

    def sweep(self, now_ms: int) -> bool:
        """Forget what is too old; False when nothing is left to keep the channel for."""
        self.messages.trim(now_ms)
        self.presence.trim(now_ms)
        self._forget_ids(now_ms)
        return bool(
            self.subscribers or len(self.members) or len(self.messages) or len(self.presence) or self._published
        )

    def _append(self, log: Log, entry: Entry) -> None:
        log.append(entry)
        frames = Frames(entry, self.name)
        for subscriber in list(self.subscribers):
            subscriber.deliver(entry, frames)
        self._observe(self, entry)

    def _remembered(self, id: str, now_ms: int) -> Published | None:
        self._forget_ids(now_ms)
        known = self._published.get(id)
        return known[1] if known else None

    def _forget_ids(self, now_ms: int) -> None:
        oldest = now_ms - int(1000 * self._settings.idempotency_s)
        while self._published:
            id, (published_ms, _) = next(iter(self._published.items()))
            if published_ms > oldest and len(self._published) <= MAX_REMEMBERED_IDS:
                return
            del self._published[id]


Observer = Callable[[Channel, Entry], None]


class Channels:
    """The channels of one app, made when first used and forgotten when nothing is left in them."""

    def __init__(self, settings: Settings, observe: Observer = lambda channel, entry: None) -> None:
        self._open: dict[str, Channel] = {}
        self._settings, self._observe = settings, observe
        self.persisted_namespaces = {"persisted"}

    def open(self, name: str, now_ms: int) -> Channel:
        """The channel of a base name, made if need be.

        Raises:
            AblyError: 40010 (no valid name), 42910 (too many channels).
        """
        channel = self._open.get(name)
        if channel is None:
            check_name(name)
            if len(self._open) >= MAX_OPEN_CHANNELS:
                raise AblyError(RATE, f"there are {MAX_OPEN_CHANNELS} channels already")
            persisted = name.partition(":")[0] in self.persisted_namespaces
            channel = self._open[name] = Channel(name, persisted, self._settings, now_ms, self._observe)
        return channel

    def find(self, name: str) -> Channel | None:
        """The channel if it is open."""
        check_name(name)
        return self._open.get(name)

    def sweep(self, now_ms: int) -> None:
        for name in [name for name, channel in self._open.items() if not channel.sweep(now_ms)]:
            del self._open[name]

    def __iter__(self) -> Iterator[Channel]:
        return iter(list(self._open.values()))

    def __len__(self) -> int:
        return len(self._open)


def check_name(name: str) -> None:
    """Raises AblyError 40010 unless `name` can be a channel's base name."""
    if not name or name.startswith(":") or len(name) > MAX_NAME_CHARS or any(char in name for char in "\r\n\0"):
        raise AblyError(BAD_CHANNEL_NAME, f"{name[:100]!r} can't be a channel's name")
