"""AsyncEndcap: the same SDK for a host that lives on an asyncio loop.

async with AsyncEndcap(config, source) as client:
    client.consent.grant(Purpose.LOCATION, Purpose.PROMOTIONS, text_version="2026-11")
    async for heard in client.heard():
        ...
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from endcap.account import Receipt
from endcap.client import Endcap
from endcap.clock import Clock
from endcap.config import Config
from endcap.consent import Consent
from endcap.device import LocationSource
from endcap.dispatch import inline
from endcap.engine import ClientState
from endcap.fences import Evidence, Geofence, GeofenceEvent
from endcap.messages import CustomerAlert, Fix
from endcap.privacy import PrivacyZone
from endcap.transports import Transport

Heard = GeofenceEvent | CustomerAlert | ClientState

BEHIND_AT_MOST = 10_000  # what a reader hasn't taken; then the oldest falls away


class AsyncEndcap:
    """Wraps an `Endcap`; what blocks there runs on a thread here. To be used from the loop it was entered on.

    What is heard is kept from `__aenter__` on, so that nothing is missed before the first `async for`; `overflowed`
    counts what a reader that is 10,000 behind has missed.
    """

    def __init__(
        self,
        config: Config,
        source: LocationSource | None = None,
        *,
        zones: Iterable[PrivacyZone] = (),
        transport: Transport | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.client = Endcap(config, source, zones=zones, transport=transport, dispatcher=inline, clock=clock)
        self.overflowed = 0
        self._heard: deque[Heard] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._news = asyncio.Event()
        self._closed = False
        for listen in (self.client.on_event, self.client.on_promotion, self.client.on_state):
            listen(self._hear)

    @property
    def consent(self) -> Consent:
        return self.client.consent

    @property
    def state(self) -> ClientState:
        return self.client.state

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._closed = False
        await asyncio.to_thread(self.client.start)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.client.close)
        self._closed = True
        self._news.set()

    async def heard(self) -> AsyncIterator[Heard]:
        """Visits, offers and states as they come, oldest first; ends when the client is closed."""
        while True:
            while self._heard:
                yield self._heard.popleft()
            if self._closed:
                return
            self._news.clear()
            if not self._heard:
                await self._news.wait()

    async def events(self) -> AsyncIterator[GeofenceEvent]:
        """Visits alone; what else is heard meanwhile is passed over."""
        async for heard in self.heard():
            if isinstance(heard, GeofenceEvent):
                yield heard

    async def promotions(self) -> AsyncIterator[CustomerAlert]:
        """Offers alone; what else is heard meanwhile is passed over."""
        async for heard in self.heard():
            if isinstance(heard, CustomerAlert):
                yield heard

    def register(self, *fences: Geofence) -> None:
        self.client.register(*fences)

    def unregister(self, *fence_ids: str) -> None:
        self.client.unregister(*fence_ids)

    async def feed(self, evidence: Fix | Evidence) -> bool:
        return await self._apart(self.client.feed, evidence)

    async def report(self, kind: str, alert: CustomerAlert | None = None, *, note: str | None = None) -> bool:
        return await asyncio.to_thread(self.client.report, kind, alert, note=note)

    async def flush(self, timeout_s: float = 10.0) -> bool:
        return await self._apart(self.client.flush, timeout_s)

    async def diagnostics(self) -> dict[str, Any]:
        return await asyncio.to_thread(self.client.diagnostics)

    async def export(self, path: Path | None = None) -> dict[str, Any]:
        return await asyncio.to_thread(self.client.export, path)

    async def delete_my_data(self) -> Receipt:
        return await asyncio.to_thread(self.client.delete_my_data)

    async def _apart(self, call: Callable[[Any], bool], argument: Any) -> bool:
        return await asyncio.to_thread(call, argument)

    def _hear(self, heard: Heard) -> None:
        """On a thread of the SDK's: hop onto the loop."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._keep, heard)

    def _keep(self, heard: Heard) -> None:
        if len(self._heard) >= BEHIND_AT_MOST:
            self._heard.popleft()
            self.overflowed += 1
        self._heard.append(heard)
        self._news.set()
