"""One channel listened to: what is published on it, from the last hundred messages on and over any gap."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from endcap.errors import EndcapError
from endcap.transports.ably_endpoint import fault_from

if TYPE_CHECKING:
    from ably import AblyRealtime

log = logging.getLogger("endcap")

REWIND = "100"  # messages a first attach replays; Ably's most
HISTORY_PAGE = 100
HISTORY_MOST = 1000  # messages fetched after a gap: more than a shopper is ever told in three days
OVERLAP_MS = 10_000  # history is asked from so long before the newest message heard; repeats are the listener's to drop


class Listening:
    """Hands each message's data to `on_data`. Everything runs on the connection's thread.

    ably resumes over short gaps by itself. After one that it could not bridge, history is asked; a message may then
    come twice. `refused` hears by which client and why when the channel, once attached, is taken away.
    """

    def __init__(
        self,
        name: str,
        on_data: Callable[[object], None],
        refused: Callable[[AblyRealtime, EndcapError], None],
    ) -> None:
        self.name = name
        self.caught_up = 0  # messages that history brought
        self._on_data = on_data
        self._refused = refused
        self._client: AblyRealtime | None = None
        self._watch: Callable[[Any], None] = lambda change: None  # of its channel
        self._newest_ms = 0
        self._attached = False  # by this client
        self._held = False  # by any

    async def attach(self, client: AblyRealtime) -> None:
        """Attach by this client, instead of the one before; returns when attached.

        Raises:
            EndcapError: the channel was refused, or the connection was given up.
        """
        from ably import AblyException
        from ably.types.channeloptions import ChannelOptions

        self._client, self._attached = client, False
        channel = client.channels.get(self.name, ChannelOptions(params={"rewind": REWIND}))
        self._watch = lambda change: self._on_state(client, change)  # ably takes functions only
        channel.on(self._watch)
        try:
            await channel.subscribe(self._hear)
        except AblyException as fault:
            raise fault_from(fault, "attach", self.name) from fault

    def let_go(self) -> None:
        """Hear nothing more: ably keeps a listener whose attach was given up, and would attach in the end."""
        if self._client is not None:
            channel = self._client.channels.get(self.name)
            channel.off(self._watch)
            channel.unsubscribe(self._hear)

    def _on_state(self, client: AblyRealtime, change: Any) -> None:
        if client is not self._client:
            return  # the last words of one that was given up
        if change.current.value == "attached":
            if self._attached and not change.resumed:
                asyncio.get_running_loop().create_task(self._catch_up())
            self._attached = self._held = True
        elif change.current.value == "failed" and self._held:
            self._refused(client, fault_from(change.reason, "attach", self.name))

    def _hear(self, message: Any) -> None:
        self._newest_ms = max(self._newest_ms, int(message.timestamp or 0))
        try:
            self._on_data(message.data)
        except Exception:
            log.exception("a listener on an Ably channel failed")

    async def _catch_up(self) -> None:
        """Ask history for what came since the newest message heard, and hand it over oldest first."""
        since_ms = self._newest_ms - OVERLAP_MS
        missed: list[Any] = []
        assert self._client is not None
        try:
            page = await self._client.channels.get(self.name).history(direction="backwards", limit=HISTORY_PAGE)
            while page is not None and len(missed) < HISTORY_MOST:
                fresh = [message for message in page.items if int(message.timestamp or 0) >= since_ms]
                missed += fresh
                page = await page.next() if len(fresh) == len(page.items) and page.has_next() else None
        except Exception as fault:  # no history capability, or no network: live messages go on
            log.warning("asking an Ably channel's history after a gap: %s", type(fault).__name__)
        self.caught_up += len(missed)
        for message in reversed(missed):
            self._hear(message)
