"""Messages and presence messages: read strictly, kept as data plus an encoding chain, written in a format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from endcap_devkit.ably_server import delta
from endcap_devkit.ably_server.errors import BAD_MESSAGE_IDS, BAD_REQUEST, TOO_BIG, AblyError
from endcap_devkit.ably_server.formats import Format, to_json_text
from endcap_devkit.ably_server.payloads import Data, plain, put, put_data, read_data, text_field, weigh
from endcap_devkit.ably_server.serials import message_serial, random_word

MAX_MESSAGES: Final = 1_000  # of one publish: what a serial's three digits can count
VERSIONED: Final = 5.0  # the protocol version from which a message's `version` is an object


class PresenceAction(IntEnum):
    ABSENT = 0
    PRESENT = 1
    ENTER = 2
    LEAVE = 3
    UPDATE = 4


@dataclass(slots=True)
class Draft:
    """A message as a client sent it, types checked, not yet on a channel."""

    id: str | None
    name: str | None
    data: Data
    encoding: str | None
    client_id: str | None
    extras: dict[str, Any] | None
    connection_key: str | None = None

    @property
    def size(self) -> int:
        """Bytes that count towards the message size limit."""
        weight = weigh(self.name) + weigh(self.data) + weigh(self.client_id)
        return weight + (len(to_json_text(self.extras).encode()) if self.extras else 0)


@dataclass(slots=True)
class Message:
    """A message on a channel; never changed once published."""

    id: str
    serial: str
    timestamp: int  # ms
    name: str | None
    data: Data
    encoding: str | None
    client_id: str | None
    connection_id: str | None
    extras: dict[str, Any] | None
    size: int

    @property
    def payload(self) -> bytes | None:
        """The data as bytes: what deltas are taken of."""
        return self.data.encode() if isinstance(self.data, str) else self.data

    def to_wire(self, format: Format, version: float, base: Message | None = None) -> dict[str, Any]:
        """The object that clients read; with a `base`, as a delta from it if that is shorter."""
        wire: dict[str, Any] = {"id": self.id, "timestamp": self.timestamp, "serial": self.serial, "action": 0}
        if version >= VERSIONED:
            wire["version"] = {"serial": self.serial, "timestamp": self.timestamp}
        put(wire, name=self.name, clientId=self.client_id, connectionId=self.connection_id, extras=self.extras)
        change = self._change_from(base)
        if base is None or change is None:
            put_data(wire, self.data, self.encoding, format)
            return wire
        steps = [self.encoding, "utf-8" if isinstance(self.data, str) else None, "vcdiff"]
        put_data(wire, change, "/".join(step for step in steps if step), format)
        wire["extras"] = {**(self.extras or {}), "delta": {"from": base.id, "format": "vcdiff"}}
        return wire

    def _change_from(self, base: Message | None) -> bytes | None:
        payload, before = self.payload, base.payload if base else None
        if not payload or not before:
            return None
        change = delta.encode(before, payload)
        return change if len(change) < len(payload) else None


@dataclass(slots=True)
class PresenceMessage:
    """One change of one member; also, with action PRESENT, the member as it is kept."""

    action: PresenceAction
    id: str
    timestamp: int  # ms
    client_id: str
    connection_id: str
    data: Data
    encoding: str | None
    extras: dict[str, Any] | None = None

    @property
    def member_key(self) -> str:
        return f"{self.connection_id}:{self.client_id}"

    def to_wire(self, format: Format) -> dict[str, Any]:
        wire: dict[str, Any] = {
            "action": int(self.action),
            "id": self.id,
            "timestamp": self.timestamp,
            "clientId": self.client_id,
            "connectionId": self.connection_id,
        }
        put(wire, extras=self.extras)
        put_data(wire, self.data, self.encoding, format)
        return wire


def read_drafts(raw: Any, max_bytes: int) -> list[Draft]:
    """One message or an array of them, as sent to publish.

    Raises:
        AblyError: 40000 (shape), 40009 (together too big), 40013 (data), 40031 (ids).
    """
    items = raw if isinstance(raw, list) else [raw]
    if not items:
        raise AblyError(BAD_REQUEST, "there are no messages to publish")
    if len(items) > MAX_MESSAGES:
        raise AblyError(BAD_REQUEST, f"{len(items)} messages in one publish; at most {MAX_MESSAGES} are allowed")
    drafts = [read_draft(item) for item in items]
    size = sum(draft.size for draft in drafts)
    if size > max_bytes:
        raise AblyError(TOO_BIG, f"the messages have {size} bytes together; at most {max_bytes} are allowed")
    return drafts


def read_draft(raw: Any) -> Draft:
    """One message, its fields' types checked."""
    if not isinstance(raw, dict):
        raise AblyError(BAD_REQUEST, "a message must be an object")
    data, encoding = read_data(raw)
    extras = raw.get("extras")
    if extras is not None and not isinstance(extras, dict):
        raise AblyError(BAD_REQUEST, "a message's extras must be an object")
    return Draft(
        id=text_field(raw, "id"),
        name=text_field(raw, "name"),
        data=data,
        encoding=encoding,
        client_id=text_field(raw, "clientId"),
        extras=plain(extras),
        connection_key=text_field(raw, "connectionKey"),
    )


def stamp(
    drafts: Sequence[Draft],
    client_ids: Sequence[str | None],
    base: str,
    serial: str,
    timestamp: int,
    connection_id: str | None,
) -> list[Message]:
    """Messages for a channel; those without an id of their own get `base:index`."""
    return [
        Message(
            id=draft.id or f"{base}:{index}",
            serial=message_serial(serial, index),
            timestamp=timestamp,
            name=draft.name,
            data=draft.data,
            encoding=draft.encoding,
            client_id=client_id,
            connection_id=connection_id,
            extras=draft.extras,
            size=draft.size,
        )
        for index, (draft, client_id) in enumerate(zip(drafts, client_ids, strict=True))
    ]


def own_id_base(drafts: Sequence[Draft]) -> str | None:
    """The base of the ids a client gave to a publish, None when it gave none.

    Raises:
        AblyError: 40031, an array whose ids are not `base:0`, `base:1`, …
    """
    first = drafts[0].id
    if len(drafts) == 1:
        return first.removesuffix(":0") if first else None
    if all(draft.id is None for draft in drafts):
        return None
    base = (first or "").removesuffix(":0")
    if not base or any(draft.id != f"{base}:{index}" for index, draft in enumerate(drafts)):
        raise AblyError(BAD_MESSAGE_IDS, "the ids of messages published together must be <base>:0, <base>:1 and so on")
    return base


def random_base() -> str:
    """A base for the ids of a publish that brought none."""
    return random_word(12)
