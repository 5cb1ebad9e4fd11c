"""What a channel remembers: its newest publishes, bounded by number, weight and age."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from endcap_devkit.ably_server.messages import Message, PresenceMessage
from endcap_devkit.ably_server.serials import message_serial

_LAST_INDEX = 999


@dataclass(slots=True)
class Entry:
    """One publish as it stands on a channel: messages, or presence changes, under one serial."""

    serial: str
    timestamp: int  # ms
    id: str  # what the ids of its parts begin with
    connection_id: str | None  # None over REST
    messages: Sequence[Message] = ()
    presence: Sequence[PresenceMessage] = ()

    @property
    def end(self) -> str:
        """The serial of its last part."""
        return message_serial(self.serial, max(len(self.messages), len(self.presence)) - 1)

    def rest(self, after: str) -> Entry:
        """Without the messages that came up to a position inside this entry."""
        if not self.messages or after < self.messages[0].serial:
            return self
        return self.only([message for message in self.messages if message.serial > after])

    def only(self, messages: Sequence[Message]) -> Entry:
        """With some of its messages."""
        return self if len(messages) == len(self.messages) else replace(self, messages=messages)

    @property
    def weight(self) -> int:
        """Bytes, roughly: payloads plus what each part costs anyway."""
        return sum(message.size + 200 for message in self.messages) + 400 * len(self.presence)


class Log:
    """Entries of one channel, oldest first."""

    def __init__(self, max_items: int, max_bytes: int, max_age_ms: int) -> None:
        self._entries: deque[Entry] = deque()
        self._max_items, self._max_bytes, self._max_age_ms = max_items, max_bytes, max_age_ms
        self.items = 0
        self._bytes = 0
        self.floor = ""  # the end of the newest entry that is forgotten

    def append(self, entry: Entry) -> None:
        self._entries.append(entry)
        self.items += _items(entry)
        self._bytes += entry.weight
        self.trim(entry.timestamp)

    def trim(self, now_ms: int) -> None:
        """Forget what exceeds the bounds; the newest entry outlives all bounds but age."""
        while self._entries and (self._overfull() or self._entries[0].timestamp <= now_ms - self._max_age_ms):
            gone = self._entries.popleft()
            self.items -= _items(gone)
            self._bytes -= gone.weight
            self.floor = gone.end

    def after(self, position: str) -> list[Entry]:
        """Entries that end after `position`, oldest first."""
        found: list[Entry] = []
        for entry in reversed(self._entries):
            if entry.end <= position:
                break
            found.append(entry)
        return found[::-1]

    def newest_first(self) -> Iterator[Entry]:
        return reversed(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def _overfull(self) -> bool:
        return len(self._entries) > 1 and (self.items > self._max_items or self._bytes > self._max_bytes)


def _items(entry: Entry) -> int:
    return len(entry.messages) or len(entry.presence)


def position(serial: str) -> str:
    """Where a reader stands who has seen `serial`: a publish's serial means all of its messages."""
    return serial if serial.count(":") else message_serial(serial, _LAST_INDEX)
