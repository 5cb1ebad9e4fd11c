"""What happened lately, for the page: a bounded list and whoever follows it live."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Final

from endcap_devkit.ably_server.accounts import App
from endcap_devkit.ably_server.channels import Channel
from endcap_devkit.ably_server.formats import Format
from endcap_devkit.ably_server.log import Entry

KEPT: Final = 200  # happenings a page sees when it opens
MAX_UNREAD: Final = 2_000  # of one slow follower; then the oldest go
MAX_SHOWN: Final = 300  # characters of a payload


class Journal:
    """Happenings, oldest first. Owned by the server's loop."""

    def __init__(self) -> None:
        self.recent: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._followers: set[asyncio.Queue[dict[str, Any]]] = set()
        self.messages = 0  # published since the start

    def watch(self, app: App, channel: Channel, entry: Entry) -> None:
        """Note what is published; a Watcher."""
        self.messages += len(entry.messages)
        for message in entry.messages:
            wire = message.to_wire(Format.JSON, 0)
            self.note(
                "message",
                entry.timestamp,
                app=app.id,
                channel=channel.name,
                name=message.name,
                client=message.client_id,
                data=_shown(wire.get("data")),
                encoding=wire.get("encoding"),
                id=message.id,
            )
        for change in entry.presence:
            wire = change.to_wire(Format.JSON)
            action = change.action.name.lower()
            self.note(
                "presence",
                entry.timestamp,
                app=app.id,
                channel=channel.name,
                name=action,
                client=change.client_id,
                data=_shown(wire.get("data")),
            )

    def note(self, kind: str, at_ms: int, **details: Any) -> None:
        happening = {"kind": kind, "at": at_ms, **{name: value for name, value in details.items() if value is not None}}
        self.recent.append(happening)
        for follower in self._followers:
            if follower.full():
                follower.get_nowait()
            follower.put_nowait(happening)

    def follow(self) -> asyncio.Queue[dict[str, Any]]:
        """A queue of what happens from now on; give it back to `leave`."""
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue(MAX_UNREAD)
        self._followers.add(queue)
        return queue

    def leave(self, queue: asyncio.Queue[dict[str, Any]]) -> None:
        self._followers.discard(queue)


def _shown(data: Any) -> str | None:
    text = data if data is None or isinstance(data, str) else str(data)
    return text if text is None or len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…"
